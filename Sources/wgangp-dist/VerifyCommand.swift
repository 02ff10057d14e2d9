import ArgumentParser
import Base
import Collectives
import Configuration
import Datasets
import Foundation
import Recipe
import Storage
import Training
import Verification

/// The command `verify`: the steps of a recording, on all ranks; exits with 1 where a tensor is
/// beyond its limit.
///
/// `RecordingReplay` has the format, the limits and what is not compared. Rank 0 prints a table, a
/// line a tensor, and the verdict at the end. Where tensors fail of a recording that does not list
/// inputs near to 0, all steps are done a second time, without `--json`, to find such inputs: a
/// failure that comes from one is none of the arithmetic.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Replay a run that was recorded in PyTorch, and compare every tensor.",
    discussion: """
      Prints the error of every expected tensor beside PyTorch float32's own: max |got - expected| \
      over the tensor's largest magnitude (a gradient's: over all gradients of its step). Passes \
      when each is at most max(4 x PyTorch's, 1e-5), 1e-4 with batch norm in the critic. Exit \
      status 0: all pass, 1: not. A parameter whose gradient is 0 but for rounding (a bias in \
      front of batch norm) is held where the recording has it, and not compared at the end; the \
      running means behind it are, within 1e-5 or 1e-4.

      Inputs of (leaky) ReLUs that rounding may put on either side of 0 take the side that the \
      recording says. One that says none is judged without, and if it fails, such inputs are \
      named. benchmarks/record.py makes recordings.

      The recording's width, batch and critic steps override the configuration's.
      """)

  /// Width, batch and critic steps are the recording's; overrides come after those.
  @Option(
    name: .long,
    help: "The configuration of the networks; without it, the built-in default.",
    completion: .file())
  var config: String?

  /// The verdict, and the lines of tensors that fail; it is this command's own, not
  /// `MessageOptions`'.
  @Flag(name: .long, help: "Print only tensors that fail, and the verdict.")
  var quiet = false

  @Flag(name: .long, help: "Print one line of JSON.")
  var json = false

  /// Read by every rank; size and CRC-32 of what they read are compared before the first step.
  @Argument(help: "The recording, a safetensors file.", completion: .file())
  var file: String

  @Argument(
    help: ArgumentHelp("Overrides, such as width=8 or training.shards=4.", valueName: "key=value"))
  var overrides: [String] = []

  /// Replays on all ranks, prints on rank 0.
  ///
  /// - Throws: `ExitCode` 1 where a tensor fails, or after an error has been printed.
  func run() throws {
    try Job.run(isJSON: json) { communicator in
      var replay = try communicator.agree { try makeReplay(communicator) }
      try communicator.requireSame(replay.document)
      // Each rank reads the file: what only one of them trips over must not leave the others
      // waiting.
      let sum = try communicator.agree { try FileSystem.checksum(ofFile: file) }
      try communicator.requireSame("\(sum.size) bytes, CRC-32 \(sum.crc32)", what: file)
      try replay.run()
      let kinks = try replay.replay.kinkCounts()
      let isFirst = communicator.rank == 0
      if isFirst, json { StandardOutput.print(try line(replay.replay, ranks: communicator.size)) }
      if isFirst, !json { report(replay.replay, kinks, ranks: communicator.size) }
      guard !replay.replay.failed.isEmpty else { return }
      if !json, !replay.replay.listsSides {
        // Once more from the start, to see which inputs were near to a kink.
        var second = try communicator.agree { try makeReplay(communicator, watchesKinks: true) }
        try second.run()
        let near = try second.replay.nearKinks()
        if isFirst { printNear(near) }
      }
      throw ExitCode(1)
    }
  }

  /// A recording with networks of their start.
  private struct Replay {
    let document: ConfigurationDocument
    var replay: RecordingReplay
    let criticSteps: Int

    mutating func run() throws { try replay.run(criticSteps: criticSteps) }
  }

  /// Reads the recording and builds networks of its sizes, before their first step.
  ///
  /// - Parameters:
  ///   - communicator: All ranks.
  ///   - watchesKinks: Whether inputs of (leaky) ReLUs near to 0 are looked for, which is slower.
  /// - Returns: The recording with its trainer, and how many critic steps an iteration has.
  /// - Throws: `Fault` or `ConfigurationError`, on this rank.
  private func makeReplay(
    _ communicator: any Communicator, watchesKinks: Bool = false
  ) throws -> Replay {
    let recording = try SafetensorsFile(path: file)
    var document = try ConfigurationDocument.named(config)
    try RecordingReplay.apply(settingsOf: recording, to: &document)
    try document.apply(overrides)
    let configuration = try RunConfiguration(document)
    let trainer = Trainer(try configuration.makeModel(communicator: communicator))
    return Replay(
      document: document,
      replay: RecordingReplay(recording, trainer: trainer, watchesKinks: watchesKinks),
      criticSteps: configuration.training.criticSteps)
  }

  /// What `--json` prints, also where tensors fail; with `--quiet` the `tensors` that do.
  private struct Report: Encodable {
    /// An expected tensor: its error, that of PyTorch's own float32, and the limit that follows
    /// from it.
    struct Tensor: Encodable {
      let name: String
      let error: Double
      let pytorchError: Double
      let limit: Double
      let passes: Bool
    }

    /// An expected tensor that has no limit, and why.
    struct Omission: Encodable {
      let name: String
      let reason: String
    }

    let recording: String
    let ranks: Int
    let passed: Int
    let failed: Int
    let tensors: [Tensor]
    let notCompared: [Omission]
  }

  /// The result as a line of JSON.
  ///
  /// - Parameters:
  ///   - replay: When all steps are done.
  ///   - ranks: Of the job.
  /// - Returns: The line.
  /// - Throws: Where it cannot be encoded.
  private func line(_ replay: RecordingReplay, ranks: Int) throws -> String {
    try JSONLine.text(
      Report(
        recording: file, ranks: ranks, passed: replay.findings.count - replay.failed.count,
        failed: replay.failed.count,
        tensors: (quiet ? replay.failed : replay.findings).map {
          .init(
            name: $0.key, error: $0.error, pytorchError: $0.pytorchError, limit: $0.tolerance,
            passes: $0.passes)
        }, notCompared: replay.notCompared.map { .init(name: $0.key, reason: $0.reason) }))
  }

  /// Prints the table, what was not compared, and the verdict with the tensor nearest to its limit.
  ///
  /// - Parameters:
  ///   - replay: When all steps are done.
  ///   - kinks: Inputs that the recording lists as near to 0, and those that were moved to its
  ///     side.
  ///   - ranks: Of the job.
  private func report(
    _ replay: RecordingReplay, _ kinks: (listed: Int, moved: Int), ranks: Int
  ) {
    let (findings, failed) = (replay.findings, replay.failed)
    printTable(quiet ? failed : findings)
    if !quiet {
      for omission in replay.notCompared {
        StandardOutput.print("not compared: \(omission.key): \(omission.reason)")
      }
    }
    if replay.listsSides {
      StandardOutput.print(
        "(leaky) ReLU inputs near to 0: \(kinks.listed) took the recorded side, "
          + "\(kinks.moved) of them were on the other")
    }
    let worst = findings.max {
      $0.error / max($0.tolerance, 1e-30) < $1.error / max($1.tolerance, 1e-30)
    }
    let omitted = replay.notCompared.isEmpty ? "" : ", \(replay.notCompared.count) not compared"
    StandardOutput.print(
      "\(failed.isEmpty ? "passed" : "FAILED"): \(findings.count - failed.count) of "
        + "\(findings.count) tensors "
        + "within tolerance on \(ranks) rank\(ranks == 1 ? "" : "s")\(omitted); nearest to its "
        + "limit: \(worst?.key ?? "") (\(scientific(worst?.error ?? 0)) of "
        + "\(scientific(worst?.tolerance ?? 0)))"
    )
  }

  /// Says what a failure may come from that is none: the layers in whose input a value came near to
  /// 0.
  ///
  /// - Parameter near: The nearest first; eight of them are printed.
  private func printNear(_ near: [NearKink]) {
    guard !near.isEmpty else {
      StandardOutput.print(
        "no (leaky) ReLU had an input within \(scientific(RecordingReplay.nearness)) of its "
          + "largest from 0 in the first step that fails: it is not the side of a kink")
      return
    }
    StandardOutput.print(
      "in the first step that fails, rounding may have put inputs of (leaky) ReLUs on the other "
        + "side of 0:"
    )
    for place in near.prefix(Self.mostPlaces) {
      StandardOutput.print(
        "  \(place.step): \(place.layer): an input of \(scientific(place.distance)) of its largest")
    }
    if near.count > Self.mostPlaces {
      StandardOutput.print("  and \(near.count - Self.mostPlaces) more")
    }
    StandardOutput.print("record it with benchmarks/record.py, which says the side of each")
  }

  /// Layers that are named; the others are counted.
  private static let mostPlaces = 8

  /// A line a tensor with its error, PyTorch's, and the limit; nothing where there are none.
  private func printTable(_ findings: [RecordingReplay.Finding]) {
    guard !findings.isEmpty else { return }
    var table = TextTable([
      .text("tensor"), .number("error"), .number("pytorch"), .number("limit"), .text(""),
    ])
    for finding in findings {
      table.add([
        finding.key, scientific(finding.error), scientific(finding.pytorchError),
        scientific(finding.tolerance), finding.passes ? "" : "FAILED",
      ])
    }
    StandardOutput.print(table.text)
  }

  private func scientific(_ value: Double) -> String { String(format: "%.2e", value) }
}

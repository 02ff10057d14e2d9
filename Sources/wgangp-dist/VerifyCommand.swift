import ArgumentParser
import Collectives
import Configuration
import Datasets
import Foundation
import Recipe
import Storage
import Training
import Verification

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Replay a run that was recorded in PyTorch, and compare every tensor.",
    discussion: """
      Prints the error of every expected tensor beside PyTorch float32's own: max |got - expected| \
      over the tensor's largest magnitude (a gradient's: over all gradients of its step). Passes \
      when each is at most max(4 x PyTorch's, 1e-5), 1e-4 with batch norm in the critic. Exit \
      status 0: all pass, 1: not.

      The recording's width, batch and critic steps override the configuration's.
      """)

  @Option(name: .long, help: "The configuration of the networks; without it, the built-in default.")
  var config: String?

  @Flag(name: .long, help: "Print only tensors that fail, and the verdict.")
  var quiet = false

  @Argument(help: "The recording, a safetensors file.")
  var file: String

  @Argument(
    help: ArgumentHelp("Overrides, such as width=8 or training.shards=4.", valueName: "key=value"))
  var overrides: [String] = []

  func run() throws {
    try Job.run { communicator in
      var verification = try communicator.agree {
        let recording = try SafetensorsFile(path: file)
        var document = try ConfigurationDocument.named(config)
        for (keyPath, value) in RecordingReplay.settings(of: recording) {
          // A configuration without a width keeps its own sizes.
          if keyPath != "width" || document.hasWidth {
            try document.override("\(keyPath)=\(value)")
          }
        }
        try document.apply(overrides)
        let configuration = try RunConfiguration(document)
        let model = try configuration.makeModel(communicator: communicator)
        let trainer = Trainer(model)
        return (
          replay: RecordingReplay(recording, trainer: trainer),
          criticSteps: configuration.training.criticSteps
        )
      }
      // Each rank reads the file: what only one of them trips over must not leave the others
      // waiting.
      let sum = try communicator.agree { try FileSystem.checksum(ofFile: file) }
      try communicator.requireSame("\(sum.size) bytes, CRC-32 \(sum.crc32)", what: file)
      try verification.replay.run(criticSteps: verification.criticSteps)
      let findings = verification.replay.findings
      let failed = findings.filter { !$0.passes }
      if communicator.rank == 0 {
        printTable(quiet ? failed : findings)
        let worst = findings.max {
          $0.error / max($0.tolerance, 1e-30) < $1.error / max($1.tolerance, 1e-30)
        }
        print(
          "\(failed.isEmpty ? "passed" : "FAILED"): \(findings.count - failed.count) of "
            + "\(findings.count) tensors within tolerance on \(communicator.size) "
            + "rank\(communicator.size == 1 ? "" : "s"); nearest to its limit: \(worst?.key ?? "") "
            + "(\(scientific(worst?.error ?? 0)) of \(scientific(worst?.tolerance ?? 0)))"
        )
      }
      if !failed.isEmpty { throw ExitCode(1) }
    }
  }

  private func printTable(_ findings: [RecordingReplay.Finding]) {
    guard !findings.isEmpty else { return }
    let width = findings.map(\.key.count).max() ?? 0
    func row(_ key: String, _ cells: [String]) -> String {
      key.padding(toLength: width, withPad: " ", startingAt: 0) + "  "
        + cells.joined(separator: "  ")
    }
    print(row("tensor", ["   error", " pytorch", "   limit"]))
    for finding in findings {
      print(
        row(
          finding.key,
          [
            scientific(finding.error), scientific(finding.pytorchError),
            scientific(finding.tolerance),
          ])
          + (finding.passes ? "" : "  FAILED"))
    }
  }

  private func scientific(_ value: Double) -> String { String(format: "%.2e", value) }
}

import Base
import Foundation
import RunSupport
import Runs
import Storage
import TestSupport
import Testing

/// The weights of another run, and nothing else of it, by `train --from`.
@Suite(.serialized) struct OriginTests {
  @discardableResult
  private func train(
    _ run: String, from origin: String? = nil, _ overrides: [String] = [], continues: Bool = false,
    resumes: Bool = false, configuration: String? = nil
  ) throws -> Bool {
    var options = TrainingOptions()
    options.origin = origin
    options.overrides = overrides
    options.goesOn = continues
    options.configuration = configuration
    if resumes { options.resume = run } else { options.runFolder = run }
    return try execute(options)
  }

  /// A run of four iterations whose folder is `first`.
  private func withRun(_ overrides: [String] = [], _ body: (_ folder: String) throws -> Void) throws
  {
    try withTemporaryFolder { folder in
      let file = "\(folder)/tiny.yaml"
      try FileSystem.writeAtomically(tinyConfiguration, to: file)
      try train("\(folder)/first", overrides, configuration: file)
      try body(folder)
    }
  }

  private func tensors(_ run: String, _ name: String, step: Int = 4) throws -> SafetensorsFile {
    try SafetensorsFile(path: "\(run)/checkpoints/step-0000000\(step)/\(name).safetensors")
  }

  private func same(_ one: String, _ other: String) throws -> Bool {
    for name in ["generator", "critic", "optimizer"] {
      let sums = try [one, other].map {
        try FileSystem.checksum(ofFile: "\($0)/checkpoints/latest/\(name).safetensors").crc32
      }
      if sums[0] != sums[1] { return false }
    }
    return true
  }

  @Test func weightsAreTheOthersAndOptimizersFresh() throws {
    try withRun { folder in
      // Without generator steps its parameters stay, and only running statistics move.
      try train(
        "\(folder)/next", from: "\(folder)/first",
        ["training.firstGeneratorIteration=4", "seed=8"])
      let (before, after) = try (
        tensors("\(folder)/first", "generator"), tensors("\(folder)/next", "generator")
      )
      #expect(try before.floats("main.0.weight") == after.floats("main.0.weight"))
      #expect(try before.floats("main.1.weight") == after.floats("main.1.weight"))
      // The counters go on: two critic steps an iteration.
      #expect(try before.integers("main.1.num_batches_tracked") == [12])
      #expect(try after.integers("main.1.num_batches_tracked") == [12 + 8])
      let optimizer = try tensors("\(folder)/next", "optimizer")
      #expect(try optimizer.integers("generator.step") == [0])
      #expect(try optimizer.integers("critic.step") == [8])
      #expect(try optimizer.floats("generator.main.0.weight.exp_avg").allSatisfy { $0 == 0 })
    }
  }

  @Test func theCriticIsTheOthers() throws {
    try withRun { folder in
      // Too small a rate to move a Float: what the critic ends with is what it began with.
      try train(
        "\(folder)/next", from: "\(folder)/first",
        ["optimizer.critic.adam.learningRate=1.0e-30", "seed=8"])
      for name in ["main.0.weight", "main.3.bias", "main.5.bias"] {
        #expect(
          try tensors("\(folder)/first", "critic").floats(name)
            == tensors("\(folder)/next", "critic").floats(name), "\(name)")
      }
    }
  }

  @Test func stoppedRunsGoOnWithTheSameBits() throws {
    try withRun { folder in
      let first = "\(folder)/first"
      try train("\(folder)/whole", from: first)
      try train("\(folder)/cut", from: first, ["training.iterations=2"])
      // What it began with is not asked for again.
      try FileManager.default.moveItem(atPath: first, toPath: "\(folder)/moved")
      try train("\(folder)/cut", ["training.iterations=4"], resumes: true)
      #expect(try same("\(folder)/whole", "\(folder)/cut"))
      let state = { (run: String) in try FileSystem.readFile("\(run)/checkpoints/latest/state.json")
      }
      #expect(try state("\(folder)/whole") == state("\(folder)/cut"))
      let text = String(decoding: try state("\(folder)/cut"), as: UTF8.self)
      #expect(text.contains("\"path\" : \"\(first)\"") && text.contains("\"iteration\" : 4"))
    }
  }

  /// Killed before its first checkpoint: its folder knows what it began with.
  @Test func runsThatSavedNothingBeginAgainWithTheSame() throws {
    try withRun { folder in
      let (run, first) = ("\(folder)/next", "\(folder)/first")
      try train(run, from: first)
      try FileManager.default.copyItem(atPath: run, toPath: "\(folder)/killed")
      for name in try FileSystem.listDirectory("\(folder)/killed/checkpoints") {
        try FileSystem.removeTree("\(folder)/killed/checkpoints/\(name)")
      }
      try train("\(folder)/killed", continues: true)
      #expect(try same(run, "\(folder)/killed"))
      // The same command line goes on; another one is refused, also where nothing was saved.
      try train(run, from: first, continues: true)
      let other = message { try train(run, from: "\(folder)/x", continues: true) }
      #expect(
        other
          == "\(run): was begun with the weights of \(first), not with --from \(folder)/x; give "
          + "another --run folder")
      let drawn = message {
        try train(first, from: run, continues: true, configuration: "\(folder)/tiny.yaml")
      }
      #expect(drawn?.contains("was begun with drawn weights, not with --from \(run)") == true)
      // A new run in a folder in which one was killed before it was a run.
      try FileSystem.createDirectory("\(folder)/stale")
      try FileManager.default.copyItem(
        atPath: "\(run)/origin.json", toPath: "\(folder)/stale/origin.json")
      try train("\(folder)/stale", configuration: "\(folder)/tiny.yaml")
      #expect(try same(first, "\(folder)/stale"))
      #expect(!FileSystem.exists("\(folder)/stale/origin.json"))
    }
  }

  @Test func averagesGoOnOrBegin() throws {
    let average = "training.generatorAverage={decay: 0.5}"
    let held = "training.firstGeneratorIteration=4"
    try withRun([average]) { folder in
      try train("\(folder)/next", from: "\(folder)/first", [held])
      #expect(
        try tensors("\(folder)/first", "generator_ema").floats("main.0.weight")
          == tensors("\(folder)/next", "generator_ema").floats("main.0.weight"))
      #expect(
        try tensors("\(folder)/first", "generator_ema").floats("main.0.weight")
          != tensors("\(folder)/next", "generator").floats("main.0.weight"))
    }
    try withRun { folder in
      try train("\(folder)/next", from: "\(folder)/first", [held, average])
      #expect(
        try tensors("\(folder)/first", "generator").floats("main.0.weight")
          == tensors("\(folder)/next", "generator_ema").floats("main.0.weight"))
    }
  }

  @Test func aFileOfAGeneratorWillDo() throws {
    try withRun { folder in
      let file = "\(folder)/first/checkpoints/latest/generator.safetensors"
      #expect(
        message { try train("\(folder)/next", from: file) }
          == "\(file): has no config.yaml two levels up; give the configuration by --config FILE")
      try train(
        "\(folder)/next", from: file, ["training.firstGeneratorIteration=4"],
        configuration: "\(folder)/tiny.yaml")
      #expect(
        try tensors("\(folder)/first", "generator").floats("main.0.weight")
          == tensors("\(folder)/next", "generator").floats("main.0.weight"))
    }
  }

  @Test func otherShapesAreAllTold() throws {
    try withRun { folder in
      let first = "\(folder)/first"
      #expect(
        message { try train("\(folder)/next", from: first, ["width=3"]) }
          == "width=3: \(first)/config.yaml has its sizes written out; give the run's own "
          + "configuration by --config FILE")
      let text =
        message {
          try train(
            "\(folder)/next", from: first, ["width=3"], configuration: "\(folder)/tiny.yaml")
        } ?? ""
      let lines = text.components(separatedBy: "\n")
      #expect(lines[0] == "--from: 10 tensors do not fit the configuration", "\(text)")
      let words = lines.map { $0.split(separator: " ").joined(separator: " ") }
      #expect(words.contains("main.0.weight shape [5, 4, 7, 7] [5, 6, 7, 7]"), "\(text)")
      #expect(words.contains("main.0.weight shape [2, 1, 4, 4] [3, 1, 4, 4]"), "\(text)")
      #expect(!FileSystem.exists("\(folder)/next"))
    }
  }
}

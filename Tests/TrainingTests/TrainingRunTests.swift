import Collectives
import Foundation
import Networks
import Storage
import TestSupport
import Testing
import Training

@Suite(.serialized) struct TrainingRunTests {
  private func options(_ folder: String, _ overrides: [String] = []) throws -> TrainingOptions {
    var options = TrainingOptions()
    let file = "\(folder)/tiny.yaml"
    try FileSystem.writeAtomically(tinyConfiguration, to: file)
    options.configuration = file
    options.overrides = overrides
    options.version = "test"
    return options
  }

  /// The bytes of the files of a checkpoint.
  private func checkpoint(_ run: String, step: Int) throws -> [String: [UInt8]] {
    let folder =
      "\(run)/checkpoints/step-\(String(repeating: "0", count: 8 - "\(step)".count))\(step)"
    var files: [String: [UInt8]] = [:]
    for name in try FileSystem.listDirectory(folder) {
      files[name] = try FileSystem.readFile("\(folder)/\(name)")
    }
    return files
  }

  private func train(_ folder: String, run: String, ranks: Int = 1, _ overrides: [String] = [])
    throws
  {
    var options = try options(folder, overrides)
    options.runFolder = run
    let chosen = options
    guard ranks > 1 else {
      return try TrainingRun(chosen, communicator: SoloCommunicator()).execute()
    }
    _ = try ThreadedCommunicator.run(ranks: ranks) {
      try TrainingRun(chosen, communicator: $0).execute()
    }
  }

  private func resume(_ run: String, ranks: Int = 1, _ overrides: [String] = []) throws {
    var options = TrainingOptions()
    options.resume = run
    options.overrides = overrides
    let chosen = options
    guard ranks > 1 else {
      return try TrainingRun(chosen, communicator: SoloCommunicator()).execute()
    }
    _ = try ThreadedCommunicator.run(ranks: ranks) {
      try TrainingRun(chosen, communicator: $0).execute()
    }
  }

  /// Four iterations straight; two and two more; two on two ranks and two more on four, with threads: the
  /// same files, byte for byte.
  @Test func stoppingAndRanksDoNotShow() throws {
    try withTemporaryFolder { folder in
      try train(folder, run: "\(folder)/straight")
      let expected = try checkpoint("\(folder)/straight", step: 4)
      #expect(
        Set(expected.keys) == [
          "generator.safetensors", "critic.safetensors", "optimizer.safetensors", "state.json",
          "DONE",
        ])

      try train(folder, run: "\(folder)/halves", ["training.iterations=2"])
      #expect(
        try checkpoint("\(folder)/halves", step: 2) == checkpoint("\(folder)/straight", step: 2))
      try resume("\(folder)/halves", ["training.iterations=4"])
      #expect(try checkpoint("\(folder)/halves", step: 4) == expected)

      try train(
        folder, run: "\(folder)/ranks", ranks: 2, ["training.iterations=2", "training.threads=2"])
      try resume("\(folder)/ranks", ranks: 4, ["training.iterations=4", "training.threads=1"])
      #expect(try checkpoint("\(folder)/ranks", step: 4) == expected)
    }
  }

  /// What a checkpoint holds, under PyTorch's names and shapes.
  @Test func checkpointsHoldTheState() throws {
    try withTemporaryFolder { folder in
      let run = "\(folder)/run"
      try train(folder, run: run)
      let latest = "\(run)/checkpoints/latest"
      let session = try Session()
      for iteration in 0..<4 { _ = try session.trainer.iterate(iteration, session.inputs) }
      for network in [session.trainer.model.generator, session.trainer.model.critic] {
        let file = try SafetensorsFile(path: "\(latest)/\(network.name).safetensors")
        #expect(Set(file.names) == Set(network.stateTensors.map(\.name)))
        #expect(file.names.contains("main.1.running_var") || network.name == "critic")
        for (name, tensor) in network.stateTensors {
          #expect(try file.entry(name).shape == tensor.shape)
          switch tensor {
          case .parameter(let parameter):
            let values = withOutput(parameter.count) {
              parameter.layout.toPyTorch(UnsafeBufferPointer(parameter.values), into: $0)
            }
            expectSameBits(try file.floats(name), values, name)
          case .buffer(let buffer) where buffer.kind == .counter:
            #expect(try file.integers(name) == [buffer.counter])
            // G: two critic steps and a generator step; C: twice three groups and a generator step's one.
            #expect(buffer.counter == 4 * (network.name == "generator" ? 3 : 7))
          case .buffer(let buffer):
            expectSameBits(try file.floats(name), buffer.values.buffer, name)
          }
        }
      }
      let optimizer = try SafetensorsFile(path: "\(latest)/optimizer.safetensors")
      #expect(try optimizer.integers("generator.step") == [4])
      #expect(try optimizer.integers("critic.step") == [8])
      #expect(try optimizer.entry("critic.main.0.weight.exp_avg_sq").shape == [2, 1, 4, 4])
      let metrics = String(decoding: try FileSystem.readFile("\(run)/metrics.csv"), as: UTF8.self)
      #expect(metrics.split(separator: "\n").count == 5)
      #expect(
        FileSystem.exists("\(run)/config.yaml") && FileSystem.exists("\(run)/environment.json"))
    }
  }

  @Test func resumingFaults() throws {
    try withTemporaryFolder { folder in
      let missing = message { try resume("\(folder)/nothing") }
      #expect(
        missing?.contains("expected the folder of a run, found no config.yaml in it") == true,
        "\(missing ?? "")")
      let run = "\(folder)/run"
      try train(folder, run: run, ["training.iterations=2"])
      let other = message { try resume(run, ["training.batch=16"]) }
      #expect(other?.contains("a resumed run keeps its configuration") == true, "\(other ?? "")")
      let again = message { try train(folder, run: run) }
      #expect(again?.contains("holds a run already") == true, "\(again ?? "")")
      // A damaged checkpoint is not gone on from.
      let path = "\(run)/checkpoints/step-00000002/critic.safetensors"
      var bytes = try FileSystem.readFile(path)
      bytes[bytes.count - 3] ^= 1
      try FileSystem.writeAtomically(bytes, to: path)
      let damaged = message { try resume(run, ["training.iterations=4"]) }
      #expect(
        damaged?.contains("has no whole checkpoint to go on from") == true, "\(damaged ?? "")")
    }
  }

  /// All ranks end with one error.
  @Test func aFaultEndsAllRanks() throws {
    try withTemporaryFolder { folder in
      var options = try options(folder, ["training.batch=2"])
      options.runFolder = "\(folder)/run"
      let chosen = options
      let results = ThreadedCommunicator.results(ranks: 2) {
        try TrainingRun(chosen, communicator: $0).execute()
      }
      #expect(results.count == 2)
      for result in results {
        let text = message { try result.get() }
        #expect(
          text?.contains("expected at least training.shards = 4 samples, found 2") == true,
          "\(text ?? "")")
      }
    }
  }
}

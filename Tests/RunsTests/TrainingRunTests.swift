import Collectives
import Foundation
import Networks
import RunSupport
import Runs
import Storage
import TestSupport
import Testing

@Suite(.serialized) struct TrainingRunTests {
  private func options(
    _ folder: String, _ overrides: [String] = [], text: String = tinyConfiguration
  ) throws -> TrainingOptions {
    var options = TrainingOptions()
    let file = "\(folder)/tiny.yaml"
    try FileSystem.writeAtomically(text, to: file)
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

  private func train(
    _ folder: String, run: String, ranks: Int = 1, _ overrides: [String] = [],
    text: String = tinyConfiguration
  ) throws {
    var options = try options(folder, overrides, text: text)
    options.runFolder = run
    try execute(options, ranks: ranks)
  }

  private func resume(
    _ run: String, ranks: Int = 1, _ overrides: [String] = [], acceptsChanges: Bool = false
  ) throws {
    var options = TrainingOptions()
    options.resume = run
    options.acceptsChanges = acceptsChanges
    options.overrides = overrides
    try execute(options, ranks: ranks)
  }

  /// A checkpoint in minutes is due once a minute, on all ranks: not at every iteration from the
  /// first minute on.
  @Test func checkpointsByTheClock() throws {
    try withTemporaryFolder { folder in
      var options = try options(
        folder,
        ["output.checkpointEvery=1 minutes", "output.keep=20", "training.iterations=9"])
      options.runFolder = "\(folder)/run"
      let chosen = options
      _ = try ThreadedCommunicator.run(ranks: 2) { communicator in
        let run = try TrainingRun(chosen, communicator: communicator)
        var seconds = 0.0
        run.clock = { seconds }
        run.observer = { _ in
          seconds += 30
          return true
        }
        try run.execute()
      }
      let steps = try FileSystem.listDirectory("\(folder)/run/checkpoints")
        .filter { $0.hasPrefix("step-") }.compactMap { Int($0.dropFirst(5)) }.sorted()
      // Due behind iteration 2, 5 and 8, each saved by the next; the last is the run's end.
      #expect(steps == [3, 6, 9])
    }
  }

  /// Four iterations straight; two and two more; two on two ranks and two more on four, with
  /// threads: the same files, byte for byte.
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

  /// A resumed run has the same bits with every optimizer's state, a rate that changes, and an
  /// average of G, which is drawn from in between.
  @Test(arguments: [
    "adam: {learningRate: 1.0e-3, epsilonForm: hat",
    "rmsprop: {learningRate: 1.0e-3",
    "rmsprop: {learningRate: 1.0e-3, form: tensorflow, momentum: 0.5",
    "sgd: {learningRate: 1.0e-3",
    "sgd: {learningRate: 1.0e-3, momentum: 0.5, nesterov: true",
  ])
  func stoppingDoesNotShow(critic: String) throws {
    let text = tinyConfiguration(
      critic: critic + ", learningRateSchedule: {linear: {steps: 5}}}")
    let average = [
      "training.generatorAverage.decay=0.75", "training.generatorAverage.startIteration=1",
      "output.sampleEvery=1 iterations",
    ]
    try withTemporaryFolder { folder in
      try train(folder, run: "\(folder)/straight", average, text: text)
      let expected = try checkpoint("\(folder)/straight", step: 4)
      #expect(expected.keys.contains("generator_ema.safetensors"))
      #expect(expected["generator_ema.safetensors"] != expected["generator.safetensors"])
      try train(
        folder, run: "\(folder)/halves", average + ["training.iterations=2"], text: text)
      try resume("\(folder)/halves", ranks: 2, ["training.iterations=4"])
      let found = try checkpoint("\(folder)/halves", step: 4)
      for (name, bytes) in expected {
        // Not the bytes themselves: a failure would print them.
        let isSame = found[name] == bytes
        #expect(isSame, "\(name)")
      }
      #expect(found.count == expected.count)
      let pictures = try FileSystem.listDirectory("\(folder)/straight/samples")
      // One an iteration, and the reals beside the last samples.
      #expect(pictures.count == 5)
      for name in pictures {
        let isSame =
          try FileSystem.readFile("\(folder)/halves/samples/\(name)")
          == FileSystem.readFile("\(folder)/straight/samples/\(name)")
        #expect(isSame, "\(name)")
      }

      // The average under the names of the generator's state dict, with its running statistics.
      let session = try Session(average, text: text)
      for iteration in 0..<4 { _ = try session.trainer.iterate(iteration, session.inputs) }
      let file = try SafetensorsFile(
        path: "\(folder)/straight/checkpoints/latest/generator_ema.safetensors")
      let generator = session.trainer.model.generator
      let values = try #require(session.trainer.generatorAverage?.values)
      #expect(Set(file.names) == Set(generator.stateTensors.map(\.name)))
      for (name, tensor) in generator.stateTensors {
        switch tensor {
        case .parameter(let parameter):
          let wanted = withOutput(parameter.count) {
            parameter.layout.toPyTorch(
              UnsafeBufferPointer(parameter.slice(values.pointer)), into: $0)
          }
          expectSameBits(try file.floats(name), wanted, name)
        case .buffer(let buffer) where buffer.kind == .counter:
          #expect(try file.integers(name) == [buffer.counter])
        case .buffer(let buffer):
          expectSameBits(try file.floats(name), buffer.values.buffer, name)
        }
      }
    }
  }

  /// A run goes on in one process at a time.
  @Test func aRunInUseIsNotResumed() throws {
    try withTemporaryFolder { folder in
      let run = "\(folder)/run"
      try train(folder, run: run, ["training.iterations=2"])
      let lease = try RunLease(folder: run)
      let results = ThreadedCommunicator.results(ranks: 2) { communicator in
        var options = TrainingOptions()
        options.resume = run
        options.overrides = ["training.iterations=4"]
        try TrainingRun(options, communicator: communicator).execute()
      }
      for result in results {
        let text = message { _ = try result.get() }
        #expect(
          text?.contains("\(run): in use by process \(getpid()) on ") == true, "\(text ?? "")")
      }
      #expect(!FileSystem.exists("\(run)/checkpoints/step-00000004"))
      lease.release()
      try resume(run, ["training.iterations=4"])
      #expect(FileSystem.exists("\(run)/checkpoints/step-00000004"))
    }
  }

  /// Another optimizer's checkpoint is refused by the name of what it lacks.
  @Test func anotherOptimizersCheckpoint() throws {
    try withTemporaryFolder { folder in
      let run = "\(folder)/run"
      try train(folder, run: run, ["training.iterations=2"])
      let path = "\(run)/config.yaml"
      try FileSystem.writeAtomically(
        tinyConfiguration.replacingOccurrences(
          of: "adam: {learningRate: 1.0e-3, beta1: 0.5, beta2: 0.9}",
          with: "rmsprop: {learningRate: 1.0e-3}"), to: path)
      let changed = message { try resume(run, ["training.iterations=4"]) }
      #expect(
        changed?.contains("config.yaml has been changed since: optimizer.critic.adam") == true,
        "\(changed ?? "no error")")
      let other = message { try resume(run, ["training.iterations=4"], acceptsChanges: true) }
      #expect(
        other?.contains("generator.main.0.weight.square_avg: the checkpoint is of another") == true,
        "\(other ?? "no error")")
      try FileSystem.writeAtomically(
        tinyConfiguration.replacingOccurrences(
          of: "iterations: 4}", with: "iterations: 4, generatorAverage: {decay: 0.5}}"), to: path)
      let average = message { try resume(run, ["training.iterations=4"], acceptsChanges: true) }
      #expect(
        average?.contains("generator_ema.safetensors: not there") == true,
        "\(average ?? "no error")"
      )
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
              parameter.layout.toPyTorch(parameter.values, into: $0)
            }
            expectSameBits(try file.floats(name), values, name)
          case .buffer(let buffer) where buffer.kind == .counter:
            #expect(try file.integers(name) == [buffer.counter])
            // G: two critic steps and a generator step; C: twice three groups and a generator
            // step's one.
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
      // Files of two checkpoints, under a DONE of their own.
      try train(folder, run: "\(folder)/short", ["training.iterations=1"])
      let mixed = "\(run)/checkpoints/step-00000002"
      let optimizer = try FileSystem.readFile(
        "\(folder)/short/checkpoints/step-00000001/optimizer.safetensors")
      try FileSystem.writeAtomically(optimizer, to: "\(mixed)/optimizer.safetensors")
      let files = try CheckpointStore.files(in: mixed).map { file in
        let (size, sum) = try FileSystem.checksum(ofFile: "\(mixed)/\(file.name)")
        return StoredFile(name: file.name, size: size, crc32: sum)
      }
      try CheckpointStore(directory: "\(run)/checkpoints", keep: 1).seal(mixed, files: files)
      let updates = message { try resume(run, ["training.iterations=4"]) }
      #expect(
        updates?.contains("generator.step is 1, but after the 2 iterations") == true,
        "\(updates ?? "")")
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
        let text = message { _ = try result.get() }
        #expect(
          text?.contains("expected at least training.shards = 4 samples, found 2") == true,
          "\(text ?? "")")
      }
    }
  }
}

import Foundation
import TestSupport
import Testing
import WGANGP

/// What other packages see: by its public names alone.
@Suite(.serialized) struct LibraryTests {
  private let overrides = [
    "width=2", "training.iterations=4", "training.batch=8", "training.shards=4",
    "training.criticSteps=1", "data.count=100", "output.sampleEvery=never",
    "evaluation.every=never",
  ]

  /// The same losses in a run's metrics.csv.
  private func logged(_ run: String) throws -> [[Double]] {
    let lines = try String(contentsOfFile: "\(run)/metrics.csv", encoding: .utf8)
      .split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
    let places = try ["w_distance", "penalty", "critic_loss", "generator_loss"].map { name in
      try #require(lines[0].firstIndex { $0.hasPrefix("\(name) ") }, "\(lines[0])")
    }
    return try lines.dropFirst().map { line in
      try places.map { try #require(Double(line[$0])) }
    }
  }

  @Test func aRunIsStoppedAndGoneOnWith() throws {
    try withTemporaryFolder { folder in
      let whole = Training(overrides: overrides, folder: "\(folder)/whole")
      var numbers: [Int] = []
      var losses: [[Double]] = []
      let done = try whole.run { iteration in
        numbers.append(iteration.number)
        losses.append([
          iteration.wasserstein, iteration.gradientPenalty, iteration.criticLoss,
          iteration.generatorLoss,
        ])
        #expect(iteration.count == 4 && iteration.seconds > 0)
        return .goOn
      }
      #expect(done.isDone && done.folder == "\(folder)/whole" && numbers == [1, 2, 3, 4])
      let logged = try logged("\(folder)/whole")
      #expect(logged.count == 4)
      for (found, expected) in zip(losses, logged) {
        expectClose(found, expected, absolute: 1e-6, relative: 1e-6, "w, penalty, both losses")
      }

      var parts = Training(overrides: overrides, folder: "\(folder)/parts", continues: true)
      let stopped = try parts.run { $0.number == 2 ? .stop : .goOn }
      #expect(!stopped.isDone)
      parts.overrides = []
      let rest = try parts.run { iteration in
        numbers.append(iteration.number)
        return .goOn
      }
      #expect(rest.isDone && numbers == [1, 2, 3, 4, 3, 4])
      let (a, b) = (try TrainedGenerator(done.folder), try TrainedGenerator(rest.folder))
      #expect(a.iteration == 4 && b.iteration == 4)
      #expect(try a.samples(3, seed: 5).values == b.samples(3, seed: 5).values)
      #expect(try a.samples(3, seed: 5).values != a.samples(3, seed: 6).values)
    }
  }

  @Test func samplesScoresAndModules() throws {
    try withTemporaryFolder { folder in
      let often = overrides + ["output.checkpointEvery=2 iterations"]
      let run = try Training(overrides: often, folder: "\(folder)/run").run()
      let generator = try TrainedGenerator(run.folder, checkpoint: .step(4))
      #expect(generator.sampleSizes == [1, 28, 28])
      #expect(generator.classCount == 0 && generator.conditionNames.isEmpty)
      let samples = try generator.samples(5)
      #expect(samples.shape == [5, 1, 28, 28] && samples.values.count == 5 * 784)
      // The first ones are the same, however many are drawn.
      #expect(try generator.samples(2).values == Array(samples.values.prefix(2 * 784)))
      let scores = try generator.scores(["diversity"], samples: 20)
      #expect(scores["diversity"]?.isEmpty == false, "\(scores)")
      #expect(try generator.scores(["diversity"], samples: 20, seed: 5) != scores)
      let files = try generator.export(to: "\(folder)/torch")
      #expect(files.contains { $0.hasSuffix("model.py") }, "\(files)")
      // The checkpoint that was opened, not the newest.
      let earlier = try TrainedGenerator(run.folder, checkpoint: .step(2))
      #expect(try earlier.samples(2).values != generator.samples(2).values)
      try earlier.export(to: "\(folder)/earlier")
      let exported = try ["torch", "earlier"].map {
        try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)/generator.safetensors"))
      }
      #expect(exported[0].count == exported[1].count && exported[0] != exported[1])
      // What a run begins with is kept in its folder.
      let next = try Training(
        overrides: ["training.iterations=1"], folder: "\(folder)/next", origin: run.folder
      ).run()
      #expect(FileManager.default.fileExists(atPath: "\(next.folder)/origin.json"))
    }
  }

  @Test func failuresAreOneLine() throws {
    try withTemporaryFolder { folder in
      func text(_ body: () throws -> Void) -> String {
        do { try body() } catch { return "\(error)" }
        return "no failure"
      }
      let bad = text {
        try Training(overrides: ["width=none"], folder: "\(folder)/x").run()
      }
      #expect(bad.contains("width=none") && !bad.contains("\n"), "\(bad)")
      let none = text { _ = try TrainedGenerator("\(folder)/none") }
      #expect(none.contains("\(folder)/none"), "\(none)")
      let run = try Training(overrides: overrides, folder: "\(folder)/run").run()
      let generator = try TrainedGenerator(run.folder)
      let classes = text {
        _ = try generator.samples(1, classes: [3])
      }
      #expect(classes.contains("takes none"), "\(classes)")
      let count = text { _ = try generator.samples(0) }
      #expect(count.contains("at least one"), "\(count)")
    }
  }
}

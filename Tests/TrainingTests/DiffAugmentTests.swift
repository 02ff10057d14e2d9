import Base
import Collectives
import Foundation
import Networks
import Recipe
import RunSupport
import TestSupport
import Testing
import Training

/// Augmentation of what the critic sees, through which the generator's gradient goes.
@Suite struct DiffAugmentTests {
  /// What the published code made of a picture; see `make_diff_augment.py`.
  private struct Case: Decodable {
    var shape: [Int]
    var policy: [String]
    var drawn: [Double]
    var x: [Float]
    var y: [Float]
    var back: [Float]
    var gradient: [Float]

    /// Values with channels first as this program has them.
    func channelsLast(_ values: [Float]) -> [Float] {
      let (channels, pixels) = (shape[0], shape[1] * shape[2])
      return (0..<values.count).map { values[$0 % channels * pixels + $0 / channels] }
    }

    /// The published code's random numbers as a draw.
    var draw: DifferentiableAugmentation.Draw {
      var draw = DifferentiableAugmentation.Draw(
        brightness: 0, saturation: 1, contrast: 1, rows: 0, columns: 0, cutRows: 0..<0,
        cutColumns: 0..<0)
      var drawn = self.drawn[...]
      for name in policy {
        switch name {
        case "color":
          draw.brightness = Float(drawn.removeFirst() - 0.5)
          draw.saturation = Float(drawn.removeFirst() * 2)
          draw.contrast = Float(drawn.removeFirst() + 0.5)
        case "translation":
          draw.rows = Int(drawn.removeFirst())
          draw.columns = Int(drawn.removeFirst())
        default:
          draw.cutRows = Self.cut(Int(drawn.removeFirst()), of: shape[1])
          draw.cutColumns = Self.cut(Int(drawn.removeFirst()), of: shape[2])
        }
      }
      return draw
    }

    /// The pixels of the published code's grid, clamped to the picture.
    static func cut(_ offset: Int, of size: Int) -> Range<Int> {
      let part = Int(Double(size) * 0.5 + 0.5)
      let grid = (0..<part).map { min(size - 1, max(0, $0 + offset - part / 2)) }
      return grid[0]..<grid[part - 1] + 1
    }
  }

  private struct Recording: Decodable {
    var cases: [Case]
  }

  private func cases() throws -> [Case] {
    let path = repositoryFile("Tests/TrainingTests/Fixtures/diff-augment.json")
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    return try JSONDecoder().decode(Recording.self, from: data).cases
  }

  private func changed(_ values: [Float], _ body: (MutableFloatBuffer) -> Void) -> [Float] {
    var values = values
    values.withUnsafeMutableBufferPointer { body($0) }
    return values
  }

  /// Values and gradients of the published code on the same draws.
  @Test func publishedNumbers() throws {
    let cases = try cases()
    #expect(cases.count == 24)
    for test in cases {
      let augmentation = DifferentiableAugmentation(
        try test.policy.map { try #require(.init(rawValue: $0)) }, of: Shape(test.shape))
      let y = changed(test.channelsLast(test.x)) { augmentation.apply(test.draw, to: $0) }
      expectClose(y, test.channelsLast(test.y), absolute: 1e-6, "\(test.policy) \(test.shape)")
      let gradient = changed(test.channelsLast(test.back)) {
        augmentation.applyTransposed(test.draw, to: $0)
      }
      expectClose(
        gradient, test.channelsLast(test.gradient), absolute: 2e-6,
        "gradient of \(test.policy) \(test.shape)")
    }
  }

  /// Draws lie in the published ranges and reach their ends; cuts are those of the published grid.
  @Test(arguments: [(28, 28), (32, 9), (5, 6)]) func draws(height: Int, width: Int) throws {
    let augmentation = DifferentiableAugmentation(
      DifferentiableAugmentation.Policy.allCases,
      of: Shape(channels: 1, height: height, width: width))
    let stream = RandomStream(seed: 4, purpose: .criticAugmentation, step: 9)
    let draws = (0..<4000).map { augmentation.draw(stream, sample: $0) }
    #expect(draws[7] == augmentation.draw(stream, sample: 7) && draws[7] != draws[8])
    for (values, low, high) in [
      (draws.map(\.brightness), Float(-0.5), Float(0.5)), (draws.map(\.saturation), 0, 2),
      (draws.map(\.contrast), 0.5, 1.5),
    ] {
      let (least, most) = (try #require(values.min()), try #require(values.max()))
      #expect(least >= low && least < low + 0.01 && most < high && most > high - 0.01)
    }
    for (shifts, cuts, size) in [
      (draws.map(\.rows), draws.map(\.cutRows), height),
      (draws.map(\.columns), draws.map(\.cutColumns), width),
    ] {
      let most = Int(Double(size) * 0.125 + 0.5)
      #expect(Set(shifts) == Set(-most...most))
      let part = Int(Double(size) * 0.5 + 0.5)
      let offsets = 0..<size + 1 - part % 2
      #expect(Set(cuts) == Set(offsets.map { Case.cut($0, of: size) }))
    }
  }

  /// Three channels, so that saturation does something; no kinks, so that differences hold.
  private static func pictures(pack: Int = 1) -> String {
    var text = tinyConfiguration
    for (old, new) in [
      ("leakyReLU: {slope: 0.2}", "tanh"), ("- relu", "- tanh"),
      ("lastBatch: keep", "lastBatch: drop"),
      ("convTranspose2d: {channels: 1,", "convTranspose2d: {channels: 3,"),
      ("critic:\n", "critic:\n  pack: \(pack)\n  augment: [color, translation, cutout]\n"),
    ] {
      text = text.replacingOccurrences(of: old, with: new)
    }
    return text
  }

  /// The generator's gradient goes back through all changes, with packs too.
  @Test(arguments: [1, 3]) func gradientsOfTheLosses(pack: Int) throws {
    try expectGradientsOfTheLosses(
      configuration(text: Self.pictures(pack: pack)), generatorFactor: 4)
  }

  /// Reals and fakes are changed by draws of their own, of the step; points lie between what the
  /// critic sees.
  @Test func inputsOfTheCritic() throws {
    let model = try configuration(text: Self.pictures()).makeModel(
      communicator: SoloCommunicator())
    let augmentation = try #require(model.augmentation)
    let inputs = FixedInputs(batch: 12)
    let trainer = Trainer(model)
    for (iteration, step) in [(0, 0), (0, 1), (2, 1)] {
      _ = try trainer.criticGradient(step, ofIteration: iteration, inputs)
      // Two critic steps and a generator step an iteration, two numbers each.
      let stream = RandomStream(
        seed: 3, purpose: .criticAugmentation, step: 2 * (3 * iteration + step))
      let pass = Pass(.global(batch: 12), groups: 0..<3, plan: model.context.plan)
      for shard in 0..<model.context.plan.localShards {
        for index in 0..<pass.samples(inShard: shard) {
          let sample = pass.firstSample(inShard: shard) + index
          let found = (0..<3).map {
            Array(model.critic.input.sample(index, group: $0, pass, shard: shard))
          }
          let real = withOutput(28 * 28 * 3) { inputs.copyReal(sample, into: $0) }
          let fake = Array(model.generator.output.sample(index, group: 0, pass, shard: shard))
          for (group, original) in [real, fake].enumerated() {
            let drawn = augmentation.draw(stream, sample: 2 * sample + group)
            expectSameBits(found[group], changed(original) { augmentation.apply(drawn, to: $0) })
          }
          let weight = inputs.interpolationWeight(sample)
          expectClose(
            found[2], zip(found[0], found[1]).map { weight * $0 + (1 - weight) * $1 },
            absolute: 1e-5)
        }
      }
    }
  }

  @Test func threadsAndRanksDoNotShow() throws {
    let state = try expectThreadsAndRanksDoNotShow(["critic.augment=[translation, cutout, color]"])
    #expect(try trainedState(["critic.augment=[]"]) != state)
  }

  @Test(arguments: [
    ("[colour]", "expected a list of color, translation, cutout, found 'colour'"),
    ("[cutout]; training.fixedGenerator=true", "expected no training.fixedGenerator"),
  ])
  func refused(values: String, expected: String) {
    let overrides = "critic.augment=\(values)".split(separator: ";").map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    let found = message {
      _ = try configuration(overrides).makeModel(communicator: SoloCommunicator())
    }
    #expect(found?.contains(expected) == true, "\(found ?? "no error")")
  }

  @Test func pointsAreNoPictures() {
    let found = message {
      _ = try configuration(["critic.augment=[color]"], text: ConditionedTrainingTests.text)
        .makeModel(communicator: SoloCommunicator())
    }
    #expect(
      found?.contains("expected pictures, found samples of 2x1x1") == true,
      "\(found ?? "no error")")
  }
}

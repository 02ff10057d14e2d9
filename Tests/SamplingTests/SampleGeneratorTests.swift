import Base
import Collectives
import Datasets
import Foundation
import Networks
import Reports
import RunSupport
import Sampling
import Storage
import TestSupport
import Testing
import Training

/// Points of the plane on a diagonal, some of them none.
private struct Diagonal: Dataset {
  let name = "diagonal"
  let count = 50
  let shape = Shape(channels: 2, height: 1, width: 1)
  let condition = ConditionShape.none
  func copyCondition(at index: Int, into condition: Condition) {}
  func copySample(
    at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>
  ) {
    output[0] = Float(index) / 25 - 1
    output[1] = output[0]
  }
}

/// Ten classes of one pixel, sample i of class i mod 10.
private struct Classes: Dataset {
  let name = "classes"
  let count = 500
  let shape = Shape(channels: 1, height: 1, width: 1)
  let condition = ConditionShape(classes: 10)
  func copyCondition(at index: Int, into condition: Condition) { condition.label = index % 10 }
  func copySample(
    at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>
  ) {
    output[0] = Float(index)
  }
}

/// Pairs of numbers, sample i of (i mod 5, 0.5).
private struct Energies: Dataset {
  let name = "energies"
  let count = 200
  let shape = Shape(channels: 1, height: 1, width: 1)
  let condition = ConditionShape(numbers: 2)
  func copyCondition(at index: Int, into condition: Condition) {
    ConditionValues(numbers: [Float(index % 5), 0.5]).copy(to: condition)
  }
  func copySample(
    at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>
  ) {
    output[0] = Float(index)
  }
}

@Suite struct SampleGeneratorTests {
  static let planar = [
    "generator.layers=[{linear: {outputs: 6}}, relu, {linear: {outputs: 2}}]",
    "generator.input=[5]",
    "critic.layers=[{linear: {outputs: 7}}, relu, {linear: {outputs: 1}}]",
  ]

  static func generator(
    _ overrides: [String] = [], seed: UInt64? = nil,
    statistics: SampleGenerator.Statistics = .running,
    communicator: any Communicator = SoloCommunicator()
  ) throws -> (SampleGenerator, Model) {
    let parsed = try configuration(overrides)
    let model = try parsed.makeModel(communicator: communicator)
    return (SampleGenerator(model, parsed, seed: seed, statistics: statistics), model)
  }

  private static func images(_ generator: SampleGenerator, _ count: Int) throws -> [Float] {
    try generator.images(generator.layout(count: count, columns: 8))
  }

  /// 31 samples take several passes of 12 at most, and other ones on other numbers of ranks.
  @Test(arguments: [2, 4]) func ranksDoNotShow(ranks: Int) throws {
    let (alone, _) = try Self.generator()
    let expected = try Self.images(alone, 31)
    let found = try ThreadedCommunicator.run(ranks: ranks) { communicator in
      try Self.images(Self.generator(communicator: communicator).0, 31)
    }
    for images in found { expectSameBits(images, expected, "\(ranks) ranks") }
    let (planar, _) = try Self.generator(Self.planar)
    let points = ContourPlot.places(gridSize: 7)
    let scores = try planar.scores(of: points)
    let others = try ThreadedCommunicator.run(ranks: ranks) { communicator in
      try Self.generator(Self.planar, communicator: communicator).0.scores(of: points)
    }
    for other in others { expectSameBits(other, scores, "\(ranks) ranks") }
  }

  @Test func aSampleIsAFunctionOfSeedAndNumber() throws {
    let (generator, _) = try Self.generator()
    let many = try Self.images(generator, 12)
    let size = 28 * 28
    #expect(many.count == 12 * size)
    // Whole passes, which BLAS computes alike.
    expectSameBits(try Self.images(generator, 24)[..<(12 * size)].map { $0 }, many, "prefix")
    let (same, _) = try Self.generator(seed: 3)
    expectSameBits(try Self.images(same, 12), many, "the run's seed is 3")
    let (other, _) = try Self.generator(seed: 4)
    #expect(try Self.images(other, 12) != many)
    #expect(Set((0..<12).map { many[$0 * size + 400] }).count == 12)
  }

  /// Statistics of a batch: the generator's batch norm gives every channel mean 0 and deviation 1.
  @Test func batchStatisticsAreThoseOfWholeBatches() throws {
    let (running, _) = try Self.generator()
    let expected = try Self.images(running, 12)
    let (generator, _) = try Self.generator(statistics: .batch)
    let twelve = try Self.images(generator, 12)
    #expect(twelve != expected)
    // One is the first of its batch of twelve, and 13 are a batch and one of the next.
    let size = 28 * 28
    expectSameBits(try Self.images(generator, 1), Array(twelve[..<size]), "one")
    let thirteen = try Self.images(generator, 13)
    #expect(thirteen.count == 13 * size)
    expectSameBits(Array(thirteen[..<(12 * size)]), twelve, "thirteen")
  }

  /// Whatever batch norm normalizes with, the samples are the same bits on any number of ranks, and
  /// the running statistics are back behind them.
  @Test(arguments: [SampleGenerator.Statistics.batch, .standing])
  func ranksDoNotShowInStatistics(statistics: SampleGenerator.Statistics) throws {
    @Sendable func draw(
      _ communicator: any Communicator
    ) throws -> (images: [Float], isRestored: Bool) {
      let (generator, model) = try Self.generator(
        statistics: statistics, communicator: communicator)
      let before = model.generator.parameterHash
      let images = try generator.withStatistics { try Self.images(generator, 31) }
      return (images, model.generator.parameterHash == before)
    }
    let alone = try draw(SoloCommunicator())
    #expect(alone.isRestored && alone.images.count == 31 * 28 * 28)
    for ranks in [2, 4] {
      for found in try ThreadedCommunicator.run(ranks: ranks, draw) {
        expectSameBits(found.images, alone.images, "\(statistics), \(ranks) ranks")
        #expect(found.isRestored)
      }
    }
  }

  /// Standing statistics are the means of those of the batches: of a batch norm that takes the
  /// noise, by hand.
  @Test func standingStatisticsAreMeans() throws {
    let parsed = try configuration([
      "generator.layers=[{batchNorm: {momentum: 0.2}}, {linear: {outputs: 2}}]",
      "generator.input=[5]",
      "critic.layers=[{linear: {outputs: 7}}, relu, {linear: {outputs: 1}}]",
    ])
    let model = try parsed.makeModel(communicator: SoloCommunicator())
    let generator = SampleGenerator(
      model, parsed, statistics: .standing, standingBatches: 3)
    let norm = try #require(model.generator.runningNorms.first)
    let stream = RandomStream(seed: 3, purpose: .sampleNoise, step: 3)
    let noise = (0..<36).map { index in
      withOutput(5) { stream.normals(sample: index, into: $0) }.map(Double.init)
    }
    try generator.withStatistics {
      for channel in 0..<5 {
        var (mean, variance) = (0.0, 0.0)
        for batch in 0..<3 {
          let values = noise[batch * 12..<(batch + 1) * 12].map { $0[channel] }
          let own = values.reduce(0, +) / 12
          mean += own / 3
          variance += values.reduce(0) { $0 + ($1 - own) * ($1 - own) } / 11 / 3
        }
        expectClose(
          Double(norm.runningMean.values.buffer[channel]), mean, absolute: 1e-6, "mean")
        expectClose(
          Double(norm.runningVariance.values.buffer[channel]), variance, absolute: 1e-6,
          "variance")
      }
      #expect(norm.batchesTracked.counter == 3)
    }
    #expect(norm.momentum == 0.2 && norm.batchesTracked.counter == 0)
    #expect(norm.runningVariance.values.buffer.allSatisfy { $0 == 1 })
  }

  @Test func uniformNoiseIsUniform() throws {
    let (generator, _) = try Self.generator(["generator.noise=uniform"])
    let noise = withOutput(5) { generator.fillNoise(9, $0) }
    let uniforms = withOutput(5) {
      RandomStream(seed: 3, purpose: .sampleNoise).uniforms(sample: 9, into: $0)
    }
    expectSameBits(noise, uniforms.map { 2 * $0 - 1 }, "noise")
  }

  @Test func scoresAreTheCritics() throws {
    let (generator, model) = try Self.generator(Self.planar)
    #expect(generator.isPlanar && generator.isDrawable)
    // By hand: two layers in Double.
    func values(_ name: String) throws -> [Float] {
      let parameter = try #require(
        model.critic.namedParameters.first { $0.name == name }?.parameter)
      return withOutput(parameter.count) {
        parameter.layout.toPyTorch(parameter.values, into: $0)
      }
    }
    let (w0, b0) = (try values("main.0.weight"), try values("main.0.bias"))
    let (w2, b2) = (try values("main.2.weight"), try values("main.2.bias"))
    let points: [Float] = (0..<100).map { Float($0 % 7) - 3 + Float($0) / 100 }
    let scores = try generator.scores(of: points)
    #expect(scores.count == 50)
    for (index, score) in scores.enumerated() {
      let (x, y) = (Double(points[2 * index]), Double(points[2 * index + 1]))
      var expected = Double(b2[0])
      for unit in 0..<7 {
        let hidden = Double(w0[2 * unit]) * x + Double(w0[2 * unit + 1]) * y + Double(b0[unit])
        expected += Double(w2[unit]) * max(0, hidden)
      }
      #expect(abs(Double(score) - expected) < 1e-5)
    }
  }

  @Test func pointsOfThePlaneAreDrawnOverContours() throws {
    let (generator, _) = try Self.generator(Self.planar)
    let layout = try generator.layout(count: 20, columns: 4)
    let samples = try generator.images(layout)
    let picture = try #require(
      try generator.picture(of: samples, layout, scale: 1, dataset: Diagonal(), title: "t")?
        .picture)
    #expect(picture.width == 900 && picture.channels == 3)
    let expected = ContourPlot(
      title: "t", values: try generator.scores(of: ContourPlot.places(gridSize: 128)),
      gridSize: 128, reals: PlotPoint.pairs(generator.reals(layout, of: Diagonal())),
      samples: PlotPoint.pairs(samples))
    #expect(picture == expected.render())
    #expect(expected.reals.count == 20 && expected.samples.count == 20)
    #expect(expected.reals.allSatisfy { $0.x == $0.y } && Set(expected.reals.map(\.x)).count > 10)
  }

  @Test func whatHasNoPictureHasNone() throws {
    let (generator, _) = try Self.generator([
      "generator.layers=[{linear: {outputs: 3}}]", "generator.input=[5]",
      "critic.layers=[{linear: {outputs: 1}}]",
    ])
    #expect(!generator.isDrawable)
    let layout = try generator.layout(count: 4, columns: 4)
    let picture = try generator.picture(
      of: generator.images(layout), layout, scale: 1, dataset: Diagonal(), title: "")
    #expect(picture == nil)
  }

  @Test func realsHaveTheClassesOfTheirColumns() throws {
    let (generator, _) = try Self.generator()
    // The tiny model takes no labels.
    let one = ConditionValues(label: 1)
    #expect(try generator.layout(count: 7, columns: 3, conditions: [one]).conditions.isEmpty)
    let layout = SampleGenerator.Layout(
      count: 12, columns: 3, conditions: [4, 0, 7].map { ConditionValues(label: $0) })
    #expect(layout.headings == ["4", "0", "7"])
    let reals = generator.reals(layout, of: Classes())
    #expect(reals.map { Int($0) % 10 } == [4, 0, 7, 4, 0, 7, 4, 0, 7, 4, 0, 7])
    #expect(Set(reals).count > 8)
    #expect(reals == generator.reals(layout, of: Classes()))
  }

  /// Of few classes a row has several of each: two columns of 32 would be a sliver.
  @Test func fewConditionsFillARow() throws {
    let classes = [
      "generator.layers=[labelConcat, {linear: {outputs: 2}}]", "generator.input=[5]",
      "critic.layers=[{linear: {outputs: 1}}]", "data.classes=10",
    ]
    let (generator, _) = try Self.generator(classes)
    let chosen = [3, 5].map { ConditionValues(label: $0) }
    let layout = try generator.layout(count: 62, columns: 8, conditions: chosen)
    #expect(layout.headings == ["3", "3", "3", "3", "5", "5", "5", "5"])
    #expect((layout.columns, layout.count) == (8, 64) && layout.turns == chosen)
    let three = try generator.layout(
      count: 6, columns: 8, conditions: chosen + [ConditionValues(label: 0)])
    #expect((three.columns, three.count) == (6, 6))
    let all = try generator.layout(count: 64, columns: 8)
    #expect((all.columns, all.count) == (10, 70) && all.turns.count == 10)
    // Folders that are classes give their names.
    try withTemporaryFolder { folder in
      for name in 0..<10 {
        try FileSystem.createDirectory("\(folder)/\(name) and a long name of it")
      }
      let folders = ["data={source: imageFolder, path: \(folder), size: 28, channels: 1}"]
      let (named, _) = try Self.generator(folders + classes)
      #expect(
        try named.layout(count: 2, columns: 2, conditions: chosen).headings
          == ["3 and a long nam", "5 and a long nam"])
    }
  }

  @Test func realsHaveTheNumbersOfTheirColumns() throws {
    let (generator, _) = try Self.generator()
    let layout = SampleGenerator.Layout(
      count: 8, columns: 2, conditions: [3, 1].map { ConditionValues(numbers: [$0, 0.5]) })
    #expect(layout.headings == ["3, 0.5", "1, 0.5"])
    let reals = generator.reals(layout, of: Energies())
    #expect(reals.map { Int($0) % 5 } == [3, 1, 3, 1, 3, 1, 3, 1])
  }

  /// Samples of several conditions are those of each alone; a generator of numbers gets them too.
  @Test func samplesHaveTheirConditions() throws {
    var setup = try configuration([
      "generator.layers=[labelConcat, {linear: {outputs: 2}}]", "generator.input=[5]",
      "critic.layers=[{linear: {outputs: 1}}]", "data.classes=3",
    ]).setup
    setup.condition.numbers = 2
    let model = try Model(setup, communicator: SoloCommunicator())
    let generator = SampleGenerator(model, try configuration())
    func images(_ conditions: [ConditionValues]) throws -> [Float] {
      try generator.images(count: 4, conditions: conditions, noise: generator.fillNoise)
    }
    let two = ConditionValues(label: 2, numbers: [2, 7])
    let zero = ConditionValues(label: 0, numbers: [0, 7])
    let mixed = try images([two, zero])
    let (twos, zeros) = (try images([two]), try images([zero]))
    // Two values a sample.
    let expected = Array(twos[0..<2] + zeros[2..<4] + twos[4..<6] + zeros[6..<8])
    expectSameBits(mixed, expected, "in turn")
    #expect(twos != zeros)
    expectSameBits(try images([]), zeros, "class 0 without conditions")
    // What the last pass was given.
    _ = try images([two, zero])
    let conditions = try #require(model.generator.conditions)
    let pass = Pass(
      .local(count: 4, capacity: model.generator.memory.shardCapacity), groups: 0..<1,
      mode: .evaluation, draw: PassDraw(seed: 0, number: 0), plan: model.context.plan)
    #expect(Array(conditions.numbers(pass, shard: 0).prefix(4)) == [2, 7, 0, 7])
  }

  /// Nobody says which: sample i has the condition of a real that (seed, i) chooses, on any number
  /// of samples, and the reals beside them are chosen freely.
  @Test func samplesTakeConditionsOfTheData() throws {
    let run = try configuration([
      "data.source=ring", "data.count=5000", "generator.input=[5]",
      "generator.layers=[conditionConcat, {linear: {outputs: 2}}]",
      "critic.layers=[conditionConcat, {linear: {outputs: 1}}]",
    ])
    let model = try run.makeModel(communicator: SoloCommunicator())
    let dataset = try run.data.open()
    let generator = SampleGenerator(model, run, dataset: { dataset })
    let layout = try generator.layout(count: 9, columns: 4)
    #expect(layout.count == 9 && layout.columns == 4 && layout.headings.isEmpty)
    let all = (0..<dataset.count).map { index in
      Condition.withTemporary(dataset.condition) {
        dataset.copyCondition(at: index, into: $0)
        return ConditionValues(numbers: Array($0.numbers))
      }
    }
    #expect(layout.conditions.count == 9 && layout.conditions.allSatisfy(all.contains))
    #expect(Set(layout.conditions.map(\.heading)).count > 5)
    let more = try generator.plainLayout(count: 20)
    #expect(Array(more.conditions.prefix(9)) == layout.conditions)
    expectSameBits(
      Array(try generator.images(more).prefix(18)), try generator.images(layout), "fewer")
    #expect(Set(generator.reals(layout, of: dataset)).count > 10)
    // Asked for, they are columns; without data they must be asked for.
    let chosen = try generator.layout(
      count: 5, columns: 4, conditions: [ConditionValues(numbers: [1, 0.5])])
    #expect(chosen.headings == [String](repeating: "1, 0.5", count: 4) && chosen.columns == 4)
    #expect(chosen.count == 8 && chosen.turns == [ConditionValues(numbers: [1, 0.5])])
    // No real has just these numbers: all are near.
    let ring = try generator.layout(
      count: 8, columns: 4, conditions: [ConditionValues(numbers: [1, 0.1])])
    let reals = generator.reals(ring, of: dataset)
    let distances: [Float] = (0..<reals.count / 2).map { index in
      let (x, y) = (reals[2 * index], reals[2 * index + 1])
      let sum: Float = x * x + y * y
      return sum.squareRoot()
    }
    #expect(distances.count == 8 && distances.allSatisfy { (0.7...1.3).contains($0) })
    let found = message { _ = try SampleGenerator(model, run).plainLayout(count: 3) }
    #expect(found?.contains("conditioned on 2 numbers") == true, "\(found ?? "no error")")
  }

  @Test func interpolationsRunBetweenNoiseVectors() {
    func noise(_ index: Int, _ buffer: MutableFloatBuffer) {
      RandomStream(seed: 5, purpose: .sampleNoise).normals(sample: index, into: buffer)
    }
    func vector(_ index: Int) -> [Float] { withOutput(8) { noise(index, $0) } }
    func length(_ vector: [Float]) -> Double {
      vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
    for isSpherical in [false, true] {
      let interpolation = NoiseInterpolation(steps: 5, isSpherical: isSpherical)
      func place(_ index: Int) -> [Float] {
        withOutput(8) { interpolation.fill(index, $0, noise: noise) }
      }
      for row in 0..<3 {
        let (a, b) = (vector(2 * row), vector(2 * row + 1))
        expectClose(place(5 * row), a, absolute: 1e-6, relative: 1e-6)
        expectClose(place(5 * row + 4), b, absolute: 1e-6, relative: 1e-6)
        let middle = place(5 * row + 2)
        let mean = zip(a, b).map { ($0 + $1) / 2 }
        if isSpherical {
          // The same direction, as long as a vector between a and b.
          let factor = Float(length(middle) / length(mean))
          expectClose(middle, mean.map { $0 * factor }, absolute: 1e-5, relative: 1e-5)
          #expect(length(middle) > 0.99 * min(length(a), length(b)))
        } else {
          expectClose(middle, mean, absolute: 1e-6, relative: 1e-6)
        }
      }
    }
    // From a vector to itself, and from nothing: no angle to divide by.
    for value in [Float(0), 2] {
      let still = NoiseInterpolation(steps: 3, isSpherical: true)
      let found = withOutput(4) {
        still.fill(1, $0) { _, buffer in buffer.update(repeating: value) }
      }
      #expect(found.allSatisfy { abs($0 - value) < 1e-6 })
    }
  }
}

import Base
import Datasets
import Foundation
import Scores
import TestSupport
import Testing

/// Scores of images without a network, held against Karras et al.'s formulas, NumPy and
/// scikit-learn.
@Suite struct ImageScoreTests {
  private static let shape = Shape(channels: 3, height: 32, width: 40)
  private static let a = ImageStack(
    HashedData.images(90, 6, 32, 40, 3), count: 6, shape: shape)
  private static let b = ImageStack(
    HashedData.images(95, 6, 32, 40, 3, scale: 0.75), count: 6, shape: shape)
  private static let subject = ScoreSubject(name: "run", source: .glyphs(count: 10, seed: 0))

  // MARK: - Patches

  /// The corners of the fixtures: 12 patches an image.
  private static func places(
    _ image: Int, _ level: Int, _ shape: Shape
  ) -> [(row: Int, column: Int)] {
    let (which, number) = (image / 6, image % 6)
    let stream = UInt64(200 + 10 * level + which) << 32
    let value = { (index: Int, limit: Int) in
      Int(HashedData.bits(stream + UInt64(24 * number + index)) >> 33) % limit
    }
    return (0..<12).map { (value(2 * $0, shape.height - 6), value(2 * $0 + 1, shape.width - 6)) }
  }

  @Test func multiscaleSlicedWassersteinAgrees() throws {
    let recorded = try RecordedScores.load()
    let directions = Vectors(HashedData.uniforms(100, 16 * 147).map { $0 - 0.5 }, dimension: 147)
    let (a, b) = (Self.a, Self.b)
    let found = try MultiscaleSlicedWasserstein.distances(
      a, b, along: directions, alone(), places: Self.places)
    expectClose(found, recorded.multiscale, absolute: 0, relative: 1e-6)
    try expectSameOnAnyTeam("multiscaleSlicedWasserstein") {
      try MultiscaleSlicedWasserstein.distances(
        a, b, along: directions, $0, places: Self.places)
    }
  }

  @Test func pyramidsAddUpToTheImage() {
    let shape = Shape(channels: 2, height: 67, width: 40)
    let shapes = LaplacianPyramid.shapes(shape)
    #expect(shapes.map(\.height) == [67, 34] && shapes.map(\.width) == [40, 20])
    let image = HashedData.images(1, 1, 67, 40, 2)
    let levels = LaplacianPyramid.levels(image, shape)
    let coarse = LaplacianPyramid.up(levels[1], shapes[1], to: shape)
    expectClose(zip(levels[0], coarse).map { $0 + $1 }, image, absolute: 1e-6)
    // A constant stays one at every size.
    let flat = LaplacianPyramid.levels(
      Array(repeating: 0.5, count: shape.elementCount), shape)
    expectClose(flat[1], Array(repeating: 0.5, count: shapes[1].elementCount), absolute: 1e-6)
    #expect(LaplacianPyramid.shapes(Shape(channels: 1, height: 28, width: 28)).count == 1)
    #expect(LaplacianPyramid.shapes(Shape(channels: 1, height: 128, width: 128)).count == 4)
  }

  @Test func patchesAreChosenAnew() {
    let shape = Shape(channels: 1, height: 20, width: 17)
    let places = PatchDescriptors.places(image: 3, level: 1, shape, seed: 5)
    #expect(places.count == 128)
    #expect(places.allSatisfy { (0...13).contains($0.row) && (0...10).contains($0.column) })
    #expect(Set(places.map(\.row)) == Set(0...13) && Set(places.map(\.column)) == Set(0...10))
    let same = PatchDescriptors.places(image: 3, level: 1, shape, seed: 5)
    #expect(same.map(\.row) == places.map(\.row))
    for (image, level, seed) in [(4, 1, 5), (3, 0, 5), (3, 1, 6)] as [(Int, Int, UInt64)] {
      let other = PatchDescriptors.places(image: image, level: level, shape, seed: seed)
      #expect(other.map(\.row) != places.map(\.row))
    }
  }

  @Test func floatsAreSorted() {
    var values = TestData(seed: 3).orderSensitiveList(5000)
    values += [0, -0.0, .infinity, -.infinity, 1, 1, -1, .leastNonzeroMagnitude]
    let expected = values.sorted()
    var scratch = values
    values.withUnsafeMutableBufferPointer { values in
      scratch.withUnsafeMutableBufferPointer { FloatSort.sort(values, scratch: $0) }
    }
    #expect(values == expected)
  }

  // MARK: - Spectrum

  @Test func powerSpectraAgree() throws {
    let recorded = try RecordedScores.load()
    let (a, b) = (Self.a, Self.b)
    @Sendable func differences(_ team: ScoreTeam) throws -> [Double] {
      PowerSpectrum.differences(
        try PowerSpectrum.radial(a, team), try PowerSpectrum.radial(b, team))
    }
    let found = try differences(alone())
    expectClose(
      [found.reduce(0, +) / 16, found.max() ?? 0], recorded.spectrum, absolute: 0, relative: 1e-9)
    try expectSameOnAnyTeam("powerSpectrum", differences)
  }

  /// A wave of 3 cycles along the width has its power at 3: (n / 2)^2 there and at -3.
  @Test func aWaveHasOneFrequency() throws {
    let shape = Shape(channels: 1, height: 12, width: 24)
    let wave = (0..<288).map { Float(cos(2 * Double.pi * 3 * Double($0 % 24) / 24)) }
    let found = try PowerSpectrum.radial(ImageStack(wave, count: 1, shape: shape), alone())
    // In cycles per shorter side, of which the width has two: 1.5 counts to 2.
    let power = 2 * 144.0 * 144
    #expect(found.count == 6)
    for (ring, value) in found.enumerated() where ring != 1 {
      expectClose(value, 0, absolute: 1e-6, "ring \(ring + 1)")
    }
    #expect(found[1] > 0 && abs((power / found[1]).rounded() - power / found[1]) < 1e-6)
    // Twice the amplitude is four times the power, 6.02 dB.
    expectClose(
      PowerSpectrum.differences([4, 1, 0], [1, 1, 1]),
      [10 * log10(4.0), 0, 120], absolute: 1e-9)
  }

  // MARK: - Neighbours

  private static let training = HashedData.images(110, 40, 12, 10, 1)
  private static let small = Shape(channels: 1, height: 12, width: 10)

  private static func trainingSet() -> SampleSet {
    SampleSet(count: 40, shape: small) {
      Array(training[$0.lowerBound * 120..<$0.upperBound * 120])
    }
  }

  @Test func nearestNeighboursAgree() throws {
    let recorded = try RecordedScores.load()
    let samples = Vectors(HashedData.images(115, 7, 12, 10, 1), dimension: 120)
    let reals = Vectors(Array(Self.training[5 * 120..<15 * 120]), dimension: 120)
    let found = try Neighbours.search(samples, in: Self.trainingSet(), count: 3, alone())
    #expect(found.map { $0.map(\.index) } == recorded.neighbours)
    @Sendable func values(_ team: ScoreTeam) throws -> [Double] {
      try NearestNeighbours.values(samples, reals, Self.trainingSet(), team)
    }
    expectClose(try values(alone()), recorded.nearest, absolute: 0, relative: 1e-9)
    try expectSameOnAnyTeam("nearestNeighbours", values)
    // Copies of training images.
    let copies = try NearestNeighbours.values(reals, reals, Self.trainingSet(), alone())
    expectClose(copies, [0, 0], absolute: 1e-6)
  }

  /// Over several slices of a training set, of equally near ones the first.
  @Test func neighboursOfALine() throws {
    @Sendable func line() -> SampleSet {
      SampleSet(count: 3000, shape: Shape(channels: 1)) { $0.map { Float($0 % 2000) } }
    }
    let queries = Vectors([0, 1500.25, 999.5], dimension: 1)
    let expected = [[0, 2000, 1], [1500, 1501, 1499], [999, 1000, 2999]]
    let found = try Neighbours.search(queries, in: line(), count: 3, alone())
    #expect(found.map { $0.map(\.index) } == expected)
    let ranks = try ThreadedCommunicator.run(ranks: 3) {
      try Neighbours.search(queries, in: line(), count: 3, ScoreTeam($0))
    }
    #expect(ranks.allSatisfy { $0 == found })
  }

  // MARK: - The critic

  @Test func theGapIsOfTrainingOverHeldOut() throws {
    let set = SampleSet([0, 0], shape: Shape(channels: 1))
    func input(_ scores: ((ScoreInput.CriticSet) throws -> [Float])?) throws -> ScoreInput {
      ScoreInput(samples: set, reals: set, criticScores: scores, team: try alone())
    }
    let score = try scoreOf("criticGap", Self.subject)
    let values = try score.measure(
      input { set in
        switch set {
        case .samples: [1, 3]
        case .training: [10, 12, 14]
        case .heldOut: [7, 8]
        }
      })
    #expect(values == [10, 5.5, 4.5] && score.summary(values) == "critic gap 4.5")
    #expect(
      score.report(values, ScoreSetting(samples: 9)) == [
        "critic gap   4.5 (W 10 of training, 5.5 held out; 9 samples and as many reals of each)"
      ])
    #expect(
      message { try score.measure(input(nil)) }
        == "criticGap: the critic is not at hand; give a run's folder or a checkpoint's")
    #expect(ScoreCatalog.needCritic(["diversity", "criticGap"]))
    #expect(!ScoreCatalog.needCritic(["diversity", "fid"]))
  }

  @Test func whatIsHeldOut() {
    let other: [(DatasetSource, DatasetSource?)] = [
      (.idx(path: "x", split: .train), .idx(path: "x", split: .test)),
      (.cifar10(path: "x", split: .test), .cifar10(path: "x", split: .train)),
      (.mnistPickle(path: "x", split: .train), .mnistPickle(path: "x", split: .test)),
    ]
    for (source, heldOut) in other { #expect(source.heldOut == heldOut) }
    for source in [
      DatasetSource.glyphs(count: 5, seed: 7), .toy(ToyDistribution(.swissroll), count: 5, seed: 0),
    ] {
      #expect(source.heldOut != nil && source.heldOut != source)
    }
  }

  // MARK: - As scores

  @Test func scoresOfImages() throws {
    func values(_ text: String, _ samples: [Float]) throws -> [Double] {
      try measured(
        scoreOf(text, Self.subject), samples: samples, reals: Self.a.values, shape: Self.shape)
    }
    let multiscale = "{multiscaleSlicedWasserstein: {projections: 32}}"
    let same = try values(multiscale, Self.a.values)
    // Other patches of the same images.
    let other = try values(multiscale, Self.b.values)
    #expect(same.allSatisfy { $0 > 0 } && other[0] > 1.3 * same[0], "\(same), \(other)")
    // The mean over the levels, the finest, the coarsest, of patches and directions of the seed.
    let stacks = [Self.b, Self.a]
    let levels = try MultiscaleSlicedWasserstein.distances(
      stacks[0], stacks[1], along: Directions.random(32, dimension: 147, seed: 0), alone()
    ) { PatchDescriptors.places(image: $0, level: $1, $2, seed: 0) }
    #expect(levels.count == 2 && levels[0] != levels[1])
    expectClose(other, [(levels[0] + levels[1]) / 2] + levels, absolute: 1e-9)
    #expect(try values("powerSpectrum", Self.a.values) == [0, 0])
    let twice = try values("powerSpectrum", Self.a.values.map { 2 * $0 })
    expectClose(twice, Array(repeating: 10 * log10(4.0), count: 2), absolute: 1e-6)
    #expect(
      message {
        try measured(
          scoreOf(multiscale, Self.subject), samples: Self.training, reals: Self.training,
          shape: Self.small)
      } == "multiscaleSlicedWasserstein: takes images of 16 pixels a side or more, found 1x12x10")
  }

  @Test func reportsSayWhatAScoreDependsOn() throws {
    let setting = ScoreSetting(samples: 3000, reals: 2900, seed: 4)
    for (text, values, line) in [
      (
        "multiscaleSlicedWasserstein", [3, 2, 4],
        "SWD x 1000   3 (finest level 2, coarsest 4; 512 directions of seed 4, 2000 samples and "
          + "reals)"
      ),
      (
        "powerSpectrum", [1, 2],
        "spectrum     1 dB from the reals', 2 dB at worst (3000 samples, 2900 reals)"
      ),
      (
        "nearestNeighbours", [0.5, 0.75],
        "neighbours   nearest training image at 0.5, 0.75 of the reals' (1000 samples)"
      ),
    ] as [(String, [Double], String)] {
      #expect(try scoreOf(text, Self.subject).report(values, setting) == [line])
    }
  }
}

extension TestData {
  fileprivate func orderSensitiveList(_ count: Int) -> [Float] {
    var copy = self
    return copy.orderSensitive(count)
  }
}

import Base
import Configuration
import Datasets
import Foundation
import Scores
import TestSupport
import Testing

/// Scores of quantities, held against the numbers of CaloChallenge's code, ROOT, jetnet and
/// scikit-learn.
@Suite struct PhysicsScoreTests {
  /// What `make_physics_fixtures.py` has recorded.
  private struct Recorded: Decodable {
    struct Histogram: Decodable {
      var reals: [Int]
      var samples: [Int]
      var separation: Double
      var chiSquared: [Double]
    }
    struct Around: Decodable {
      var ends: [Double]
      var chiSquared: [Double]
    }
    struct Histograms: Decodable {
      var linear: Histogram
      var log: Histogram
      var around: Around
    }
    struct Fit: Decodable {
      var y: [Double]
      var intercept: Double
      var slope: Double
      var error: Double
    }
    struct Classifier: Decodable {
      var areaUnderCurve: Double
      var calibrated: [Double]
      var divergence: Double
    }
    var quantities: [String: [Double]]
    var histograms: Histograms
    var fpd: [Double]
    var kpd: [Double]
    var fits: [Fit]
    var classifier: Classifier

    static func load() throws -> Recorded {
      let url = try #require(
        Bundle.module.url(
          forResource: "physics", withExtension: "json", subdirectory: "Fixtures"))
      return try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: url))
    }
  }

  private static func hashed(_ stream: UInt64, _ count: Int) -> [Double] {
    HashedData.uniforms(stream, count).map(Double.init)
  }

  // MARK: - Quantities

  /// The forms that a configuration has for the bins of CaloChallenge's photons.
  private static let layers: [(id: Int, values: Range<Int>, radii: [Int], angles: Int)] = [
    (0, 0..<8, [0, 5, 10, 30, 50, 100, 200, 400, 600], 1),
    (1, 8..<168, [0, 2, 4, 6, 8, 10, 12, 15, 20, 30, 40, 50, 70, 90, 120, 150, 200], 10),
    (
      2, 168..<358,
      [0, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 130, 160, 200, 250, 300, 350, 400], 10
    ), (3, 358..<363, [0, 50, 100, 200, 400, 600], 1),
    (12, 363..<368, [0, 100, 200, 400, 1000, 2000], 1),
  ]

  private static func quantities() throws -> [Quantity] {
    var lines = ["- sum: {name: total}"]
    for layer in layers {
      let values = "values: [\(layer.values.lowerBound), \(layer.values.upperBound)]"
      lines.append("- sum: {name: layer_\(layer.id), \(values)}")
      lines.append("- sparsity: {name: sparsity_\(layer.id), \(values)}")
      func positions(_ axis: String) -> String {
        "\(values), positions: {radii: \(layer.radii), angles: \(layer.angles), axis: \(axis)}"
      }
      lines.append("- centre: {name: r_\(layer.id), \(positions("r"))}")
      guard layer.angles > 1 else { continue }
      for (name, axis) in [("eta", "x"), ("phi", "y")] {
        lines.append("- centre: {name: \(name)_\(layer.id), \(positions(axis))}")
        lines.append("- width: {name: \(name)_width_\(layer.id), \(positions(axis))}")
      }
    }
    let text = "quantities:\n" + lines.joined(separator: "\n") + "\n"
    let document = try ConfigurationDocument(text: text, name: "test")
    return try Quantity.list(document.root(), conditions: [])
  }

  @Test func quantitiesAreCaloChallenges() throws {
    let recorded = try Recorded.load().quantities
    let values = Self.hashed(300, 5 * 368).map { $0 > 1 / 3.0 ? $0 * 1024 : 0 }
    var showers = (0..<5).map { Array(values[$0 * 368..<($0 + 1) * 368]) }
    showers[4].replaceSubrange(8..<168, with: repeatElement(0, count: 160))
    let quantities = try Self.quantities()
    #expect(Set(quantities.map(\.name)) == Set(recorded.keys))
    for quantity in quantities {
      expectClose(
        showers.map { quantity.value(of: $0) }, try #require(recorded[quantity.name]),
        // Centres of rings are 0 but for rounding.
        absolute: 1e-11, relative: 1e-11, quantity.name)
    }
  }

  @Test func sharesAndDivisors() {
    let sample = [0.0, 1, 2, 3]
    #expect(Quantity(name: "a", form: .occupancy(above: 1)).value(of: sample) == 0.5)
    #expect(Quantity(name: "a", form: .sparsity(above: 0), values: 1..<4).value(of: sample) == 0)
    #expect(Quantity(name: "a", form: .sum).value(of: sample, divisor: 4) == 1.5)
    #expect(Quantity(name: "a", form: .width(positions: [1, 1, 1, 1])).value(of: sample) == 0)
    #expect(
      Quantity(name: "a", form: .width(positions: [1, 1, 1, 1])).value(of: [.nan, 1, 1, 1]).isNaN)
    // Values at one position: rounding makes the difference of squares negative now and then.
    for place in 1...100 {
      let positions = Array(repeating: Double(place) / 7, count: 4)
      let width = Quantity(name: "a", form: .width(positions: positions)).value(of: sample)
      #expect(width >= 0 && width < 1e-5, "\(place)")
    }
  }

  @Test func quantitiesThatCannotBe() {
    func fault(_ entry: String, conditions: [String]? = ["energy"]) -> String? {
      message {
        let document = try ConfigurationDocument(text: "quantities: [\(entry)]", name: "test")
        _ = try Quantity.list(document.root(), conditions: conditions)
      }
    }
    #expect(fault("{sum: {name: total, over: energy, from: 0, to: 2, around: 3}}") == nil)
    #expect(
      fault("{sum: {name: a}}", conditions: nil)
        == "test:1: quantities: expected data.source array, whose samples they are made of")
    #expect(
      fault("{sum: {name: a, over: mass}}")
        == "test:1: quantities.0.sum.over: expected a number of data.condition (energy), found "
        + "'mass'")
    #expect(fault("{sum: {name: a b}}")?.contains("expected letters, digits and _") == true)
    #expect(fault("{sum: {name: a}}, {sum: {name: a}}")?.contains("'a' is there twice") == true)
    #expect(fault("{mean: {name: a}}")?.contains("unknown name 'mean'") == true)
    #expect(fault("{sum: {name: a, values: [3, 3]}}")?.contains("first < end") == true)
    #expect(fault("{sum: {name: a, above: 3}}")?.contains("above") == true)
    #expect(
      fault("{centre: {name: a, values: [0, 3], positions: [1, 2]}}")?.contains(
        "found 2 positions, expected one for each of 3 values") == true)
    #expect(
      fault("{centre: {name: a, positions: {radii: [0, 0], axis: x}}}")?.contains("edges") == true)
    #expect(fault("{sum: {name: a, scale: log, from: 0}}")?.contains("ends above 0") == true)
    #expect(fault("{sum: {name: a, from: 2, to: 1}}")?.contains("expected more than from") == true)
  }

  // MARK: - Histograms

  private static let reals = zip(hashed(310, 900), hashed(311, 900)).map { $0 + $1 }
  private static let samples = zip(hashed(312, 700), hashed(313, 700)).map {
    0.9 * ($0 + $1) + 0.15
  }

  @Test func histogramsAreNumPysAndROOTs() throws {
    let recorded = try Recorded.load().histograms
    for (settings, expected) in [
      (BinningSettings(bins: 25, from: 0.25, to: 1.5), recorded.linear),
      (BinningSettings(bins: 40, from: 0.004, to: 5, scale: .log), recorded.log),
    ] {
      let found = HistogramComparison(
        Binning(settings, reals: Self.reals), reals: Self.reals, samples: Self.samples)
      #expect(found.reals == expected.reals && found.samples == expected.samples)
      expectClose(found.separation, expected.separation, absolute: 0, relative: 1e-12)
      let chiSquared = found.chiSquared
      expectClose(
        [chiSquared.value, Double(chiSquared.degrees)], expected.chiSquared, absolute: 0,
        relative: 1e-12)
      expectClose(
        found.realsOutside, 1 - Double(expected.reals.reduce(0, +)) / 900, absolute: 1e-15)
    }
    let around = Binning(
      BinningSettings(bins: 30, from: 0, to: 2, around: 3), reals: Self.reals)
    expectClose(
      [around.edges[0], around.edges[30]], recorded.around.ends, absolute: 1e-15, relative: 1e-12)
    let found = HistogramComparison(around, reals: Self.reals, samples: Self.samples).chiSquared
    expectClose(
      [found.value, Double(found.degrees)], recorded.around.chiSquared, absolute: 0,
      relative: 1e-12)
  }

  @Test func histogramsByHand() {
    func compare(_ reals: [Double], _ samples: [Double]) -> HistogramComparison {
      HistogramComparison(Binning(edges: [0, 1, 2, 4]), reals: reals, samples: samples)
    }
    let same = compare([0, 1, 1, 4], [4, 1, 0.5, 1.5])
    #expect(same.reals == [1, 2, 1] && same.separation == 0 && same.chiSquared == (0, 2))
    #expect(compare([0, 0], [1, 1]).separation == 1)
    // p = 1/2, 1/2, 0 and q = 0, 1/2, 1/2: (1/2 + 1/2) / 2.
    #expect(compare([0, 1], [1, 3]).separation == 0.5)
    let outside = compare([0, 1, 9, .nan], [-1])
    #expect(outside.realsOutside == 0.5 && outside.samplesOutside == 1)
    #expect(outside.separation == 1 && outside.chiSquared.value == .infinity)
    #expect(compare([9], [9]).separation.isNaN && [compare([9], [9])].chiSquaredPerDegree.isNaN)
  }

  @Test func edgesWhereNothingIsSaid() {
    #expect(Binning(BinningSettings(bins: 2), reals: [3, .nan, 1]).edges == [1, 2, 3])
    #expect(Binning(BinningSettings(bins: 2), reals: [2, 2]).edges == [1.5, 2, 2.5])
    #expect(Binning(BinningSettings(bins: 2, to: 1), reals: [2, 3]).edges == [0.5, 1, 1.5])
    let log = Binning(BinningSettings(bins: 2, scale: .log), reals: [0, 1, 100])
    expectClose(log.edges, [1, 10, 100], absolute: 1e-12)
    #expect(Binning(BinningSettings(bins: 3), reals: []).edges.count == 4)
  }

  @Test func groupsByCondition() {
    let discrete = ConditionGroups("e", reals: [1, 4, 1, 2, 4])
    #expect(discrete.labels == ["1", "2", "4"] && discrete.bounds == [1.5, 3])
    #expect([0.9, 1.0001, 1.5, 3.9, 7].map(discrete.group) == [0, 0, 1, 2, 2])
    let continuous = ConditionGroups("e", reals: (0..<100).map(Double.init), parts: 4)
    #expect(continuous.bounds == [25, 50, 75])
    #expect(continuous.labels == ["0 to 25", "25 to 50", "50 to 75", "75 to 99"])
    #expect([-5, 24.9, 25, 99, 200].map(continuous.group) == [0, 0, 1, 3, 3])
    // Three fifths have one value: no bound lies at it, nor is there one twice.
    let skewed = ConditionGroups(
      "e", reals: Array(repeating: 0, count: 60) + (1...40).map(Double.init), parts: 4)
    #expect(skewed.bounds == [16] && skewed.labels == ["0 to 16", "16 to 40"])
  }

  // MARK: - Distances

  private static func features(_ stream: UInt64, _ count: Int, _ shift: Double) -> FeatureRows {
    let values = hashed(stream, count * 7)
    return FeatureRows(
      (0..<count).flatMap { row -> [Double] in
        let first = values[row * 7]
        var features = (0..<7).map { values[row * 7 + $0] * [1, 2, 3, 4, 5, 0, 6][$0] }
        features = features.map { $0 + first + shift }
        features[5] = 0
        features[6] = features[6] > 5 ? features[6] : 0
        return features
      }, dimension: 7)
  }

  private static let sets = FeatureRows.normalized(features(330, 500, 0.25), features(320, 600, 0))

  /// The draws of the recording, reals before samples.
  private static func draw(_ count: Int, _ isReal: Bool, _ number: Int) -> [Int] {
    let stream = UInt64(900) << 32 + UInt64(2 * number + (isReal ? 0 : 1)) << 20
    let all = UInt64(isReal ? 600 : 500)
    return (0..<count).map { Int(HashedData.bits(UInt64($0) + stream) % all) }
  }

  @Test func frechetPhysicsDistanceIsJetnets() throws {
    let recorded = try Recorded.load()
    #expect(
      FrechetPhysicsDistance.batchSizes(from: 20_000, to: 50_000, points: 10)
        == [20000, 21428, 23076, 24999, 27272, 30000, 33333, 37499, 42857, 49999])
    let sizes = FrechetPhysicsDistance.batchSizes(from: 100, to: 400, points: 6)
    let sets = Self.sets
    @Sendable func measure(_ team: ScoreTeam) throws -> [Double] {
      let found = try FrechetPhysicsDistance.distances(
        sets.samples, sets.reals, sizes: sizes, batches: 5, team, draw: Self.draw)
      let fit = LineFit(x: sizes.map { 1 / Double($0) }, y: found)
      return [fit.intercept, fit.interceptError]
    }
    expectClose(try measure(alone()), recorded.fpd, absolute: 0, relative: 1e-6)
    try expectSameOnAnyTeam("fpd") { try measure($0) }
  }

  @Test func featuresAreOverTheRealsGreatestSize() {
    let rows = FeatureRows.normalized(
      FeatureRows([1, 5, 2, 7], dimension: 2), FeatureRows([-4, 0, 2, 0], dimension: 2))
    #expect(rows.samples.values == [0.25, 5, 0.5, 7] && rows.reals.values == [-1, 0, 0.5, 0])
  }

  @Test func kernelPhysicsDistanceIsJetnets() throws {
    let recorded = try Recorded.load()
    let sets = Self.sets
    @Sendable func measure(_ team: ScoreTeam) throws -> [Double] {
      KernelPhysicsDistance.summarized(
        try KernelPhysicsDistance.distances(
          sets.samples, sets.reals, batches: 7, size: 200, team, draw: Self.draw))
    }
    expectClose(try measure(alone()), recorded.kpd, absolute: 0, relative: 1e-9)
    try expectSameOnAnyTeam("kpd") { try measure($0) }
  }

  @Test func linesAreSciPys() throws {
    for fit in try Recorded.load().fits {
      let found = LineFit(x: [100.0, 120, 150, 200, 400].map { 1 / $0 }, y: fit.y)
      // SciPy's method comes near to a bound, and not onto it.
      expectClose(
        [found.intercept, found.slope, found.interceptError],
        [fit.intercept, fit.slope, fit.error], absolute: 1e-8, relative: 1e-6)
    }
  }

  // MARK: - Of samples and reals

  private static let subject: ScoreSubject = {
    var settings = ArraySettings(paths: ["x.npy"])
    settings.conditions = [ArrayCondition(name: "e.npy")]
    return ScoreSubject(
      name: "arrays", source: .array(settings),
      quantities: [
        Quantity(
          name: "total", form: .sum, binning: BinningSettings(bins: 2, from: 0, to: 2))
      ])
  }()

  /// Sets of one number a sample.
  private static func input(
    samples: [ArrayRow], reals: [ArrayRow],
    trainClassifier: ((TwoClassTask) throws -> TwoClassScores)? = nil
  ) throws -> ScoreInput {
    func set(_ rows: [ArrayRow]) -> SampleSet {
      SampleSet(rows.map { Float($0.values[0]) }, shape: Shape(channels: 1))
    }
    let hasConditions = reals.contains { !$0.condition.isEmpty }
    var settings = ArraySettings(paths: ["x.npy"])
    if hasConditions { settings.conditions = [ArrayCondition(name: "e.npy")] }
    let sets = ArraySets(
      samples: ArraySet(count: samples.count) { samples[$0] },
      reals: ArraySet(count: reals.count) { reals[$0] },
      units: try ArrayUnits(settings, fileSizes: [1]),
      conditionNames: hasConditions ? ["e.npy"] : [])
    return ScoreInput(
      samples: set(samples), reals: set(reals), arrays: { sets },
      trainClassifier: trainClassifier, team: try alone())
  }

  /// Two groups whose samples are each other's: together they are like the reals.
  @Test func chiSquaredIsThatOfTheGroups() throws {
    func rows(_ places: [Double]) -> [ArrayRow] {
      (0..<10).map { ArrayRow(values: [places[$0 % 2] + 0.5], condition: [Double($0 % 2)]) }
    }
    let score = try scoreOf("histograms", Self.subject)
    let found = try score.measure(Self.input(samples: rows([1, 0]), reals: rows([0, 1])))
    #expect(score.columns.prefix(2) == ["separation (1)", "chi2_ndf (1)"])
    // A group's 5 and 0 beside 0 and 5: (5 * 5)^2 / (5^2 * 5) twice, of one degree of freedom.
    #expect(found == [0, 10, 0, 10])
  }

  /// jetnet's 20,000 to 50,000, and the same shares of fewer.
  @Test(arguments: [(1000, "400 to 1000"), (80_000, "20000 to 50000")])
  func sizesOfBatches(samples: Int, text: String) throws {
    let score = try scoreOf("fpd", Self.subject)
    let lines = score.report([0, 0], ScoreSetting(samples: samples))
    #expect(lines.joined().contains(" sizes from \(text), "), "\(lines)")
  }

  /// Each batch of each set has rows of its own.
  @Test func batchesAreDrawnByThemselves() {
    let drawn = DrawnRows(seed: 3)
    let draws = [(0, false), (0, true), (1, false), (1, true)].map { number, isReal in
      drawn(50, of: 1000, number: number, isReal: isReal)
    }
    #expect(Set(draws).count == 4)
    #expect(draws.joined().allSatisfy { (0..<1000).contains($0) })
    #expect(drawn(50, of: 1000, number: 1, isReal: true) == draws[3])
  }

  // MARK: - Classifier

  /// Probabilities are calibrated by the part that chooses the epoch, and by no other: one that is
  /// sure there and always wrong in the last part is as bad as can be.
  @Test func calibrationKnowsNothingOfTheTest() throws {
    let rows = (0..<20).map { ArrayRow(values: [Double($0)], condition: []) }
    let input = try Self.input(samples: rows, reals: rows) { task in
      func scores(_ rows: [Int32], ofReals score: Double) -> [Double] {
        rows.map { Int($0) >= task.firstOfSecond ? score : 1 - score }
      }
      return TwoClassScores(
        selection: scores(task.selection, ofReals: 0.75), test: scores(task.test, ofReals: 0.25))
    }
    let found = try scoreOf("classifierTest", Self.subject).measure(input)
    #expect(found[0] == 0)
    expectClose(found[1], 1 + log2(1e-6), absolute: 1e-9)
  }

  @Test func classifiersAreJudgedAsByScikitLearn() throws {
    let recorded = try Recorded.load().classifier
    let isReal = Self.hashed(340, 400).map { $0 < 0.5 }
    let scores = zip(Self.hashed(341, 400), isReal).map { score, isReal in
      ((score + 0.4 * (isReal ? 1 : 0)) * 64).rounded(.toNearestOrEven) / 96
    }
    expectClose(
      ClassifierTest.areaUnderCurve(scores, isReal), recorded.areaUnderCurve, absolute: 1e-14)
    let fit = IsotonicRegression(
      scores, isReal.map { $0 ? 1 : 0 }, low: 1e-6, high: 1 - 1e-6)
    let places = Self.hashed(342, 60).map { ($0 * 128).rounded(.toNearestOrEven) / 96 - 0.1 }
    expectClose(places.map(fit.callAsFunction), recorded.calibrated, absolute: 1e-12)
    let found = ClassifierTest.divergence(
      scores[..<200].map(fit.callAsFunction), Array(isReal[..<200]))
    expectClose(found, recorded.divergence, absolute: 1e-12)
    #expect(ClassifierTest.areaUnderCurve([0, 1, 1, 2], [false, true, false, true]) == 0.875)
    #expect(ClassifierTest.divergence([0.5, 0.5], [true, false]) == 0)
  }
}

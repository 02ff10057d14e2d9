import Base
import Configuration
import Datasets
import Foundation
import Scores
import TestSupport
import Testing

/// Scores on features, held against torch-fidelity's and scikit-learn's numbers.
@Suite struct FeatureScoreTests {
  private static let samples = HashedData.vectors(10, 300, 24)
  private static let reals = HashedData.vectors(20, 280, 24, shift: 0.05, scale: 1.125)
  private static let logits = Vectors(
    HashedData.vectors(30, 203, 11).values.map { 2 * $0 }, dimension: 11)

  @Test func frechetDistanceAgrees() throws {
    let recorded = try RecordedScores.load()
    let (a, b) = (Self.samples, Self.reals)
    expectClose(
      try FrechetDistance.distance(a, b, alone()), recorded.fid, absolute: 0, relative: 1e-9)
    try expectSameOnAnyTeam("fid") { [try FrechetDistance.distance(a, b, $0)] }
  }

  /// Of a set to itself, moved, and of Gaussians that are known: by hand.
  @Test func frechetDistanceByHand() throws {
    let team = try alone()
    expectClose(
      try FrechetDistance.distance(Self.reals, Self.reals, team), 0, absolute: 1e-10, "itself")
    let moved = Vectors(Self.reals.values.map { $0 + 2 }, dimension: 24)
    expectClose(
      try FrechetDistance.distance(moved, Self.reals, team), 96, absolute: 1e-3, "moved by 2")
    // Variances 1 and 4 in one dimension, (2 - 1)^2.
    let line = Vectors([-1, 0, 1], dimension: 1)
    expectClose(
      try FrechetDistance.distance(Vectors([-2, 0, 2], dimension: 1), line, team), 1,
      absolute: 1e-12, "twice as wide")
    // Fewer vectors than dimensions: the covariances are singular.
    expectClose(
      try FrechetDistance.distance(
        HashedData.vectors(120, 40, 64), HashedData.vectors(130, 30, 64), team),
      try RecordedScores.load().fidSingular, absolute: 0, relative: 1e-11, "singular")
    let bad = Vectors(Array(repeating: .nan, count: 48), dimension: 24)
    #expect(try FrechetDistance.distance(bad, Self.reals, team).isNaN)
    #expect(
      message { try FrechetDistance.distance(Self.reals.prefix(1), Self.reals, team) }
        == "fid: takes two samples and two reals or more, found 1")
  }

  /// Tiles of covariances and panels of products are several here.
  @Test func frechetDistanceOfManyFeatures() throws {
    let (a, b) = (HashedData.vectors(3, 90, 300), HashedData.vectors(4, 80, 300))
    try expectSameOnAnyTeam("fid of 300") { [try FrechetDistance.distance(a, b, $0)] }
    let moments = try Moments(a, alone())
    for (row, column) in [(0, 0), (299, 1), (1, 299), (256, 255), (257, 257)] {
      let deviations = { (element: Int) in
        (0..<90).map { Double(a.values[$0 * 300 + element]) - moments.mean[element] }
      }
      let expected = zip(deviations(row), deviations(column)).reduce(0) { $0 + $1.0 * $1.1 } / 89
      expectClose(moments.covariance[row * 300 + column], expected, absolute: 1e-13)
    }
  }

  @Test func kernelDistanceAgrees() throws {
    let recorded = try RecordedScores.load()
    let subsets = Subsets(
      .torchFidelity, seed: 5, count: 10, size: 100, samples: 300, reals: 280)
    let (a, b) = (Self.samples, Self.reals)
    let found = try KernelDistance.distances(a, b, subsets, alone())
    expectClose(
      Statistics.meanAndDeviation(found), recorded.kid, absolute: 0, relative: 1e-9)
    try expectSameOnAnyTeam("kid") { try KernelDistance.distances(a, b, subsets, $0) }
  }

  @Test func permutationsAreNumPys() throws {
    let recorded = try RecordedScores.load()
    var twister = MersenneTwister(seed: 2020)
    #expect(twister.permutation(10) == recorded.permutations[0])
    #expect(twister.permutation(7) == recorded.permutations[1])
    #expect(Array(twister.permutation(700).prefix(8)) == recorded.permutations[2])
  }

  @Test func philoxChoosesSubsetsWithoutRepeats() {
    let subsets = Subsets(.philox, seed: 5, count: 200, size: 7, samples: 20, reals: 7)
    #expect(subsets.ofSamples.count == 200 && subsets.ofReals.count == 200)
    for subset in subsets.ofSamples + subsets.ofReals { #expect(Set(subset).count == 7) }
    #expect(Set(subsets.ofReals[0]) == Set(0..<7))
    // 1400 draws of 20: each about 70 times, deviation 6.8.
    let counts = subsets.ofSamples.joined().reduce(into: Array(repeating: 0, count: 20)) {
      $0[$1] += 1
    }
    #expect(counts.allSatisfy { (40...100).contains($0) }, "\(counts)")
    let other = Subsets(.philox, seed: 6, count: 200, size: 7, samples: 20, reals: 7)
    #expect(other.ofSamples != subsets.ofSamples)
  }

  @Test func inceptionScoreAgrees() throws {
    let recorded = try RecordedScores.load()
    let ranges = (0..<10).map { ($0 * 203 / 10)..<(($0 + 1) * 203 / 10) }
    let logits = Self.logits
    let found = try InceptionScore.scores(logits, ranges, alone())
    expectClose(
      Statistics.meanAndDeviation(found), recorded.inceptionScore, absolute: 0, relative: 1e-9)
    try expectSameOnAnyTeam("inceptionScore") { try InceptionScore.scores(logits, ranges, $0) }
    // Sure and even: as many as there are classes; all of one class, or unsure of all: 1.
    let sure = Vectors((0..<9).map { $0 % 4 == 0 ? 1000 : 0 }, dimension: 3)
    let same = Vectors([1000, 0, 0, 1000, 0, 0], dimension: 3)
    let unsure = Vectors([5, 5, 5, -7, -7, -7], dimension: 3)
    for (logits, expected) in [(sure, 3.0), (same, 1), (unsure, 1)] {
      let found = try InceptionScore.scores(logits, [0..<logits.count], alone())
      expectClose(found, [expected], absolute: 1e-12)
    }
  }

  @Test func precisionRecallDensityCoverageAgree() throws {
    let recorded = try RecordedScores.load()
    let (a, b) = (Self.samples, Self.reals)
    let found = try PrecisionRecall.values(a, b, k: 3, densityK: 5, alone())
    // torch-fidelity gives out precision and recall in single precision.
    expectClose(found, recorded.prdc, absolute: 0, relative: 1e-7)
    try expectSameOnAnyTeam("prdc") {
      try PrecisionRecall.values(a, b, k: 3, densityK: 5, $0)
    }
  }

  /// On a line: reals 0, 1, 3, 7 with k = 1 have radii 1, 1, 2, 4.
  @Test func precisionRecallByHand() throws {
    let reals = Vectors([0, 1, 3, 7], dimension: 1)
    let samples = Vectors([-1, 0.5, 20, 21], dimension: 1)
    let found = try PrecisionRecall.values(samples, reals, k: 1, densityK: 1, alone())
    // -1 is on the surface of 0's ball, 0.5 in those of 0 and 1; the samples' radii are 1.5, 1.5,
    // 1, 1, in which 0 and 1 lie; balls of 0 and 1 have a sample inside.
    expectClose(found, [2.0 / 4, 2.0 / 4, 2.0 / 4, 2.0 / 4], absolute: 1e-12)
    let nearest = try Nearest.distances(reals, count: 2, alone())
    expectClose(nearest, [1, 9, 1, 4, 4, 9, 16, 36], absolute: 1e-12)
    #expect(
      message { try PrecisionRecall.values(samples, reals, k: 3, densityK: 4, alone()) }
        == "prdc: 4 samples and 4 reals are too few for 4 neighbours")
  }

  // MARK: - As scores

  private static let networks = FeatureNetworks(
    standard: "means", refusal: { $0 == "means" ? nil : "no network '\($0)'; known: means" },
    open: { _ in MeanExtractor() })

  private static let subject = ScoreSubject(
    name: "run", source: .glyphs(count: 10, seed: 0), networks: networks)

  private static func score(_ text: String) throws -> any Score { try scoreOf(text, subject) }

  private static func input() throws -> ScoreInput {
    let shape = Shape(channels: 1, height: 2, width: 2)
    return ScoreInput(
      samples: SampleSet(HashedData.uniforms(1, 400), shape: shape, range: 0...1),
      reals: SampleSet(HashedData.uniforms(2, 480), shape: shape, range: 0...1), seed: 3,
      networks: networks, team: try alone())
  }

  @Test func scoresTakeTheirNetworkAndSayIt() throws {
    let input = try Self.input()
    for (text, names) in [
      ("fid", ["FID"]), ("{kid: {subsets: 4, subsetSize: 50}}", ["KID"]),
      ("{inceptionScore: {splits: 5}}", ["Inception"]),
      ("{prdc: {k: 2}}", ["precision", "recall", "density", "coverage"]),
    ] {
      let score = try Self.score(text)
      let values = try score.measure(input)
      #expect(values.count == score.columns.count && values.allSatisfy(\.isFinite), "\(text)")
      let setting = ScoreSetting(
        samples: 100, reals: 120, seed: 3, networkNames: input.networkNames)
      let report = score.report(values, setting)
      #expect(report.map { $0.split(separator: " ")[0] } == names.map { $0[...] }, "\(report)")
      #expect(report[0].contains("means") && report[0].contains("100 samples"), "\(report)")
    }
  }

  /// A score is its formula of the network's features, with the options that it was given.
  @Test func scoresAreTheirFormulas() throws {
    let input = try Self.input()
    let sets = try input.features(of: "means")
    let (samples, reals) = (sets.samples, sets.reals)
    #expect(samples.count == 100 && reals.count == 120)
    func expectMeasured(_ text: String, _ expected: [Double]) throws {
      expectClose(try Self.score(text).measure(input), expected, absolute: 0, "\(text)")
    }
    try expectMeasured("fid", [FrechetDistance.distance(samples, reals, input.team)])
    for choice in KernelDistance.Choice.allCases {
      let subsets = Subsets(choice, seed: 3, count: 4, size: 50, samples: 100, reals: 120)
      try expectMeasured(
        "{kid: {subsets: 4, subsetSize: 50, choice: \(choice)}}",
        Statistics.meanAndDeviation(
          KernelDistance.distances(samples, reals, subsets, input.team)))
    }
    try expectMeasured(
      "{prdc: {k: 2, densityK: 6}}",
      PrecisionRecall.values(samples, reals, k: 2, densityK: 6, input.team))
    let logits = try input.logits(of: "means")
    try expectMeasured(
      "{inceptionScore: {splits: 3}}",
      Statistics.meanAndDeviation(
        InceptionScore.scores(
          Vectors(logits.values, dimension: logits.classes), [0..<33, 33..<66, 66..<100],
          input.team)))
  }

  @Test func reportsSayWhatAScoreDependsOn() throws {
    let setting = ScoreSetting(
      samples: 9, reals: 8, seed: 7, networkNames: ["means": "the means"])
    #expect(
      try Self.score("{kid: {subsets: 4, subsetSize: 50}}").report([0.25, 0.5], setting) == [
        "KID          0.25, standard deviation 0.5 (4 subsets of 50, seed 7; 9 samples, 8 reals, "
          + "the means)"
      ])
    #expect(
      try Self.score("{kid: {choice: torchFidelity}}").report([1, 0], setting)[0].contains(
        "100 subsets of 1000, torch-fidelity's choice"))
    #expect(
      try Self.score("inceptionScore").report([2, 0.125], setting) == [
        "Inception    2, standard deviation 0.125 (10 splits of 9 samples, the means)"
      ])
    #expect(
      try Self.score("prdc").report([1, 0.5, 0.25, 0], setting) == [
        "precision    1 (k = 3; 9 samples, 8 reals, the means)", "recall       0.5 (k = 3)",
        "density      0.25 (k = 5)", "coverage     0 (k = 5)",
      ])
  }

  @Test func whatCannotBeMeasuredIsSaid() throws {
    #expect(
      message { try Self.score("{fid: {network: vgg}}") }
        == "test:1: scores.0.fid.network: no network 'vgg'; known: means")
    let input = try Self.input()
    #expect(
      message { try Self.score("kid").measure(input) }
        == "kid: subsets of 1000 cannot be chosen among 100 samples and 120 reals; draw more, or "
        + "set its subsetSize")
    #expect(
      message { try Self.score("{inceptionScore: {splits: 101}}").measure(input) }
        == "inceptionScore: 100 samples are fewer than its 101 splits")
    var subject = Self.subject
    subject.networks = nil
    #expect(FrechetDistance.refusal(of: subject) == "there are no feature networks")
    subject.source = .toy(ToyDistribution(.gaussians8), count: 10, seed: nil)
    #expect(
      InceptionScore.refusal(of: subject)
        == "the data of run are points of the plane, not images")
  }
}

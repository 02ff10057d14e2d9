import Base
import Datasets
import Foundation
import Scores
import TestSupport
import Testing

/// Scores without a network, held against SciPy's and scikit-learn's numbers.
@Suite struct PointScoreTests {
  private static let setting = ScoreSetting(samples: 150, reals: 120, seed: 4)

  private static let subject = ScoreSubject(
    name: "toy", source: .toy(ToyDistribution(.swissroll), count: 10, seed: nil))

  private static func score(_ text: String) throws -> any Score {
    try scoreOf(text, subject)
  }

  // MARK: - Wasserstein

  @Test func exactWassersteinAgrees() throws {
    let recorded = try RecordedScores.load()
    let (a, b) = (HashedData.vectors(40, 120, 2), HashedData.vectors(50, 120, 2, shift: 0.25))
    let found = try Wasserstein.distance(a, b, alone())
    expectClose(found, recorded.wasserstein, absolute: 0, relative: 1e-12)
    try expectSameOnAnyTeam("wasserstein") { [try Wasserstein.distance(a, b, $0)] }
    let costs = (0..<120 * 120).map { index in
      let (row, column) = (index / 120, index % 120)
      let x = Double(a.values[2 * row]) - Double(b.values[2 * column])
      let y = Double(a.values[2 * row + 1]) - Double(b.values[2 * column + 1])
      return (x * x + y * y).squareRoot()
    }
    #expect(Assignment.solve(costs, count: 120) == recorded.assignment)
    let bad = Vectors(Array(repeating: .infinity, count: 240), dimension: 2)
    #expect(try Wasserstein.distance(bad, b, alone()).isNaN)
  }

  /// Against every permutation, with ties too.
  @Test func assignmentsAreTheCheapest() {
    func permutations(_ rest: [Int]) -> [[Int]] {
      rest.isEmpty
        ? [[]]
        : rest.flatMap { first in
          permutations(rest.filter { $0 != first }).map { [first] + $0 }
        }
    }
    let all = permutations(Array(0..<5))
    for trial in 0..<40 {
      let values = HashedData.uniforms(UInt64(300 + trial), 25)
      let costs = values.map { trial < 20 ? Double($0) : Double(Int($0 * 3)) - 1 }
      func sum(_ columns: [Int]) -> Double {
        columns.enumerated().reduce(0) { $0 + costs[$1.offset * 5 + $1.element] }
      }
      let found = Assignment.solve(costs, count: 5)
      #expect(Set(found) == Set(0..<5), "trial \(trial)")
      let least = all.map(sum).min() ?? 0
      expectClose(sum(found), least, absolute: 1e-12, "trial \(trial)")
    }
    #expect(Assignment.solve([7], count: 1) == [0] && Assignment.solve([0.0], count: 0).isEmpty)
  }

  @Test func slicedWassersteinAgrees() throws {
    let recorded = try RecordedScores.load()
    let (a, b) = (HashedData.vectors(60, 150, 6), HashedData.vectors(70, 150, 6, shift: 0.125))
    let directions = Vectors(HashedData.uniforms(80, 120).map { $0 - 0.5 }, dimension: 6)
    let found = try SlicedWasserstein.distances(a, b, along: directions, alone())
    expectClose(found.reduce(0, +) / 20, recorded.sliced, absolute: 0, relative: 1e-12)
    try expectSameOnAnyTeam("slicedWasserstein") {
      try SlicedWasserstein.distances(a, b, along: directions, $0)
    }
    let marginal = try MarginalWasserstein.distances(a, b, alone())
    expectClose(marginal, recorded.marginal, absolute: 0, relative: 1e-6)
    try expectSameOnAnyTeam("marginalWasserstein") {
      try MarginalWasserstein.distances(a, b, $0)
    }
  }

  @Test func directionsAreUniformOnTheSphere() {
    let directions = Directions.random(4000, dimension: 3, seed: 9)
    var sums = [Double](repeating: 0, count: 9)
    for row in 0..<4000 {
      let vector = directions.values[3 * row..<3 * row + 3].map(Double.init)
      expectClose(vector.reduce(0) { $0 + $1 * $1 }, 1, absolute: 1e-6)
      for first in 0..<3 {
        for second in 0..<3 { sums[3 * first + second] += vector[first] * vector[second] / 4000 }
      }
    }
    // The mean of x_i x_j is 1/3 on the diagonal, 0 beside it; deviations are below 0.005.
    let third = 1 / 3.0
    expectClose(sums, [third, 0, 0, 0, third, 0, 0, 0, third], absolute: 0.025)
    #expect(Directions.random(3, dimension: 3, seed: 9).values == Array(directions.values[..<9]))
    #expect(Directions.random(3, dimension: 3, seed: 8).values != Array(directions.values[..<9]))
  }

  // MARK: - Mean discrepancy

  @Test func meanDiscrepancyAgrees() throws {
    let recorded = try RecordedScores.load()
    let a = HashedData.vectors(60, 150, 6).prefix(140)
    let b = HashedData.vectors(70, 150, 6, shift: 0.125)
    let median = try MeanDiscrepancy.medianDistance(b, alone())
    expectClose(median, recorded.median, absolute: 0, relative: 1e-12)
    expectClose(
      try MeanDiscrepancy.estimate(a, b, width: median, alone()), recorded.mmd, absolute: 0,
      relative: 1e-9)
    // Several panels on either side.
    let (many, more) = (HashedData.vectors(5, 600, 3), HashedData.vectors(6, 300, 3))
    try expectSameOnAnyTeam("meanDiscrepancy") {
      [try MeanDiscrepancy.estimate(many, more, width: 1, $0)]
    }
    var expected = 0.0
    for (a, b, weight) in [(many, many, 1.0), (more, more, 1), (many, more, -2)] {
      var sum = 0.0
      for row in 0..<a.count {
        for column in 0..<b.count where weight < 0 || row != column {
          let square = (0..<3).reduce(0.0) {
            let difference =
              Double(a.values[3 * row + $1]) - Double(b.values[3 * column + $1])
            return $0 + difference * difference
          }
          sum += exp(-square / 2)
        }
      }
      expected += weight * sum / Double(a.count * (weight < 0 ? b.count : b.count - 1))
    }
    expectClose(
      try MeanDiscrepancy.estimate(many, more, width: 1, alone()), expected, absolute: 1e-12)
  }

  // MARK: - As scores

  /// Points shifted by (3, 4): every distance of the two sets is that of the shift.
  @Test func shiftedPoints() throws {
    let reals = HashedData.uniforms(7, 80)
    let samples = reals.enumerated().map { $1 + ($0 % 2 == 0 ? 3 : 4) }
    func values(_ text: String) throws -> [Double] {
      try measured(Self.score(text), samples: samples, reals: reals)
    }
    expectClose(try values("wasserstein"), [5], absolute: 1e-6)
    expectClose(try values("marginalWasserstein"), [3.5, 4], absolute: 1e-6)
    // The mean over directions of 5 |cos|: 10 / pi.
    expectClose(
      try values("{slicedWasserstein: {projections: 2000}}"), [10 / Double.pi], absolute: 0.1)
    #expect(try values("meanDiscrepancy")[0] > 0.9)
    #expect(try values("{meanDiscrepancy: {width: 1000}}")[0] < 1e-4)
    // Among themselves.
    let same = try measured(Self.score("wasserstein"), samples: reals, reals: reals)
    #expect(same == [0])
    // The first 10 only.
    let first = try measured(
      Self.score("{wasserstein: {samples: 10}}"),
      samples: Array(samples[..<20]) + samples[20...].map { $0 + 100 }, reals: reals)
    expectClose(first, [5], absolute: 1e-6)
  }

  @Test func reportsSayWhatAScoreDependsOn() throws {
    for (text, values, line) in [
      ("wasserstein", [0.5], "Wasserstein  0.5 (W1 of 120 samples and reals, exact)"),
      ("{wasserstein: {samples: 7}}", [0.5], "Wasserstein  0.5 (W1 of 7 samples and reals, exact)"),
      (
        "slicedWasserstein", [0.5],
        "sliced W1    0.5 (256 directions of seed 4, 120 samples and reals)"
      ),
      (
        "marginalWasserstein", [0.5, 1],
        "marginal W1  0.5 on average over the elements, 1 of the worst (120 samples and reals)"
      ),
      (
        "{meanDiscrepancy: {width: 0.25}}", [0.5],
        "MMD squared  0.5 (Gaussian kernel of width 0.25, unbiased, 150 samples, 120 reals)"
      ),
    ] as [(String, [Double], String)] {
      #expect(try Self.score(text).report(values, Self.setting) == [line])
    }
  }
}

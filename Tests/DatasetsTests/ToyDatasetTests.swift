import Base
import Datasets
import TestSupport
import Testing

@Suite struct ToyDatasetTests {
  private func points(_ set: ToyDataset, _ count: Int, batch: Int = 0) -> [(x: Double, y: Double)] {
    (0..<count).map { index in
      let draw = SampleDraw(seed: 5, batch: batch, position: index)
      let point = withOutput(2) { set.copySample(at: index % set.count, draw: draw, into: $0) }
      return (Double(point[0]), Double(point[1]))
    }
  }

  private func moments(_ values: [Double]) -> (mean: Double, deviation: Double) {
    let mean = values.reduce(0, +) / Double(values.count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    return (mean, variance.squareRoot())
  }

  /// The index of the nearest centre of every point, and the deviation from it.
  private func clusters(
    _ points: [(x: Double, y: Double)], _ centres: [(x: Double, y: Double)]
  ) -> (counts: [Int], deviation: Double) {
    var counts = [Int](repeating: 0, count: centres.count)
    var sum = 0.0
    for point in points {
      let distances = centres.map {
        ($0.x - point.x) * ($0.x - point.x) + ($0.y - point.y) * ($0.y - point.y)
      }
      let nearest = distances.indices.min { distances[$0] < distances[$1] } ?? 0
      counts[nearest] += 1
      sum += distances[nearest]
    }
    return (counts, (sum / Double(2 * points.count)).squareRoot())
  }

  @Test(arguments: [nil, 3] as [UInt64?])
  func gaussians8(seed: UInt64?) {
    let distribution = ToyDistribution(.gaussians8)
    for centre in distribution.centres {
      // Radius 2 / 1.414.
      let radius = (centre.x * centre.x + centre.y * centre.y).squareRoot()
      #expect(abs(radius - 1.4144) < 1e-4)
    }
    let drawn = points(ToyDataset(distribution, count: 20_000, seed: seed), 20_000)
    let (counts, deviation) = clusters(drawn, distribution.centres)
    // 2,500 each, five standard deviations of a binomial.
    #expect(counts.allSatisfy { abs($0 - 2500) < 235 }, "\(counts)")
    #expect(abs(deviation - 0.01414) < 0.0003)
    #expect(abs(moments(drawn.map(\.x)).deviation - 1) < 0.01)
  }

  /// The condition is where and how wide the ring is.
  @Test func ring() {
    let set = ToyDataset(ToyDistribution(.ring), count: 5000, seed: 3)
    let drawn = points(set, set.count)
    #expect(set.condition == ConditionShape(numbers: 2))
    let conditions = (0..<set.count).map { index in
      Condition.withTemporary(set.condition) {
        set.copyCondition(at: index, into: $0)
        return $0.numbers.map(Double.init)
      }
    }
    #expect(conditions.allSatisfy { (0.5...2).contains($0[0]) && (0...1).contains($0[1]) })
    expectClose(moments(conditions.map { $0[0] }).mean, 1.25, absolute: 0.03)
    let off = zip(drawn, conditions).map { point, condition in
      ((point.x * point.x + point.y * point.y).squareRoot() - condition[0]) / 0.2
    }
    // Across the ring the noise is N(0, width^2), but for the curve.
    let narrow = zip(off, conditions).filter { $1[1] < 0.5 && $1[0] > 1 }
    expectClose(
      moments(narrow.map { $0 / max($1[1], 0.01) }).deviation, 1, absolute: 0.05)
  }

  @Test func gaussians25() {
    let distribution = ToyDistribution(.gaussians25)
    let fixed = points(ToyDataset(distribution, count: 10_000, seed: 0), 10_000)
    let (counts, deviation) = clusters(fixed, distribution.centres)
    #expect(counts == [Int](repeating: 400, count: 25))
    #expect(abs(deviation - 0.01768) < 0.0003)
    #expect(abs(moments(fixed.map(\.y)).deviation - 1) < 0.002)
    let fresh = points(ToyDataset(distribution, count: 10_000, seed: nil), 10_000)
    let (drawn, _) = clusters(fresh, distribution.centres)
    #expect(drawn.allSatisfy { abs($0 - 400) < 100 } && Set(drawn).count > 5, "\(drawn)")
  }

  @Test func swissRoll() {
    let drawn = points(ToyDataset(ToyDistribution(.swissroll), count: 40_000, seed: 1), 40_000)
    let (x, y) = (moments(drawn.map(\.x)), moments(drawn.map(\.y)))
    // scikit-learn's make_swiss_roll(noise=0.25), columns 0 and 2, over 7.5.
    #expect(abs(x.mean - 0.26) < 0.02 && abs(y.mean - 0.02) < 0.02, "\(x), \(y)")
    #expect(abs(x.deviation - 0.883) < 0.01 && abs(y.deviation - 0.926) < 0.01, "\(x), \(y)")
    #expect(drawn.allSatisfy { max(abs($0.x), abs($0.y)) < 2.1 })
    #expect(drawn.contains { $0.y > 1.8 })
  }

  @Test func fixedSamplesStayAndFreshOnesDoNot() {
    let distribution = ToyDistribution(.swissroll)
    let fixed = ToyDataset(distribution, count: 50, seed: 2)
    #expect(points(fixed, 50, batch: 0).map(\.x) == points(fixed, 50, batch: 7).map(\.x))
    let other = ToyDataset(distribution, count: 50, seed: 3)
    #expect(points(fixed, 50).map(\.x) != points(other, 50).map(\.x))
    let more = ToyDataset(distribution, count: 90, seed: 2)
    #expect(points(more, 50).map(\.x) == points(fixed, 50).map(\.x))

    let fresh = ToyDataset(distribution, count: 50, seed: nil)
    let first = points(fresh, 50, batch: 1).map(\.x)
    #expect(points(fresh, 50, batch: 1).map(\.x) == first)
    #expect(Set(first + points(fresh, 50, batch: 2).map(\.x)).count == 100)
    // Which index was asked for plays no part.
    let draw = SampleDraw(seed: 5, batch: 1, position: 4)
    #expect(Double(withOutput(2) { fresh.copySample(at: 31, draw: draw, into: $0) }[0]) == first[4])
  }

  @Test func scaleAndNoiseAreSettings() {
    let plain = ToyDistribution(.gaussians8, noise: 0, scale: 2)
    for (point, centre) in zip(
      points(ToyDataset(plain, count: 8, seed: nil), 300).prefix(300),
      repeatElement(plain.centres, count: 300))
    {
      #expect(
        centre.contains { abs($0.x - point.x) < 1e-6 && abs($0.y - point.y) < 1e-6 }, "\(point)")
    }
    #expect(plain.centres[0] == (1, 0))
  }

  @Test func sourceOpensThem() throws {
    let fixed = try DatasetSource.toy(ToyDistribution(.gaussians25), count: 100, seed: 0)
      .open(range: -1...1, limit: 30)
    #expect(fixed.count == 30)
    #expect(fixed.shape == Shape(channels: 2, height: 1, width: 1))
    #expect(fixed.name == "gaussians25")
  }
}

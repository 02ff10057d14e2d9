import Datasets
import Foundation
import Scores
import Testing

@Suite struct ModeCoverageTests {
  @Test func theCentresOfTheToySets() throws {
    let eight = try #require(ModeCoverage(ToyDistribution(.gaussians8)))
    #expect(eight.centres.count == 8 && Set(eight.centres).count == 8)
    for centre in eight.centres {
      #expect(abs((centre * centre).sum().squareRoot() - 2 / 1.414) < 1e-12)
      let angle = atan2(centre.y, centre.x) / (Double.pi / 4)
      #expect(abs(angle - angle.rounded()) < 1e-12)
    }
    #expect(abs(eight.deviation - 0.01414) < 1e-5)
    let grid = try #require(ModeCoverage(ToyDistribution(.gaussians25)))
    #expect(Set(grid.centres).count == 25)
    #expect(grid.centres.allSatisfy { max(abs($0.x), abs($0.y)) < 1.4145 })
    #expect(grid.centres.contains([0, 0]) && abs(grid.deviation - 0.01768) < 1e-5)
    #expect(ModeCoverage(ToyDistribution(.swissroll)) == nil)
    // The data themselves: all on the modes but for the tail beyond four deviations, exp(-8).
    for form in [ToyDistribution.Form.gaussians8, .gaussians25] {
      let distribution = ToyDistribution(form)
      let data = ToyDataset(distribution, count: 10_000, seed: 1)
      let points = (0..<10_000).flatMap { index in
        [Float](unsafeUninitializedCapacity: 2) { buffer, count in
          buffer.initialize(repeating: 0)
          data.copySample(at: index, into: buffer)
          count = 2
        }
      }
      let found = try #require(ModeCoverage(distribution)).evaluate(points)
      #expect(found.modesHit == found.modes && found.share > 0.998 && found.share <= 1)
    }
  }

  @Test func samplesCountWithinFourDeviations() {
    let modes = ModeCoverage(centres: [[0, 0], [10, 0], [0, 10]], deviation: 0.5)
    // On the mode up to a distance of 2; 3 and 4 along the axes is a distance of 5.
    let found = modes.evaluate([
      0, 0, 1.9, 0, 0, -2.1, 1.5, 1.5, 1.4, 1.4, 10, 2, 13, 4, .nan, 0, .infinity, 0,
    ])
    #expect(found.samples == 9 && found.counts == [3, 1, 0])
    #expect(found.modes == 3 && found.modesHit == 2 && found.modesTouched == 2)
    #expect(abs(found.share - 4.0 / 9) < 1e-12)
  }

  /// The columns of `evaluation.csv`, and what `evaluate` prints of them.
  @Test func columnsAndReport() throws {
    let modes = ModeCoverage(centres: [[0, 0], [10, 0], [20, 0]], deviation: 1)
    var samples = [Float](repeating: 0, count: 2 * 1000)
    samples[0] = 10
    for index in 1..<6 { samples[2 * index] = 5 }
    let values = try measured(modes, samples: samples, reals: samples)
    #expect(modes.columns == ["modes_hit (count)", "modes_touched (count)", "on_mode (1)"])
    #expect(values == [1, 2, 0.995])
    #expect(modes.summary(values) == "1 of 3 modes, 99.5 % on one")
    #expect(
      modes.report(values, ScoreSetting(samples: 1000)) == [
        "modes hit    1 of 3 (2 of 1000 samples or more; 2 with any)",
        "on a mode    99.50 % of the samples (within 4 standard deviations)",
      ])
  }

  @Test func straysAreNoHit() {
    let modes = ModeCoverage(centres: [[0, 0], [10, 0], [20, 0]], deviation: 1)
    var samples = [Float](repeating: 0, count: 2 * 10_000)
    for index in 0..<20 { samples[2 * index] = 10 }
    for index in 20..<39 { samples[2 * index] = 20 }
    let found = modes.evaluate(samples)
    #expect(found.leastSamples == 20 && found.counts == [9961, 20, 19])
    #expect(found.modesHit == 2 && found.modesTouched == 3 && found.share == 1)
  }
}

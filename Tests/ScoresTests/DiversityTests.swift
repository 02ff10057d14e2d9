import Base
import Scores
import TestSupport
import Testing

@Suite struct DiversityTests {
  private let reals: [Float] = [0, 1, 2, 1, 4, 1]

  @Test func theShareOfTheRealsDeviation() {
    expectClose(Diversity.share(of: reals, reals: reals, 3), 1, absolute: 1e-12, "the same")
    expectClose(
      Diversity.share(of: [0, 0.1, 0.2, 0.1, 0.4, 0.1], reals: reals, 3), 0.1, absolute: 1e-6,
      "a tenth")
    #expect(Diversity.share(of: [5, 6, 5, 6, 5, 6], reals: reals, 3) == 0)
  }

  /// As a score: one column, and reals that are drawn once however many ask.
  @Test func measuredOnAnInput() throws {
    var draws = 0
    let shape = Shape(channels: 2)
    let input = ScoreInput(
      samples: SampleSet([0, 1, 1, 1, 2, 1], shape: shape),
      reals: SampleSet(count: 3, shape: shape) { _ in
        draws += 1
        return reals
      }, team: try alone())
    for _ in 0..<2 {
      let values = try Diversity().measure(input)
      #expect(values.count == Diversity().columns.count)
      expectClose(values[0], 0.5, absolute: 1e-12, "half")
    }
    #expect(draws == 1)
    #expect(Diversity().summary([0.93456]) == "diversity 0.9346")
    #expect(
      Diversity().report([0.5], ScoreSetting(samples: 3)) == [
        "diversity    0.5 of the reals' deviation"
      ])
  }
}

import Base
import Configuration
import Datasets
import RunSupport
import Scores
import TestSupport
import Testing

@Suite struct ScoreCatalogTests {
  /// A column has one score: rows and panels are found by it.
  @Test func namesAndColumnsAreUnique() throws {
    let networks = FeatureNetworks(
      standard: "none", refusal: { _ in nil }, open: { throw Fault("\($0) is none") })
    let toy = ScoreSubject(
      name: "toy", source: .toy(ToyDistribution(.gaussians8), count: 10, seed: nil))
    let images = ScoreSubject(
      name: "images", source: .glyphs(count: 10, seed: 0), networks: networks)
    let arrays = ScoreSubject(
      name: "arrays", source: .array(ArraySettings(paths: ["x.npy"])),
      quantities: [Quantity(name: "total", form: .sum)])
    let scores = try ScoreCatalog.names.map { name in
      let item = ConfigurationItem(name: name, source: "test")
      let subjects = [toy, images, arrays]
      let found = subjects.lazy.compactMap { try? ScoreCatalog.score(item, $0) }.first
      return try #require(found, "\(name)")
    }
    let columns = scores.flatMap(\.columns)
    #expect(Set(ScoreCatalog.names).count == scores.count && Set(columns).count == columns.count)
    #expect(columns.allSatisfy { $0.hasSuffix(")") && $0.contains(" (") })
    #expect(ScoreCatalog.defaults(of: toy) == ["diversity", "modeCoverage"])
    #expect(ScoreCatalog.defaults(of: images) == ["diversity"])
    #expect(ScoreCatalog.defaults(of: arrays) == ["diversity", "histograms"])
    var none = arrays
    none.quantities = []
    #expect(ScoreCatalog.defaults(of: none) == ["diversity"])
    #expect(
      Histograms.refusal(of: none) == "evaluation.quantities names nothing to measure")
    #expect(FrechetPhysicsDistance.refusal(of: images) == "the data of images are no arrays")
  }

  @Test func whatDoesNotApply() {
    func refusal(_ source: DatasetSource, fixed: Bool = false) -> String? {
      let subject = ScoreSubject(name: "run", source: source, hasFixedGenerator: fixed)
      return message {
        _ = try ScoreCatalog.score(
          ConfigurationItem(name: "modeCoverage", source: "test"), subject)
      }
    }
    let modes = DatasetSource.toy(ToyDistribution(.gaussians25), count: 10, seed: nil)
    #expect(refusal(modes) == nil)
    #expect(
      refusal(modes, fixed: true)
        == "test: modeCoverage: training.fixedGenerator trains no generator")
    for source in [
      DatasetSource.glyphs(count: 1, seed: 0), .toy(ToyDistribution(.swissroll), count: 1, seed: 0),
      .toy(ToyDistribution(.gaussians8, noise: 0), count: 1, seed: 0),
    ] {
      #expect(refusal(source)?.contains("the data of run have no modes to count") == true)
    }
  }
}

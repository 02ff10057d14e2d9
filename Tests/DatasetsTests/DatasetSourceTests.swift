import Datasets
import TestSupport
import Testing

@Suite struct DatasetSourceTests {
  @Test func sourcesOpen() throws {
    try withTemporaryFolder { folder in
      try write(countingImages(2), to: folder + "/train-images-idx3-ubyte")
      let idx = DatasetSource.idx(path: folder, split: try DatasetSplit(named: "train"))
      #expect(try idx.open(range: -1...1).count == 2)
      let text = message { try idx.open(range: 1...1) }
      #expect(
        text == "data.range: found [1.0, 1.0], expected two finite numbers, the lower first")
    }
    let glyphs = try DatasetSource.glyphs(count: 30, seed: 1).open(range: 0...1, limit: 20)
    #expect(glyphs.name == "glyphs")
    #expect(glyphs.count == 20)
    #expect(
      message { try DatasetSource.glyphs(count: 0, seed: 1).open(range: 0...1) }
        == "data.count: found 0, expected 1 or more")
    #expect(
      message { try DatasetSource.glyphs(count: 9, seed: 1).open(range: 0...1, limit: -1) }
        == "data.limit: found -1, expected 1 or more")
    #expect(
      message { try DatasetSplit(named: "Test") }
        == "data.split: found \"Test\", expected train or test")
  }
}

import Datasets
import TestSupport
import Testing

@Suite struct DatasetSourceTests {
  @Test func sourcesOpen() throws {
    try withTemporaryFolder { folder in
      try write(countingImages(2), to: folder + "/train-images-idx3-ubyte")
      let idx = DatasetSource.idx(path: folder, split: try DatasetSplit(named: "train"))
      #expect(try idx.open(range: -1...1).count == 2)
      #expect(try idx.open(range: -1...1, limit: 1).count == 1)
      #expect(try idx.open(range: -1...1, limit: 3).count == 2)
    }
    let glyphs = try DatasetSource.glyphs(count: 30, seed: 1).open(range: 0...1, limit: 20)
    #expect(glyphs.name == "glyphs")
    #expect(glyphs.count == 20)
    #expect(
      message { try DatasetSplit(named: "Test") }
        == "split: found \"Test\", expected train or test")
  }

  /// A limit counts samples of whatever source, and nobody makes the others.
  @Test func limitsMakeTheFirstSamplesOnly() throws {
    nonisolated(unsafe) var made: [Int] = []
    let available = AvailableSamples(count: 7) { count in
      made.append(count)
      return Array(0..<count)
    }
    #expect(made.isEmpty)
    #expect(try available.first(3) == [0, 1, 2])
    #expect(try available.first(9).count == 7)
    #expect(try available.first().count == 7)
    #expect(made == [3, 7, 7])
  }
}

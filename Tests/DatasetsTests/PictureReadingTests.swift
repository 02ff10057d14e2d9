import Base
import Datasets
import TestSupport
import Testing

/// Decoding block by block on all cores.
@Suite struct PictureReadingTests {
  /// In the files' order, across blocks, and on all cores whatever the thread is bound to.
  @Test func blocksInOrder() throws {
    let files = (0..<700).map { "\($0)" }
    let before = Processor.boundCores
    var found: [Int] = []
    try PictureReading.forEachBlock(of: files, in: "folder") { file in
      (number: Int(file) ?? -1, cores: Processor.boundCores)
    } use: { block, pictures in
      #expect(Array(block) == pictures.map { "\($0.number)" })
      #expect(pictures.allSatisfy { $0.cores == Processor.availableCores })
      found += pictures.map(\.number)
    }
    #expect(found == Array(0..<700))
    #expect(Processor.boundCores == before)
  }

  /// All are counted and the first named, in the files' order, whichever thread finds one first;
  /// nothing behind the first is used.
  @Test(arguments: [
    (300, "3 of 900 pictures cannot be used: bad 299; bad 599; bad 899", 256),
    (200, "4 of 900 pictures cannot be used: bad 199; bad 399; bad 599; and 1 more", 0),
  ])
  func unreadablePicturesAreNamedTogether(every: Int, expected: String, good: Int) {
    var used = 0
    let found = message {
      try PictureReading.forEachBlock(of: (0..<900).map { "\($0)" }, in: "folder") { file in
        guard let number = Int(file), number % every != every - 1 else {
          throw Fault("bad \(file)")
        }
        return number
      } use: {
        used += $1.count
      }
    }
    #expect(found == "folder: \(expected)")
    #expect(used == good)
  }
}

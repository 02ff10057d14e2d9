import Base
import Datasets
import Storage
import TestSupport
import Testing

/// Files that the fixtures do not hold: large ones, of Fortran's order in three dimensions, and
/// those that do not go together.
@Suite struct ArrayFormatTests {
  private func fault(
    _ files: [(name: String, bytes: [UInt8])], _ change: (inout ArraySettings) -> Void = { _ in }
  ) throws -> String {
    try withTemporaryFolder { folder in
      for (name, bytes) in files { try write(bytes, to: "\(folder)/\(name)") }
      let text = message {
        // Conditions are files beside these.
        try openArrays(files.map { "\(folder)/\($0.name)" }.filter { !$0.hasSuffix("/e.npy") }) {
          change(&$0)
        }
      }
      return try #require(text).replacing(folder + "/", with: "")
    }
  }

  private func bytes(_ shape: String, _ elements: [UInt8], isFortran: Bool = false) -> [UInt8] {
    let order = isFortran ? "True" : "False"
    return npy("{'descr': '|u1', 'fortran_order': \(order), 'shape': (\(shape))}", elements)
  }

  private func element(_ n: Int, _ i: Int, _ j: Int) -> Int { 100 * n + 10 * i + j }

  /// The first index is the fastest.
  @Test(arguments: [0..<2, 1..<2]) func fortranOrderOfThreeDimensions(rows: Range<Int>) throws {
    try withTemporaryFolder { folder in
      let elements = (0..<2 * 3 * 4).map { place in
        UInt8(element(place % 2, place / 2 % 3, place / 6))
      }
      try write(bytes("2, 3, 4", elements, isFortran: true), to: "\(folder)/x.npy")
      let set = try openArrays(["\(folder)/x.npy"]) {
        $0.rows = rows
        $0.shape = [12]
      }
      let expected = rows.map { n in
        (0..<12).map { Float(element(n, $0 / 4, $0 % 4)) }
      }
      #expect(samples(set) == expected)
    }
  }

  /// A `.npz` file of arrays that are all called `x`.
  private func writeArchive(_ arrays: [[UInt8]], to path: String) throws {
    try FileSystem.writeAtomically(to: path) { file in
      let zip = ZipWriter(file)
      for array in arrays {
        try zip.begin("x.npy", size: array.count)
        try array.withUnsafeBytes { try zip.write($0) }
      }
      try zip.finish()
    }
  }

  @Test func twoArraysOfANameAreRefused() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.npz"
      try writeArchive([bytes("1, 1", [1]), bytes("1, 1", [2])], to: path)
      #expect(
        message { try openArrays([path]) { $0.samples = ["x"] } }
          == "\(path): expected one array \"x\", found \"x\", \"x\"")
    }
  }

  /// More than a piece that is read at a time, in which a row neither begins nor ends.
  @Test func rowsOfSeveralPieces() throws {
    try withTemporaryFolder { folder in
      let width = 450_000
      let elements = (0..<4 * width).map { UInt8(truncatingIfNeeded: $0 / 1000 + $0) }
      let array = NumPyPreamble(.uint8, shape: [4, width]).bytes + elements
      try writeArchive([array], to: "\(folder)/x.npz")
      let set = try openArrays(["\(folder)/x.npz"]) { $0.rows = 2..<4 }
      #expect(set.count == 2)
      for (row, sample) in samples(set).enumerated() {
        let first = (2 + row) * width
        #expect(sample == elements[first..<first + width].map(Float.init), "row \(row)")
      }
    }
  }

  /// A table of more than a piece: rows are whole, and lines are counted to the end.
  @Test func tablesOfSeveralPieces() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.csv"
      let (rows, filling) = (1500, String(repeating: "0", count: 1000))
      let text = "a,b\n" + (0..<rows).map { "\($0),\($0).\(filling)\n" }.joined()
      try write(Array(text.utf8), to: path)
      let set = try openArrays([path])
      let expected = (0..<rows).map { [Float](repeating: Float($0), count: 2) }
      #expect(samples(set) == expected)
      try write(Array((text + "x,1\n").utf8), to: path)
      #expect(
        message { try openArrays([path]) }
          == "\(path):\(rows + 2): column 1 ('a'): expected a number, found 'x'")
    }
  }

  @Test func filesThatDoNotGoTogether() throws {
    let (x, e) = (bytes("3, 2", [1, 2, 3, 4, 5, 6]), bytes("2,", [1, 2]))
    #expect(
      try fault([("x.npy", x), ("e.npy", e)]) { $0.conditions = [ArrayCondition(name: "e.npy")] }
        == "x.npy: 3 samples, but 2 of e.npy; expected one each")
    #expect(
      try fault([("x.npy", x), ("y.npy", bytes("2, 3", [1, 2, 3, 4, 5, 6]))])
        == "y.npy: samples of 3, but x.npy has some of 2")
    let archive = try fixture("arrays/x.npz")
    #expect(
      message { try openArrays([archive]) { $0.samples = ["x", "energy"] } }
        == "\(archive): found 2 names; only a table's columns are taken together")
    #expect(
      try fault([("x.npy", x), ("e.npy", x)]) { $0.labels = "e.npy" }
        == "labels: found 2 numbers a sample, expected a class")
  }

  /// Bytes behind the last element, whether they are counted or read.
  @Test func idxHasNoBytesTooMany() throws {
    let whole: [UInt8] = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 7, 8]
    #expect(
      try fault([("x", whole + [9])]) == "x: its header says 2 bytes of elements, found 3")
    #expect(
      try fault([("x.gz", gzip(whole + [9]))])
        == "x.gz: more bytes than the 2 that its header says")
  }

  @Test(arguments: [
    ("a,\"b\nc\"\n1,2\n3,x\n", "x.csv:4: column 2 ("),
    ("a,b\n1,\"2\"x\n", "x.csv:2: letters behind a closed quote"),
  ]) func quotesOfTables(_ text: String, _ expected: String) throws {
    let found = try fault([("x.csv", Array(text.utf8))])
    #expect(found.hasPrefix(expected), "\(found)")
  }

  /// What stands in quotes says nothing of the separator.
  @Test func separatorsInQuotes() throws {
    try withTemporaryFolder { folder in
      try write(Array("\"a;b\",c\n1,2\n".utf8), to: "\(folder)/x.csv")
      let set = try openArrays(["\(folder)/x.csv"])
      #expect(samples(set) == [[1, 2]] && set.record.samples.columns == ["a;b", "c"])
    }
    #expect(
      try fault([("x.csv", Array("a,b\n1,2\n".utf8))]) { $0.samples = ["a", "a"] }
        == "x.csv: column 'a' is wanted twice")
  }

  /// A shared file that is not whole is none.
  @Test func damagedSharedFilesAreSeen() throws {
    try withTemporaryFolder { folder in
      var settings = ArraySettings(paths: [try fixture("arrays/gzip.h5")])
      settings.samples = ["x"]
      let key = SharedFile.Key.make()
      let file = try HeldArrays.makeFile(settings, limit: nil, key: key, places: [folder]).get()
      let good = try FileSystem.readFile(file.path)
      _ = try HeldArrays(key, places: [folder])
      var other = good
      other[good.count - 1] ^= 1
      let damaged: [[UInt8]] = [
        Array(good.dropLast()), [0] + good, other, Array(good.suffix(12)), [],
      ]
      for bytes in damaged {
        try write(bytes, to: file.path)
        #expect(message { try HeldArrays(key, places: [folder]) } != nil, "\(bytes.count)")
      }
    }
  }
}

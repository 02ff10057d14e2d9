import Storage
import TestSupport
import Testing

/// HDF5 files that are written and read.
@Suite struct HDF5Tests {
  /// More than is read at a time: rows in their order, from the first that is wanted.
  @Test func rowsOfSeveralPieces() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.h5"
      // 1 MiB a row.
      let width = 1 << 18
      try HDF5Writer.write(to: path) { writer in
        let array = try writer.makeArray("group/a", .float32, shape: [11, width])
        for row in 0..<11 {
          let values = [Float](repeating: Float(row), count: width)
          try values.withUnsafeBytes { try array.write($0, rows: row..<row + 1) }
        }
      }
      let array = try HDF5File(path: path).array("group/a")
      #expect(array.shape == [11, width] && array.type == .float32)
      var (firsts, lasts): ([Float], [Float]) = ([], [])
      try array.read(rows: 1..<10) { bytes in
        let values = bytes.bindMemory(to: Float.self)
        for first in stride(from: 0, to: values.count, by: width) {
          firsts.append(values[first])
          lasts.append(values[first + width - 1])
        }
      }
      #expect(firsts == [1, 2, 3, 4, 5, 6, 7, 8, 9] && lasts == firsts)
    }
  }
}

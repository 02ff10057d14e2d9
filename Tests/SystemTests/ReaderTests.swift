import Base
import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// Damaged files of every kind are refused in one line that names them; nothing crashes or hangs,
  /// and memory is bounded by what the files hold.
  @Suite(.serialized) struct ReaderTests {
    /// A reader (`Tests/Readers`), and how many damaged files it gets.
    struct Case: CustomTestStringConvertible {
      var reader: String
      var count: Int
      /// Fewest of them that are read, and that are refused: the damage reaches what it should.
      var loaded: Int
      var refused: Int

      var testDescription: String { reader }
    }

    /// What `read-damaged` prints.
    private struct Report: Decodable {
      var loaded: Int
      var refused: Int
      var complaints: [String]
      var largestFile: Int
      var growth: Int
    }

    private static let cases: [Case] = [
      .init(reader: "yaml", count: 3000, loaded: 100, refused: 500),
      .init(reader: "override", count: 6000, loaded: 500, refused: 1000),
      .init(reader: "safetensors", count: 6000, loaded: 100, refused: 1000),
      .init(reader: "done", count: 3000, loaded: 10, refused: 1000),
      .init(reader: "state", count: 3000, loaded: 20, refused: 300),
      .init(reader: "recording", count: 300, loaded: 1, refused: 30),
      .init(reader: "metrics", count: 5000, loaded: 500, refused: 500),
      .init(reader: "curves", count: 100, loaded: 10, refused: 10),
      .init(reader: "idx", count: 5000, loaded: 100, refused: 1000),
      .init(reader: "idx-gzip", count: 1000, loaded: 10, refused: 100),
      .init(reader: "gzip", count: 5000, loaded: 20, refused: 500),
      .init(reader: "cifar", count: 3000, loaded: 50, refused: 500),
      .init(reader: "tar", count: 1500, loaded: 10, refused: 50),
      .init(reader: "pickle", count: 2000, loaded: 10, refused: 500),
      .init(reader: "png", count: 3000, loaded: 50, refused: 300),
      .init(reader: "jpeg", count: 3000, loaded: 10, refused: 300),
      // Whatever a cache holds, it is used or made anew.
      .init(reader: "cache", count: 400, loaded: 400, refused: 0),
      .init(reader: "shared", count: 3000, loaded: 50, refused: 300),
      .init(reader: "numpy", count: 4000, loaded: 100, refused: 1000),
      .init(reader: "npz", count: 2000, loaded: 4, refused: 600),
      .init(reader: "tensors", count: 3000, loaded: 20, refused: 500),
      .init(reader: "tensors-zip", count: 1000, loaded: 2, refused: 300),
      .init(reader: "onnx", count: 2000, loaded: 50, refused: 300),
      .init(reader: "array-npy", count: 4000, loaded: 50, refused: 1000),
      .init(reader: "array-npz", count: 2000, loaded: 2, refused: 600),
      .init(reader: "array-csv", count: 4000, loaded: 50, refused: 1000),
      .init(reader: "array-idx", count: 4000, loaded: 50, refused: 1000),
      .init(reader: "array-record", count: 3000, loaded: 10, refused: 500),
      .init(reader: "array-hdf5", count: 1500, loaded: 10, refused: 300),
    ]

    /// Those whose libraries are here: only HDF5 files need libhdf5.
    private static var availableCases: [Case] {
      let hasHDF5 = (try? SharedLibrary(.hdf5)) != nil
      return cases.filter { hasHDF5 || $0.reader != "array-hdf5" }
    }

    @Test(arguments: availableCases) func damagedFiles(_ test: Case) throws {
      try withScratch { scratch in
        let command = [
          Program.beside("read-damaged"), test.reader, "\(test.count)", repositoryFile(""),
          scratch.path,
        ]
        let outcome = try RunningJob(command).finish(timeout: 120)
        try #require(outcome.status == 0, "\(outcome)")
        // Behind what readers say to whoever waits for them.
        let line = outcome.output.split(separator: "\n").last ?? ""
        let report = try JSONDecoder().decode(Report.self, from: Data(line.utf8))
        #expect(report.complaints.isEmpty, "\(report.complaints.prefix(3))")
        #expect(report.loaded >= test.loaded, "\(report.loaded)")
        #expect(report.refused >= test.refused, "\(report.refused)")
        #expect(report.growth <= report.largestFile + 64 << 20, "\(report.growth)")
      }
    }
  }
}

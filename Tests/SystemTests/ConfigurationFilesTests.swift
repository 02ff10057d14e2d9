import Foundation
import Storage
import TestSupport
import Testing

extension SystemTests {
  /// Every file in configs/ starts, on tiny made-up data in the formats that it names, and its
  /// networks can be shown.
  @Suite(.serialized) struct ConfigurationFilesTests {
    static let files: [String] = {
      let folder = repositoryFile("configs")
      return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
        .filter { $0.hasSuffix(".yaml") }.sorted()
    }()

    @Test func thereAreFiles() { #expect(Self.files.count > 20, "\(Self.files)") }

    @Test(arguments: files) func starts(file: String) throws {
      try withScratch { scratch in
        let path = repositoryFile("configs/\(file)")
        let outcome = try Program.run(
          ["train", "--dry-run", "--config", path, "output.directory=\(scratch.path)/runs"]
            + Self.data(of: path, in: scratch))
        #expect(outcome.status == 0, "\(outcome)")
        #expect(outcome.errorLines.isEmpty, "\(outcome)")
        #expect(outcome.output.contains("\ndry run: all checks passed; "), "\(outcome)")
        #expect(!FileManager.default.fileExists(atPath: "\(scratch.path)/runs"), "\(file)")
      }
    }

    @Test(arguments: files) func isDescribed(file: String) throws {
      let outcome = try Program.run(
        ["describe", "--config", repositoryFile("configs/\(file)")])
      #expect(outcome.status == 0, "\(outcome)")
      let lines = outcome.output.components(separatedBy: "\n")
      for start in ["generator: takes ", "critic: takes ", "memory of rank 0, MB", "total  "] {
        #expect(lines.contains { $0.hasPrefix(start) }, "\(start): \(outcome)")
      }
      #expect(lines.allSatisfy { $0.count <= 100 }, "\(outcome)")
    }

    /// Assignments that replace published data by 300 grey images of the same shape; none for drawn
    /// data.
    private static func data(of path: String, in scratch: Scratch) throws -> [String] {
      let text = try String(contentsOfFile: path, encoding: .utf8)
      let data = "\(scratch.path)/data"
      let source = text.components(separatedBy: "\n").compactMap { line in
        line.hasPrefix("  source: ") ? line.split(separator: " ").dropFirst().first : nil
      }.first
      switch source {
      case "idx", "mnistPickle":
        try writeImages("data", in: scratch)
        // A pickle's images are the same, and only its own format is not read here.
        return ["data.source=idx", "data.path=\(data)"]
      case "cifar10":
        for batch in 1...5 {
          let records = (0..<60).map { Data([UInt8($0 % 10)]) + Data(repeating: 100, count: 3072) }
          _ = try scratch.write("data/data_batch_\(batch).bin", records.reduce(Data(), +))
        }
        return ["data.path=\(data)"]
      case "array":
        let isCalorimeter = path.contains("calochallenge")
        try writeArrays(
          isCalorimeter
            ? [("showers", [368]), ("incident_energies", [1])] : [("samples", [1, 16, 16, 16])],
          to: "\(data).npz")
        return ["data.path=\(data).npz"]
      default: return []
      }
    }

    /// Writes 300 samples of ones, each array with sizes of its own.
    private static func writeArrays(_ arrays: [(name: String, sizes: [Int])], to path: String)
      throws
    {
      try FileSystem.writeAtomically(to: path) { file in
        let zip = ZipWriter(file)
        for (name, sizes) in arrays {
          let preamble = NumPyPreamble(.float64, shape: [300] + sizes)
          try zip.begin("\(name).npy", size: preamble.fileSize)
          try preamble.bytes.withUnsafeBytes { try zip.write($0) }
          let ones = [Double](repeating: 1, count: 300 * sizes.reduce(1, *))
          try ones.withUnsafeBytes { try zip.write($0) }
        }
        try zip.finish()
      }
    }

    /// Writes 300 grey images of ten classes as IDX files, of the part `train` or `t10k`.
    static func writeImages(
      _ folder: String, in scratch: Scratch, part: String = "train"
    ) throws {
      let images = idx([0x803, 300, 28, 28], Data(repeating: 100, count: 300 * 28 * 28))
      _ = try scratch.write("\(folder)/\(part)-images-idx3-ubyte", images)
      let labels = Data((0..<300).map { UInt8($0 % 10) })
      _ = try scratch.write("\(folder)/\(part)-labels-idx1-ubyte", idx([0x801, 300], labels))
    }

    private static func idx(_ header: [Int], _ elements: Data) -> Data {
      let words = header.flatMap { word in
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
      }
      return Data(words) + elements
    }
  }
}

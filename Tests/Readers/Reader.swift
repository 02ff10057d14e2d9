import Base
import Configuration
import Foundation
import Storage
import TestSupport

/// A reader of files that somebody else may have made, as fuzzing calls it.
///
/// libFuzzer (`Tests/fuzz`) and the seeded damage of `read-damaged` share these.
package struct Reader {
  /// Where a reader finds whole files, and where it may write.
  package struct Place {
    /// The repository.
    package var root: String
    /// An empty folder.
    package var folder: String

    package init(root: String, folder: String) {
      self.root = root
      self.folder = folder
    }

    func file(_ path: String) throws -> [UInt8] { try FileSystem.readFile("\(root)/\(path)") }

    /// Files of one of the tests' folders of fixtures, plain ones as they are.
    func fixtures(_ target: String, _ names: [String]) throws -> [[UInt8]] {
      try names.map { try file("Tests/\(target)/Fixtures/\($0)") }
    }
  }

  /// What came of a file.
  package enum Outcome: Equatable {
    case loaded
    /// As it should be: in one line that names the file.
    case refused
    /// What is wrong with how it was refused.
    case complaint(String)
  }

  /// Where it looks for its file.
  package var path: String
  /// Whole files, to be damaged.
  package var seeds: [[UInt8]]
  /// Makes checksums fit, so that what lies behind them is reached.
  package var repair: ([UInt8]) -> [UInt8] = { $0 }
  /// Reads the file; what it throws names it.
  package var read: () throws -> Void

  /// The readers' names.
  package static var names: [String] { makers.keys.sorted() }

  /// The reader of a name.
  ///
  /// - Parameters:
  ///   - name: One of `names`.
  ///   - place: Where it finds whole files, and may write.
  /// - Throws: `Fault` where there is none of the name, or a whole file is missing.
  package init(_ name: String, in place: Place) throws {
    guard let maker = Self.makers[name] else {
      throw Fault("\(name): no such reader; expected one of \(Self.names.joined(separator: ", "))")
    }
    self = try maker(place)
  }

  init(
    path: String, seeds: [[UInt8]], repair: @escaping ([UInt8]) -> [UInt8] = { $0 },
    read: @escaping () throws -> Void
  ) {
    self.path = path
    self.seeds = seeds
    self.repair = repair
    self.read = read
  }

  /// Lets the reader read a file of these bytes.
  ///
  /// - Parameter bytes: The file, before its checksums are made right.
  /// - Returns: What came of it.
  /// - Throws: `Fault` where the file cannot be written.
  package func outcome(of bytes: some Sequence<UInt8>) throws -> Outcome {
    let file = try OutputFile(path: path, mode: .replace)
    try repair(Array(bytes)).withUnsafeBytes { try file.write($0) }
    try file.close()
    do {
      try read()
      return .loaded
    } catch {
      let text = "\(error)"
      guard error is Fault || error is ConfigurationError, text.contains(path),
        !text.utf8.contains(UInt8(ascii: "\n"))
      else { return .complaint("\(type(of: error)): \(text.prefix(500))") }
      return .refused
    }
  }

  private static var makers: [String: (Place) throws -> Reader] {
    [
      "yaml": yaml, "override": override, "safetensors": safetensors, "done": done, "state": state,
      "recording": recording, "metrics": metrics, "curves": curves, "idx": idx,
      "idx-gzip": idxInGzip, "gzip": gzip, "cifar": cifar, "tar": tar, "pickle": pickle,
      "png": png, "jpeg": jpeg, "cache": cache, "shared": shared, "numpy": numPy, "npz": npz,
      "tensors": tensors, "tensors-zip": tensorsInZip, "onnx": onnx, "array-npy": arrayNumPy,
      "array-npz": arrayNPZ, "array-hdf5": arrayHDF5, "array-csv": arrayCSV,
      "array-idx": arrayIDX, "array-record": arrayRecord,
    ]
  }
}

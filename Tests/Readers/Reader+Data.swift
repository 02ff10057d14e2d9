import Base
import Datasets
import Foundation
import Pictures
import Storage
import TestSupport

/// Data sets.
extension Reader {
  /// 20 images of 3 x 2, and 20 labels.
  static let idxSeeds: [[UInt8]] = [
    [0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 2] + (0..<120),
    [0, 0, 8, 1, 0, 0, 0, 20] + (0..<20).map { $0 % 10 },
  ]

  private static func readIDX(_ path: String) throws {
    for content in [IDXFile.Content.images, .labels] {
      do {
        let found = try IDXFile.open(path, content: content)
        _ = try found.first(min(found.count, 100))
        _ = try found.first()
      } catch let fault as Fault {
        // The other kind is tried next.
        guard content == .images, fault.message.contains("this is a label file") else {
          throw fault
        }
      }
    }
  }

  static func idx(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input"
    return Reader(path: path, seeds: idxSeeds) { try readIDX(path) }
  }

  /// The input is what the gzip file unpacks to.
  static func idxInGzip(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input.gz"
    let repair = { (bytes: [UInt8]) in TestSupport.gzip(Array(bytes.prefix(60_000))) }
    return Reader(path: path, seeds: idxSeeds, repair: repair) { try readIDX(path) }
  }

  static func gzip(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input.gz"
    let names = ["published/t10k-labels-idx1-ubyte.gz", "cifar-py3-protocol4.gz"]
    let seeds =
      try place.fixtures("DatasetsTests", names) + idxSeeds.map { TestSupport.gzip($0) }
      + [TestSupport.gzip([1, 2]) + TestSupport.gzip([3]) + [0, 0]]
    return Reader(path: path, seeds: seeds) {
      _ = try DecompressedFile.contents(of: path, limit: 1 << 22)
    }
  }

  private static func unpacked(_ place: Place, _ names: [String]) throws -> [[UInt8]] {
    try names.map {
      try DecompressedFile.contents(
        of: "\(place.root)/Tests/DatasetsTests/Fixtures/\($0)", limit: 1 << 26)
    }
  }

  static func cifar(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input"
    let binary = (0..<3).flatMap { [UInt8($0)] + [UInt8](repeating: 7, count: 3072) }
    let protocols = ["py2-protocol0", "py2-protocol2", "py3-protocol0", "py3-protocol5"]
    let pickles = try unpacked(place, protocols.map { "cifar-\($0).gz" })
    return Reader(path: path, seeds: [binary] + pickles) {
      _ = try loadCIFAR10(path: path, split: .train).first()
    }
  }

  static func tar(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input.tar"
    let names = ["binary", "python"].map { "cifar-10-\($0).tar.gz" }
    return Reader(path: path, seeds: try unpacked(place, names), repair: withTarChecksums) {
      _ = try loadCIFAR10(path: path, split: .train)
      _ = try? loadCIFAR10(path: path, split: .test)
    }
  }

  static func pickle(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input.pkl"
    let protocols = ["py2-protocol0", "py2-protocol2", "py3-protocol0", "py3-protocol5"]
    let seeds = try unpacked(place, protocols.map { "mnist-\($0).pkl.gz" })
    return Reader(path: path, seeds: seeds) {
      _ = try loadMNISTPickle(path: path, split: .validation).first()
    }
  }

  static func png(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input.png"
    let names = ["rgb.png", "palette.png", "alpha.png", "sixteen.png", "grey.png"]
    return Reader(
      path: path, seeds: try place.fixtures("DatasetsTests", names), repair: withPNGChecksums
    ) { _ = try Picture.read(path) }
  }

  static func jpeg(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input.jpg"
    let names = ["rgb.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg"]
    return Reader(path: path, seeds: try place.fixtures("DatasetsTests", names)) {
      _ = try Picture.read(path)
    }
  }

  private static func readArrays(_ path: String) throws {
    _ = try NumPyReader.names(in: path)
    _ = try ArrayImages(path: path)
  }

  static func numPy(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input.npy"
    let names = ["nhwc", "fortran", "big-endian", "half", "version2"].map { "numpy/\($0).npy" }
    return Reader(path: path, seeds: try place.fixtures("DatasetsTests", names)) {
      try readArrays(path)
    }
  }

  static func npz(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input.npz"
    let names = ["numpy/stored.npz", "numpy/deflated.npz"]
    return Reader(path: path, seeds: try place.fixtures("DatasetsTests", names)) {
      try readArrays(path)
    }
  }

  /// Whatever a cache holds, it is used or made anew.
  static func cache(_ place: Place) throws -> Reader {
    let (pictures, path) = ("\(place.folder)/faces", "\(place.folder)/faces.cache")
    try FileSystem.createDirectory("\(pictures)/a")
    try FileSystem.writeAtomically(
      try place.fixtures("DatasetsTests", ["rgb.png"])[0], to: "\(pictures)/a/x.png")
    let settings = ImageFolderSettings(
      path: pictures, size: ImageSize(height: 4, width: 4), cache: path)
    func open() throws {
      let set = try ImageFolderDataset.open(settings, range: 0...1).first()
      precondition(set.count == 1 && set.shape.elementCount == 48, "\(set.count) x \(set.shape)")
      var values = [Float](repeating: 0, count: set.shape.elementCount)
      values.withUnsafeMutableBufferPointer { set.copySample(at: 0, into: $0) }
      precondition(values.allSatisfy { (0...1).contains($0) }, "\(values)")
    }
    try open()
    let whole = try FileSystem.readFile(path)
    // Its settings and pictures are told by a digest.
    let repair = { (bytes: [UInt8]) in
      guard bytes.count > 56 else { return bytes }
      return withFinalChecksum(bytes[..<36] + whole[36..<52] + bytes[52...])
    }
    return Reader(path: path, seeds: [whole], repair: repair, read: open)
  }

  static func shared(_ place: Place) throws -> Reader {
    let images = ByteImages(
      name: "x", shape: Shape(channels: 1, height: 2, width: 3), pixels: [UInt8](0..<12),
      labels: [0, 1], classCount: 2)
    let key = SharedImages.Key.make()
    let path = try SharedImages.File(images, key: key, places: [place.folder]).path
    return Reader(path: path, seeds: [try FileSystem.readFile(path)]) {
      do {
        let found = try SharedImages(key, places: [place.folder])
        let set = ByteImageDataset(found, range: 0...1)
        _ = set.checksum
        guard set.count > 0 else { return }
        var values = [Float](repeating: 0, count: set.shape.elementCount)
        values.withUnsafeMutableBufferPointer { set.copySample(at: set.count - 1, into: $0) }
      } catch let fault as Fault {
        // Who looks for a file knows its folder.
        throw Fault("\(path): \(fault)")
      }
    }
  }
}

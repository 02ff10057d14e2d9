import Base
import Storage

/// Loads CIFAR-10 (Krizhevsky 2009) in its binary or its python version.
///
/// - Parameters:
///   - path: `cifar-10-binary.tar.gz`, `cifar-10-python.tar.gz`, a folder with one of them
///     or with what it holds (or with the archive's own folder), or one batch alone. A file's
///     contents tell what it is, not its name.
///   - split: the five `data_batch_N`, or `test_batch`; one batch alone is what it is, and only
///     one that is called `test_batch` can be asked for as such.
/// - Returns: colour images of 32 x 32 in ten classes.
/// - Throws: `Fault` if something is not there, is damaged, or is a pickle that does more
///   than hold images.
package func loadCIFAR10(
  path: String, split: DatasetSplit
) throws -> AvailableSamples<ByteImages> {
  guard FileSystem.exists(path) else {
    throw Fault(
      "\(path): no such file or folder; expected cifar-10-binary.tar.gz, cifar-10-python.tar.gz or "
        + "a folder with \(CIFAR10.batches(of: split)[0])[.bin]",
      advice: PublishedDataset.advice(CIFAR10.folder(of: path), of: ["cifar10"]))
  }
  var images = CIFAR10.Images()
  var archive: String? = path
  if FileSystem.isDirectory(path) {
    let place = try CIFAR10.place(of: split, in: path)
    archive = place.archive
    for file in place.batches {
      try images.append(try DecompressedFile.contents(of: file, limit: CIFAR10.limit), from: file)
    }
  }
  if let path = archive {
    let bytes = try DecompressedFile.contents(of: path, limit: CIFAR10.archiveLimit)
    if CIFAR10.isTar(bytes) {
      let batches = CIFAR10.batches(of: split)
      let wanted = Set(batches + batches.map { $0 + ".bin" })
      let files = try Archive.files(
        in: bytes, format: .tar, path: path, limit: CIFAR10.limit
      ) { name in
        let last = name.split(separator: "/").last.map(String.init) ?? ""
        return wanted.contains(last) ? last : nil
      }
      let name = { (batch: String) in files[batch + ".bin"] == nil ? batch : batch + ".bin" }
      for batch in batches {
        guard let contents = files[name(batch)] else {
          guard !CIFAR100.isArchive(bytes) else { throw Fault("\(path): \(CIFAR100.what)") }
          throw Fault("\(path): no \(batch)[.bin] in it", advice: "is it CIFAR-10's archive?")
        }
        try images.append(contents, from: "\(path): \(name(batch))")
      }
    } else {
      guard split == .train || CIFAR10.isTestBatch(path) else {
        throw Fault(
          "found '\(split)', but \(path) is one batch, which is taken as it is",
          advice: "leave it out, or give \(CIFAR10.batches(of: split)[0])", parameter: "split")
      }
      try images.append(bytes, from: path)
    }
  }
  guard !images.labels.isEmpty else { throw Fault("\(path): no images in it") }
  return AvailableSamples(
    ByteImages(
      name: "cifar10 \(path) (\(split))", shape: Shape(channels: 3, height: 32, width: 32),
      pixels: images.pixels, labels: images.labels, classCount: 10))
}

/// Whether a path has the name of one of CIFAR-10's batches.
func isNamedAsCIFAR10Batch(_ path: String) -> Bool {
  let names = [DatasetSplit.train, .test].flatMap(CIFAR10.batches)
  return names.contains { FileSystem.name(of: path).hasPrefix($0) }
}

private enum CIFAR10 {
  /// Channels x height x width.
  static let imageSize = 3 * 32 * 32
  /// A batch has 31 MB, an archive 185 MB unpacked.
  static let limit = 1 << 26
  static let archiveLimit = 1 << 28

  /// The folder that a path means, which may be that of an archive.
  static func folder(of path: String) -> String {
    path.hasSuffix(".gz") ? FileSystem.folder(of: path) : path
  }

  static func batches(of split: DatasetSplit) -> [String] {
    split == .train ? (1...5).map { "data_batch_\($0)" } : ["test_batch"]
  }

  /// Whether a batch alone has the name of the one for tests.
  static func isTestBatch(_ path: String) -> Bool {
    FileSystem.name(of: path).hasPrefix(batches(of: .test)[0])
  }

  /// POSIX archives say so at byte 257.
  static func isTar(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 512 && bytes[257..<262].elementsEqual("ustar".utf8)
  }

  /// The files of a split in `folder` or in the archive's folder within it, or else an archive.
  static func place(
    of split: DatasetSplit, in folder: String
  ) throws -> (batches: [String], archive: String?) {
    let folders = ["", "/cifar-10-batches-bin", "/cifar-10-batches-py"].map { folder + $0 }
    let names = batches(of: split)
    var partial: String?
    for suffix in [".bin", "", ".bin.gz", ".gz"] {
      for folder in folders {
        let paths = names.map { "\(folder)/\($0)\(suffix)" }
        let found = paths.filter(FileSystem.exists)
        if found.count == names.count { return (paths, nil) }
        if partial == nil { partial = found.first }
      }
    }
    let archives = ["cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"]
      .map { "\(folder)/\($0)" }
    if let archive = archives.first(where: FileSystem.exists) { return ([], archive) }
    if let partial {
      throw Fault(
        "\(folder): only some of \(names[0])[.bin] to \(names.last ?? "")",
        advice: "name one file, such as \(partial), for a part", parameter: "path")
    }
    if CIFAR100.isFolder(folder) { throw Fault("\(folder): \(CIFAR100.what)") }
    throw Fault(
      "\(folder): no \(names[0])[.bin], cifar-10-binary.tar.gz or cifar-10-python.tar.gz")
  }

  struct Images {
    /// Channels last.
    var pixels: [UInt8] = []
    var labels: [UInt8] = []

    /// Adds a batch of either version.
    mutating func append(_ bytes: [UInt8], from path: String) throws {
      guard !CIFAR100.isBatch(bytes) else { throw Fault("\(path): \(CIFAR100.what)") }
      // A binary batch begins with a label, a pickle with PROTO, MARK or EMPTY_DICT.
      if let first = bytes.first, first <= 9 {
        try appendBinary(bytes, from: path)
      } else {
        try appendPickle(try PickleReader.read(bytes, path: path), from: path)
      }
    }

    /// Records of a label and an image.
    private mutating func appendBinary(_ bytes: [UInt8], from path: String) throws {
      let record = 1 + imageSize
      guard bytes.count.isMultiple(of: record) else {
        throw Fault(
          "\(path): \(bytes.count) bytes are no whole number of records of \(record)",
          advice: "download it again")
      }
      for first in stride(from: 0, to: bytes.count, by: record) {
        try append(label: Int(bytes[first]), from: path)
        appendImage(bytes[(first + 1)..<(first + record)])
      }
    }

    /// A dictionary of `data`, count x 3072 bytes, and `labels`, a list of integers.
    private mutating func appendPickle(_ value: PickleValue, from path: String) throws {
      guard case .dictionary(let batch) = value else {
        throw Fault("\(path): expected a dictionary of data and labels, found \(value.kind)")
      }
      guard case .array(let data)? = batch["data"], data.dataType?.code == "u1",
        data.shape.count == 2, data.shape[1] == imageSize
      else {
        throw Fault(
          "\(path): data: expected a numpy array of bytes, count x \(imageSize), found "
            + (batch["data"]?.kind ?? "none"))
      }
      guard batch["fine_labels"] == nil else { throw Fault("\(path): \(CIFAR100.what)") }
      guard case .list(let list)? = batch["labels"], list.items.count == data.shape[0] else {
        throw Fault(
          "\(path): labels: expected a list of \(data.shape[0]), found "
            + (batch["labels"]?.kind ?? "none"))
      }
      for item in list.items { try append(label: item.integerValue ?? -1, from: path) }
      for image in 0..<data.shape[0] {
        if data.isFortranOrdered {
          appendImage((0..<imageSize).map { data.element(image + $0 * data.shape[0]) }[...])
        } else {
          let first = data.bytes.startIndex + image * imageSize
          appendImage(data.bytes[first..<(first + imageSize)])
        }
      }
    }

    private mutating func append(label: Int, from path: String) throws {
      guard (0..<10).contains(label) else {
        throw Fault(
          "\(path): label \(label) of image \(labels.count); expected 0 to 9",
          advice: "is it CIFAR-10?")
      }
      labels.append(UInt8(label))
    }

    /// Adds an image whose channels lie one after the other.
    private mutating func appendImage(_ planes: ArraySlice<UInt8>) {
      planes.withUnsafeBufferPointer { planes in
        let size = planes.count / 3
        for pixel in 0..<size {
          pixels.append(planes[pixel])
          pixels.append(planes[size + pixel])
          pixels.append(planes[2 * size + pixel])
        }
      }
    }
  }
}

extension PickleArray {
  /// Byte `index` of the array's bytes.
  func element(_ index: Int) -> UInt8 { bytes[bytes.startIndex + index] }
}

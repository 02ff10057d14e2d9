import Base
import Foundation
import Pictures
import Storage

/// The file behind `ImageFolderDataset`, mapped for reading.
///
/// All numbers are little-endian:
///
/// | bytes | what |
/// |---|---|
/// | 8 | `WGDIMAGE` |
/// | 4 each | version, channels, height, width, count, classes, bytes of the class names |
/// | 16 | MD5 of the settings and of the folder's listing (names, sizes, times) |
/// | | class names, each with a zero byte behind it; zeros up to a multiple of 4 |
/// | 4 count | labels |
/// | count height width channels | pixels |
/// | 4 | CRC-32 of everything before |
final class ImageCache: Sendable {
  private static let magic = Array("WGDIMAGE".utf8)
  private static let version: UInt32 = 1
  private static let headerSize = 8 + 7 * 4 + 16

  let shape: Shape
  let count: Int
  let classes: [String]
  private let file: MappedFile
  private let labelsStart: Int
  private let pixelsStart: Int

  /// The pictures of `settings`, from the cache if it is there and up to date.
  static func open(_ settings: ImageFolderSettings) throws -> ImageCache {
    let listing = try ImageFolderListing(settings.path)
    guard listing.files.count <= Int(Int32.max) else {
      throw Fault("\(settings.path): \(listing.files.count) pictures; expected under 2^31")
    }
    let kind =
      "\(version) \(settings.size.height)x\(settings.size.width) \(settings.crop.rawValue) "
      + "\(settings.channels)\n"
    let digest = try MD5.digest(Array((kind + listing.record).utf8))
    let path = settings.cachePath
    if let cache = ImageCache(path, settings, listing, digest) { return cache }
    // The first process makes the file, the others wait here and find it.
    let lock = try storing {
      try FileSystem.createDirectory(FileSystem.folder(of: path))
      return try ProcessLock(file: path)
    }
    defer { lock.release() }
    let name = FileSystem.name(of: path)
    try storing {
      try FileSystem.removeLeftovers(in: FileSystem.folder(of: path)) { $0 == name }
    }
    if let cache = ImageCache(path, settings, listing, digest) { return cache }
    try build(settings, listing, digest: digest, path: path)
    guard let cache = ImageCache(path, settings, listing, digest) else {
      throw Fault("\(path): the cache is damaged right after it was written")
    }
    return cache
  }

  /// The cache at `path`, nil if it is not there, damaged, or of other pictures.
  ///
  /// All of it is read once for its checksum, about a second for 2 GB, after which it is in memory.
  private init?(
    _ path: String, _ settings: ImageFolderSettings, _ listing: ImageFolderListing,
    _ digest: [UInt8]
  ) {
    guard let file = MappedFile(path), file.bytes.count > Self.headerSize + 4 else { return nil }
    let bytes = file.bytes
    let words = (0..<7).map { Int(Self.word(bytes, at: 8 + 4 * $0)) }
    guard bytes[..<8].elementsEqual(Self.magic), words[0] == Self.version,
      bytes[36..<52].elementsEqual(digest)
    else { return nil }
    count = words[4]
    let namesSize = words[6]
    labelsStart = Self.headerSize + (namesSize + 3) / 4 * 4
    pixelsStart = labelsStart + 4 * count
    let end = bytes.count - 4
    // No product of a damaged header's numbers is larger than the file.
    var size = count
    for factor in words[1...3] {
      guard factor > 0, size <= bytes.count / factor else { return nil }
      size *= factor
    }
    guard count > 0, end == pixelsStart + size else { return nil }
    shape = Shape(channels: words[1], height: words[2], width: words[3])
    guard
      FileSystem.crc32(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
        == Self.word(bytes, at: end)
    else { return nil }
    let names = bytes[Self.headerSize..<(Self.headerSize + namesSize)]
    classes = names.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    // The digest says so already, of a file that nobody has changed.
    guard classes == listing.classes, classes.count == words[5], count == listing.files.count,
      words[1...3] == [settings.channels, settings.size.height, settings.size.width]
    else { return nil }
    self.file = file
    guard (0..<count).allSatisfy({ (0..<max(1, words[5])).contains(label(at: $0)) }) else {
      return nil
    }
  }

  /// CRC-32 of labels and pixels: not of the listing's digest, which the files' dates change.
  var checksum: UInt32 {
    let end = pixelsStart + count * shape.elementCount
    return FileSystem.crc32(UnsafeRawBufferPointer(rebasing: file.bytes[labelsStart..<end]))
  }

  func label(at index: Int) -> Int {
    Int(Self.word(file.bytes, at: labelsStart + 4 * index))
  }

  /// The bytes of image `index`, in the mapped file.
  func image(at index: Int) -> UnsafeBufferPointer<UInt8> {
    let first = pixelsStart + index * shape.elementCount
    return UnsafeRawBufferPointer(rebasing: file.bytes[first..<(first + shape.elementCount)])
      .assumingMemoryBound(to: UInt8.self)
  }

  private static func word(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
    UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  // MARK: - Making

  /// Runs `body`, and says where the cache's place comes from if the system refuses it.
  private static func storing<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as Fault {
      throw Fault("\(error.message); expected a place that can be written", parameter: "cache")
    }
  }

  private static func build(
    _ settings: ImageFolderSettings, _ listing: ImageFolderListing, digest: [UInt8], path: String
  ) throws {
    let temporary = FileSystem.temporaryPath(for: path)
    var isDone = false
    defer { if !isDone { unlink(temporary) } }
    let file = try storing { try OutputFile(path: temporary, mode: .replace, shownPath: path) }
    var checksum: UInt32 = 0
    func write(_ bytes: [UInt8]) throws {
      try bytes.withUnsafeBytes {
        checksum = FileSystem.crc32($0, continuing: checksum)
        let bytes = $0
        try storing { try file.write(bytes) }
      }
    }
    let names: [UInt8] = listing.classes.flatMap { Array($0.utf8) + [UInt8(0)] }
    let numbers = [
      Int(version), settings.channels, settings.size.height, settings.size.width,
      listing.files.count, listing.classes.count, names.count,
    ]
    try write(magic + numbers.flatMap { littleEndian(UInt32($0)) } + digest)
    try write(names + [UInt8](repeating: 0, count: (4 - names.count % 4) % 4))
    try write(listing.labels.flatMap { littleEndian(UInt32(bitPattern: $0)) })
    Messages.notice(
      "reading \(listing.files.count) pictures of \(settings.path)", everyRank: true)
    try PictureReading.forEachBlock(of: listing.files, in: settings.path) { file in
      try pixels("\(settings.path)/\(file)", settings)
    } use: { _, pictures in
      try write(pictures.flatMap { $0 })
    }
    try write(littleEndian(checksum))
    try storing {
      try file.synchronize()
      try file.close()
    }
    guard rename(temporary, path) == 0 else {
      throw Fault("\(path): cannot move into place: \(String(cString: strerror(errno)))")
    }
    isDone = true
    try FileSystem.synchronizeDirectory(FileSystem.folder(of: path))
  }

  /// A picture as it is used.
  private static func pixels(_ path: String, _ settings: ImageFolderSettings) throws -> [UInt8] {
    var picture = try Picture.read(path)
    if settings.channels == 1 { picture = picture.grey }
    return try picture.fitted(to: settings.size, crop: settings.crop, path: path).pixels
  }

  private static func littleEndian(_ word: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
  }
}

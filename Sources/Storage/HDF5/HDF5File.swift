import Base
import Foundation
import Synchronization

/// An HDF5 file, open for reading.
package final class HDF5File {
  package let path: String
  private let library: HDF5Library
  private let id: HDF5Library.ID
  /// Bytes of the file.
  private let size: Int

  /// The first bytes of a file, or of what follows a block that is the user's own.
  package static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// What has been tried in this process: files and arrays, with size and time.
  private static let tried = Mutex(Set<String>())

  /// Reads an array in a child process, once: libhdf5 crashes on some damaged files.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - name: Of the array; nil for the file's only one.
  /// - Throws: `Fault` where the library crashes or does not come back. What else is wrong `init`
  ///   and `array` say.
  package static func tryOut(_ path: String, array name: String?) throws {
    HDF5Library.enter()
    defer { HDF5Library.leave() }
    _ = try HDF5Library.loaded.get()
    var status = stat()
    guard stat(path, &status) == 0 else { return }
    let key =
      "\(path)\0\(name ?? "")\0\(status.st_dev) \(status.st_ino) \(status.st_size) "
      + "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    guard !tried.withLock({ $0.contains(key) }) else { return }
    try TrialProcess.run(path, library: "libhdf5") { isAlive in
      HDF5Library.isChild = true
      let file = try HDF5File(path: path)
      let names = file.names
      isAlive()
      guard let name = name ?? names.first else { return }
      let array = try file.array(name)
      if array.offset == nil { try array.read(rows: 0..<array.shape[0]) { _ in isAlive() } }
    }
    tried.withLock { _ = $0.insert(key) }
  }

  /// - Parameter path: The file.
  /// - Throws: `Fault` where it is no HDF5 file, and without libhdf5.
  package init(path: String) throws {
    HDF5Library.enter()
    defer { HDF5Library.leave() }
    self.path = path
    let (descriptor, size) = try FileSystem.openForReading(path)
    close(descriptor)
    self.size = size
    Messages.detail("reads \(path), \(size) bytes")
    let library = try HDF5Library.loaded.get()
    self.library = library
    let access = library.makeProperties(try library.constant("H5P_CLS_FILE_ACCESS_ID_g"))
    defer { _ = library.closeProperties(access) }
    // Not every cluster's file system has locks, and readers need none.
    if let lockFiles = library.lockFiles { _ = lockFiles(access, false, true) }
    // H5F_ACC_RDONLY.
    id = library.openFile(path, 0, access)
    guard id >= 0 else {
      throw Fault("\(path): damaged, or no HDF5 file: \(library.reason)")
    }
  }

  deinit {
    HDF5Library.enter()
    defer { HDF5Library.leave() }
    if id >= 0 { _ = library.closeFile(id) }
  }

  /// The names of the data sets and groups at the top, at most 20 of them.
  package var names: [String] {
    HDF5Library.enter()
    defer { HDF5Library.leave() }
    // H5G_info_t: a number of 32 bits, padded, and the count of links.
    var info = [UInt64](repeating: 0, count: 8)
    guard library.groupInfo(id, &info) >= 0 else { return [] }
    return (0..<min(info[1], 20)).compactMap { index in
      var name = [CChar](repeating: 0, count: 256)
      // By name, rising.
      guard library.linkName(id, "/", 0, 0, index, &name, name.count, 0) >= 0 else { return nil }
      return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
  }

  /// An array of the file.
  ///
  /// - Parameter name: Of the data set, `group/name` in a group.
  /// - Returns: The array.
  /// - Throws: `Fault` where there is none, it holds no numbers, or claims more than the file has.
  package func array(_ name: String) throws -> HDF5Array {
    HDF5Library.enter()
    defer { HDF5Library.leave() }
    return try HDF5Array(self, library, file: id, name: name, fileSize: size)
  }
}

/// Something of the library that is open, closed with who holds it, also where an initializer
/// throws: a file with an open data set stays open.
private final class OpenObject {
  let id: HDF5Library.ID
  private let close: (HDF5Library.ID) -> HDF5Library.Status

  init(_ id: HDF5Library.ID, _ close: @escaping (HDF5Library.ID) -> HDF5Library.Status) {
    self.id = id
    self.close = close
  }

  deinit {
    HDF5Library.enter()
    defer { HDF5Library.leave() }
    if id >= 0 { _ = close(id) }
  }
}

/// A data set of an HDF5 file: an array of numbers.
package final class HDF5Array {
  /// The file and the data set, for messages.
  package let name: String
  package let type: ElementType
  package let isBigEndian: Bool
  /// The sizes, the slowest first.
  package let shape: [Int]
  /// Where the elements lie in the file one after the other; nil for chunks.
  package let offset: Int?
  /// Rows of a chunk; 1 where there are none.
  private let chunkRows: Int

  private let dataset: OpenObject
  private let elements: OpenObject
  // Closed after the data set.
  private let file: HDF5File
  private let library: HDF5Library

  private var id: HDF5Library.ID { dataset.id }
  private var typeID: HDF5Library.ID { elements.id }

  /// No deflated byte stands for more: 258 bytes in 2 bits.
  private static let mostExpansion = 1032
  /// The library unpacks a chunk as a whole.
  private static let mostChunkBytes = 64 << 20
  /// `HADDR_UNDEF`.
  private static let nowhere = UInt64.max

  fileprivate init(
    _ file: HDF5File, _ library: HDF5Library, file fileID: HDF5Library.ID, name: String,
    fileSize: Int
  ) throws {
    self.file = file
    self.library = library
    let text = "\(file.path): \(name)"
    self.name = text
    guard !name.isEmpty, !name.contains("\0") else { throw Fault("\(text): no name of a field") }
    let dataset = OpenObject(library.openDataset(fileID, name, 0), library.closeDataset)
    let id = dataset.id
    guard id >= 0 else {
      let names = file.names
      throw Fault(
        "\(file.path): expected a field '\(name)', found "
          + (names.isEmpty ? "none at all" : names.joined(separator: ", ").onOneLine))
    }
    self.dataset = dataset
    let elements = OpenObject(library.type(id), library.closeType)
    self.elements = elements
    guard elements.id >= 0, let type = library.elementType(elements.id) else {
      throw Fault(
        "\(text): its elements are no numbers that are read; expected floats of 2, 4 or 8 bytes or "
          + "integers of 1 to 8")
    }
    (self.type, isBigEndian) = type
    shape = try Self.shape(library, id, text)
    guard !shape.isEmpty else { throw Fault("\(text): one number; expected an array") }
    let total = checkedProduct([type.type.byteCount] + shape)
    let claim = shape.map(String.init).joined(separator: " x ")
    guard let total, total > 0 else { throw Fault("\(text): an array of \(claim)") }
    let properties = library.creation(id)
    defer { _ = library.closeProperties(properties) }
    let stored = Int(clamping: library.storageSize(id))
    guard stored <= fileSize, library.externalFiles(properties) <= 0 else {
      throw Fault(
        "\(text): its values are not in this file", advice: "h5repack brings them there")
    }
    // H5D_COMPACT, H5D_CONTIGUOUS, H5D_CHUNKED.
    switch library.layout(properties) {
    case 0:
      guard stored >= total else {
        throw Fault("\(text): says \(claim) elements, of which \(stored) bytes are stored")
      }
      (offset, chunkRows) = (nil, 1)
    case 1:
      let place = library.offset(id)
      guard place != Self.nowhere, stored >= total, Int(clamping: place) <= fileSize - total else {
        throw Fault("\(text): says \(claim) elements, of which \(stored) bytes are stored")
      }
      (offset, chunkRows) = (Int(place), 1)
    case 2:
      var sizes = [UInt64](repeating: 1, count: shape.count)
      guard library.chunk(properties, Int32(shape.count), &sizes) == shape.count else {
        throw Fault("\(text): \(library.reason)")
      }
      let bytes = checkedProduct([type.type.byteCount] + sizes.map { Int(clamping: $0) })
      guard let bytes, 1...Self.mostChunkBytes + fileSize ~= bytes else {
        throw Fault(
          "\(text): chunks of \(sizes) elements; expected at most \(Self.mostChunkBytes) bytes and "
            + "the file's size: h5repack -l \(name):CHUNK=... makes smaller ones")
      }
      guard total / Self.mostExpansion <= stored else {
        throw Fault(
          "\(text): says \(claim) elements, which the \(stored) bytes that are stored cannot hold")
      }
      (offset, chunkRows) = (nil, max(1, min(Int(sizes[0]), shape[0])))
    default:
      throw Fault("\(text): is made of other data sets; expected one that holds its values")
    }
  }

  private static func shape(
    _ library: HDF5Library, _ id: HDF5Library.ID, _ text: String
  ) throws -> [Int] {
    let space = library.space(id)
    defer { if space >= 0 { _ = library.closeSpace(space) } }
    let rank = space < 0 ? -1 : Int(library.rank(space))
    guard (0...32).contains(rank) else { throw Fault("\(text): \(library.reason)") }
    var sizes = [UInt64](repeating: 0, count: max(rank, 1))
    guard library.sizes(space, &sizes, nil) == rank else {
      throw Fault("\(text): \(library.reason)")
    }
    return sizes.prefix(rank).map { Int(clamping: $0) }
  }

  /// Bytes of an index of the first dimension.
  package var rowBytes: Int { shape.dropFirst().reduce(type.byteCount, *) }

  private static let pieceBytes = 4 << 20

  /// Reads rows, whole chunks of them at a time where those are small.
  ///
  /// - Parameters:
  ///   - rows: Of the first index.
  ///   - body: Takes the elements of some of them, in their order.
  /// - Throws: `Fault` where the file is damaged, and what `body` throws.
  package func read(
    rows: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let most = max(1, (Self.pieceBytes + rowBytes - 1) / rowBytes)
    let whole = chunkRows * rowBytes <= 16 * Self.pieceBytes ? chunkRows : 1
    let piece = max(1, (most + whole - 1) / whole * whole)
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(piece, rows.count) * rowBytes, alignment: 16)
    defer { buffer.deallocate() }
    var first = rows.lowerBound
    while first < rows.upperBound {
      let end = min(rows.upperBound, (first / piece + 1) * piece)
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<((end - first) * rowBytes)])
      try read(first..<end, into: part)
      try body(UnsafeRawBufferPointer(part))
      first = end
    }
  }

  private func read(_ rows: Range<Int>, into output: UnsafeMutableRawBufferPointer) throws {
    HDF5Library.enter()
    defer { HDF5Library.leave() }
    // The file's own type is asked for: nothing is converted.
    let isRead = library.transfer(rows, of: id, rowSizes: Array(shape.dropFirst())) {
      library.read(id, typeID, $0, $1, 0, output.baseAddress)
    }
    guard isRead else { throw Fault("\(name): damaged: \(library.reason)") }
  }
}

import Base
import Foundation
import Storage

/// An array of a NumPy file, read from the front in pieces: that of a `.npy` file, or one of the
/// arrays of a `.npz` file, which is a zip archive of them, stored or deflated.
///
/// Beside what the caller keeps there is never more than a piece in memory. What a file claims is
/// bounded by its own size before anything is taken for it.
package final class NumPyReader {
  /// No deflated byte stands for more: 258 bytes in 2 bits.
  private static let mostExpansion = 1032

  /// The file, and the array's name where there are several: for messages.
  package let name: String
  package let header: NumPyHeader
  /// Where the elements begin in the file; nil for an array of a `.npz` file.
  package let offset: Int?
  private let source: any ByteSource

  /// Opens an array, and reads its header.
  ///
  /// - Parameters:
  ///   - path: The file; its first bytes tell which kind it is.
  ///   - array: The array's name in a `.npz` file; nil for the only one, or `arr_0`, which is the
  ///     name that `numpy.savez` gives.
  /// - Throws: `Fault` where the file cannot be read, holds no such array, or other bytes than its
  ///   header says.
  package init(path: String, array: String? = nil) throws {
    let file = try FileHandleSource(path)
    var start = [UInt8](repeating: 0, count: 4)
    let got = try start.withUnsafeMutableBytes { try file.read(into: $0) }
    let size: Int?
    let isInArchive = start[..<got].starts(with: [0x50, 0x4B])
    if isInArchive {
      let member = try Self.member(of: path, named: array)
      name = "\(path): \(member.name)"
      source = member.members
      size = member.size
    } else {
      guard array == nil else {
        throw Fault("\(path): is no .npz file; only those hold arrays by name")
      }
      try file.rewind()
      name = path
      source = file
      size = file.size
    }
    var read = 0
    header = try NumPyHeader(path: name) { [source] count in
      var bytes = [UInt8](repeating: 0, count: count)
      let got = try bytes.withUnsafeMutableBytes { try source.fill($0) }
      read += got
      return Array(bytes[..<got])
    }
    offset = isInArchive ? nil : read
    let found = size.map { $0 - read }
    guard found ?? header.byteCount == header.byteCount else {
      throw Fault(
        "\(name): its header says \(header.byteCount) bytes of elements, found \(found ?? 0)")
    }
    guard header.byteCount / Self.mostExpansion <= file.size else {
      throw Fault(
        "\(name): its header says \(header.byteCount) bytes, which a file of \(file.size) cannot "
          + "hold")
    }
  }

  /// The arrays of a file, without the endings of their names; empty for a `.npy` file, which has
  /// one without a name.
  ///
  /// - Parameter path: The file.
  /// - Returns: The names in the file's order.
  /// - Throws: `Fault` where it cannot be read.
  package static func names(in path: String) throws -> [String] {
    let file = try FileHandleSource(path)
    var start = [UInt8](repeating: 0, count: 4)
    let got = try start.withUnsafeMutableBytes { try file.read(into: $0) }
    guard start[..<got].starts(with: [0x50, 0x4B]) else { return [] }
    var names: [String] = []
    let members = try ArchiveReader(path: path, format: .zip)
    while let member = try members.next() {
      guard names.count < mostArrays else {
        throw Fault("\(path): more than \(mostArrays) files in it")
      }
      names.append(plain(member.name))
    }
    return names
  }

  private static let mostArrays = 65_536

  /// `samples` for `samples.npy`.
  private static func plain(_ name: String) -> String {
    name.hasSuffix(".npy") ? String(name.dropLast(4)) : name
  }

  private static func member(
    of path: String, named array: String?
  ) throws -> (members: ArchiveReader, name: String, size: Int?) {
    let names = try names(in: path)
    let wanted: String
    if let array {
      wanted = plain(array)
    } else if names.count == 1 {
      wanted = names[0]
    } else {
      wanted = "arr_0"
    }
    guard names.count(where: { $0 == wanted }) == 1 else {
      let list = names.prefix(20).map(\.debugDescription).joined(separator: ", ")
      throw Fault(
        "\(path): expected one array \(wanted.debugDescription), found "
          + (names.isEmpty ? "none at all" : list))
    }
    let members = try ArchiveReader(path: path, format: .zip)
    while let member = try members.next() {
      if plain(member.name) == wanted { return (members, wanted, member.size) }
    }
    throw Fault("\(path): changed while it was read")
  }

  // MARK: - Elements

  /// Reads all bytes of the elements, in the file's order; once.
  ///
  /// - Parameter body: Takes a piece of them, whole elements.
  /// - Throws: `Fault` where the file is damaged, and what `body` throws.
  package func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try source.forEachPiece(of: header.byteCount, name: name, body)
  }

  /// Reads all elements as numbers of single precision, in the file's order; once.
  ///
  /// - Parameter body: Takes some of them.
  /// - Throws: As `forEachPiece`.
  package func forEachFloats(_ body: (UnsafeBufferPointer<Float>) throws -> Void) throws {
    let numbers = UnsafeMutableBufferPointer<Float>.allocate(capacity: elementPieceBytes)
    defer { numbers.deallocate() }
    try forEachPiece { bytes in
      let part = UnsafeMutableBufferPointer(
        rebasing: numbers[..<(bytes.count / header.type.byteCount)])
      header.type.convert(bytes, isBigEndian: header.isBigEndian, into: part)
      try body(UnsafeBufferPointer(part))
    }
  }
}

/// The bytes of a regular file from the front.
private final class FileHandleSource: ByteSource {
  let size: Int
  private let path: String
  private let descriptor: Int32

  init(_ path: String) throws {
    self.path = path
    (descriptor, size) = try FileSystem.openForReading(path)
    Messages.detail("reads \(path), \(size) bytes")
  }

  deinit { close(descriptor) }

  func rewind() throws {
    guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw unreadable }
  }

  func read(into output: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      let count = Glibc.read(descriptor, output.baseAddress, output.count)
      if count >= 0 { return count }
      guard errno == EINTR else { throw unreadable }
    }
  }

  private var unreadable: Fault {
    Fault("\(path): cannot be read: \(String(cString: strerror(errno)))")
  }
}

import Base
import CZlib
import Foundation
import Storage

/// The bytes of a file that may be compressed with gzip, read from the front by zlib, which
/// compares the checksum and the length behind every member (RFC 1952, section 2.3.1).
///
/// Members may follow each other, and zeros may follow the last one, as `gzip -t` takes them. Other
/// bytes behind the last member, of which `gzip -t` warns, are an error.
package final class DecompressedFile: ByteSource {
  private let path: String
  /// Bytes of the file as it is.
  private let size: Int
  private let file: UnsafeMutablePointer<FILE>
  /// zlib's own state points back at the stream: it must stay where it is.
  private let stream: UnsafeMutablePointer<z_stream>
  /// Bytes as they are in the file.
  private let buffer: UnsafeMutableBufferPointer<UInt8>
  /// What is left of them.
  private var input: UnsafeMutableBufferPointer<UInt8>
  let isCompressed: Bool
  /// Bytes that it can unpack to at most: deflate makes up to 1032 of one.
  var mostBytes: Int { isCompressed ? min(size, 1 << 50) * 1032 : size }
  /// Whether a member has begun that has not ended.
  private var isInMember = false
  /// Bytes given so far, for messages.
  private var position = 0

  /// Opens a file.
  ///
  /// - Parameter path: The file, compressed or not; its first bytes tell.
  /// - Throws: `Fault` if it cannot be read.
  init(path: String) throws {
    let (descriptor, size) = try FileSystem.openForReading(path)
    Messages.detail("reads \(path), \(size) bytes")
    guard let file = fdopen(descriptor, "rb") else {
      let code = errno
      close(descriptor)
      throw Self.unreadable(path, code: code)
    }
    self.size = size
    self.path = path
    self.file = file
    buffer = .allocate(capacity: 1 << 17)
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let count = fread(buffer.baseAddress, 1, buffer.count, file)
    let code = ferror(file) == 0 ? 0 : errno
    input = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
    isCompressed = input.starts(with: [0x1F, 0x8B])
    guard code == 0 else { throw Self.unreadable(path, code: code) }
    // 15 for the largest window, 16 for gzip's header and trailer.
    let streamSize = Int32(MemoryLayout<z_stream>.size)
    guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, streamSize) == Z_OK else {
      throw Fault("\(path): out of memory")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    buffer.deallocate()
    fclose(file)
  }

  /// Appends up to `limit` further bytes.
  ///
  /// - Parameters:
  ///   - limit: The most bytes that are read.
  ///   - bytes: Grows with what is really there, not with what was asked for.
  /// - Returns: How many bytes came; less than `limit` only at the end.
  /// - Throws: `Fault` if the file cannot be read or is damaged.
  func read(upTo limit: Int, appendingTo bytes: inout [UInt8]) throws -> Int {
    var chunk = [UInt8](repeating: 0, count: min(limit, 1 << 20))
    var total = 0
    while total < limit {
      let wanted = min(chunk.count, limit - total)
      let got = try chunk.withUnsafeMutableBytes {
        try read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<wanted]))
      }
      if got == 0 { break }
      // The array doubles, and holds the old bytes while it does.
      if bytes.count + got > bytes.capacity {
        try MemoryLimit.require(2 * bytes.count, for: path)
      }
      bytes.append(contentsOf: chunk[..<got])
      total += got
    }
    return total
  }

  /// Everything that a file unpacks to.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - limit: The most bytes; what unpacks to more is refused.
  /// - Returns: The bytes.
  /// - Throws: `Fault` if the file cannot be read, is damaged or too large.
  package static func contents(of path: String, limit: Int) throws -> [UInt8] {
    let file = try DecompressedFile(path: path)
    var bytes: [UInt8] = []
    // Addresses only, so that the array is not copied as it grows.
    bytes.reserveCapacity(min(limit, file.mostBytes) + 1)
    guard try file.read(upTo: limit + 1, appendingTo: &bytes) <= limit else {
      throw Fault(
        "\(path): more than \(limit) bytes unpacked", advice: "is it the published file?")
    }
    return bytes
  }

  func read(into output: UnsafeMutableRawBufferPointer) throws -> Int {
    let output = output.bindMemory(to: UInt8.self)
    while true {
      if input.isEmpty { try refill() }
      if input.isEmpty && isInMember { throw corrupt("truncated gzip input") }
      if input.isEmpty { return 0 }
      let count = isCompressed ? try inflate(into: output) : copy(into: output)
      position += count
      if count > 0 { return count }
    }
  }

  private func copy(into output: UnsafeMutableBufferPointer<UInt8>) -> Int {
    let count = min(input.count, output.count)
    _ = output.update(fromContentsOf: input[..<count])
    advance(by: count)
    return count
  }

  /// Unpacks as far as the input and the room for output go, at most to the end of a member.
  private func inflate(into output: UnsafeMutableBufferPointer<UInt8>) throws -> Int {
    if !isInMember {
      // Tapes and block devices fill up with zeros.
      advance(by: input.prefix { $0 == 0 }.count)
      if input.isEmpty { return 0 }
      inflateReset(stream)
      isInMember = true
    }
    stream.pointee.next_in = input.baseAddress
    stream.pointee.avail_in = uInt(input.count)
    stream.pointee.next_out = output.baseAddress
    stream.pointee.avail_out = uInt(output.count)
    let status = CZlib.inflate(stream, Z_NO_FLUSH)
    advance(by: input.count - Int(stream.pointee.avail_in))
    let count = output.count - Int(stream.pointee.avail_out)
    if status == Z_STREAM_END { isInMember = false }
    // Z_BUF_ERROR asks for more input or room.
    guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
      position += count
      let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib's error \(status)"
      // What zlib says of a member that unpacked to its end, and to something else.
      guard reason != "incorrect data check", reason != "incorrect length check" else {
        throw Fault(
          "\(path): corrupt: the gzip checksum does not fit the \(position) bytes",
          advice: "download it again")
      }
      throw corrupt(reason)
    }
    return count
  }

  private func advance(by count: Int) {
    input = UnsafeMutableBufferPointer(rebasing: input[count...])
  }

  /// Reads the next piece of the file, nothing at its end.
  private func refill() throws {
    let count = fread(buffer.baseAddress, 1, buffer.count, file)
    guard ferror(file) == 0 else { throw Self.unreadable(path, code: errno) }
    input = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
  }

  private static func unreadable(_ path: String, code: Int32) -> Fault {
    Fault("\(path): cannot be read: \(String(cString: strerror(code)))")
  }

  private func corrupt(_ reason: String) -> Fault {
    Fault(
      "\(path): corrupt after \(position) bytes: \(reason)", advice: "download it again")
  }
}

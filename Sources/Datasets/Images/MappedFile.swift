import Base
import Foundation
import Storage

/// A file in memory for as long as this lives, shared with other processes that map it.
final class MappedFile: @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer

  /// Nil if there is no file, or an empty one, at `path`.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - isRandom: Whether it is read here and there: then the system reads no more than is asked
  ///     for where the file is larger than half of the memory that is left.
  init?(_ path: String, isRandom: Bool = false) {
    guard let (descriptor, size) = try? FileSystem.openForReading(path) else { return nil }
    defer { close(descriptor) }
    guard size > 0, let memory = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0),
      memory != MAP_FAILED
    else { return nil }
    bytes = UnsafeRawBufferPointer(start: memory, count: size)
    if isRandom, let room = MemoryLimit.roomForFiles(), size > room.bytes / 2 {
      madvise(memory, size, MADV_RANDOM)
    }
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }
}

/// Bytes that are only read, wherever they are: an array's, or a part of a mapped file.
package struct ReadOnlyBytes: Sendable {
  private enum Memory: Sendable {
    case array([UInt8])
    case file(MappedFile, Range<Int>)
  }

  private let memory: Memory
  let count: Int

  init(_ bytes: [UInt8]) {
    memory = .array(bytes)
    count = bytes.count
  }

  /// Bytes `range` of `file`.
  init(_ file: MappedFile, _ range: Range<Int>) {
    precondition(range.upperBound <= file.bytes.count, "\(range) of \(file.bytes.count) bytes")
    memory = .file(file, range)
    count = range.count
  }

  /// Calls `body` with the bytes, which lie one after the other; allocates nothing.
  @inline(__always)
  func withUnsafeBufferPointer<Result>(
    _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
  ) rethrows -> Result {
    switch memory {
    case .array(let bytes): return try bytes.withUnsafeBufferPointer(body)
    case .file(let file, let range):
      return try withExtendedLifetime(file) {
        try body(
          UnsafeRawBufferPointer(rebasing: file.bytes[range]).assumingMemoryBound(to: UInt8.self))
      }
    }
  }
}

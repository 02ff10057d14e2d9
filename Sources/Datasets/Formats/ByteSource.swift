import Base
import Storage

/// Bytes that come from the front, one piece after the other.
protocol ByteSource: AnyObject {
  /// Overwrites `output` with the next bytes.
  ///
  /// - Parameter output: Where they go; not empty.
  /// - Returns: How many came, 0 at the end only.
  /// - Throws: `Fault` where they cannot be read or are damaged.
  func read(into output: UnsafeMutableRawBufferPointer) throws -> Int
}

extension ArchiveReader: ByteSource {}

/// The most bytes of a piece of an array's elements: whole elements of any type.
let elementPieceBytes = 1 << 20

extension ByteSource {
  /// Fills `output` as far as there are bytes.
  ///
  /// - Parameter output: Where they go.
  /// - Returns: How many came; fewer than asked for at the end only.
  /// - Throws: As `read`.
  func fill(_ output: UnsafeMutableRawBufferPointer) throws -> Int {
    var got = 0
    while got < output.count {
      let count = try read(into: UnsafeMutableRawBufferPointer(rebasing: output[got...]))
      if count == 0 { break }
      got += count
    }
    return got
  }

  /// Reads the elements of an array, behind which nothing follows.
  ///
  /// - Parameters:
  ///   - total: Their bytes, as the array's header says.
  ///   - name: The array, for messages.
  ///   - body: Takes a piece of them, whole elements.
  /// - Throws: `Fault` where they are fewer or more or damaged, and what `body` throws.
  func forEachPiece(
    of total: Int, name: String, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let piece = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, min(total, elementPieceBytes)), alignment: 16)
    defer { piece.deallocate() }
    var left = total
    while left > 0 {
      let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(piece.count, left)])
      let got = try fill(part)
      guard got == part.count else {
        throw Fault(
          "\(name): truncated: its header says \(total) bytes of elements, "
            + "\(left - got) are missing"
        )
      }
      try body(UnsafeRawBufferPointer(part))
      left -= got
    }
    // The end is where checksums are compared.
    guard try read(into: piece) == 0 else {
      throw Fault("\(name): more bytes than the \(total) that its header says")
    }
  }
}

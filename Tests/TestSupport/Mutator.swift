import Base
import Foundation

/// Seeded damage to the bytes of a file: flips, cuts, insertions, splices, extreme numbers.
///
/// The same seed gives the same files, so what fails once fails every time.
package struct Mutator {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  /// SplitMix64.
  private mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number below `count`; 0 for none.
  private mutating func below(_ count: Int) -> Int {
    count <= 0 ? 0 : Int(next() % UInt64(count))
  }

  /// Places near the front more often: headers are there.
  private mutating func place(in count: Int) -> Int {
    below(2) == 0 ? below(count) : below(min(count, 128))
  }

  /// The bytes with one to four damages.
  ///
  /// - Parameters:
  ///   - bytes: A whole file.
  ///   - other: Another, of which parts may be put in.
  /// - Returns: The damaged bytes.
  package mutating func damaged(_ bytes: [UInt8], other: [UInt8] = []) -> [UInt8] {
    var bytes = bytes
    for _ in 0...below(4) { damage(&bytes, other) }
    return bytes
  }

  private static let extremes: [UInt64] = [
    0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF,
    0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max,
  ]
  private static let words = [
    "9223372036854775807", "-1", "1e308", "1e999", "nan", "[[[[[[[[", "{", "}", "*a", "&a ", "\n",
    "\0", "\u{FEFF}", "\"", "%", "!!", "? ", "- ", ": ", "\u{1B}[2J", "../", "99999999",
  ]

  private mutating func damage(_ bytes: inout [UInt8], _ other: [UInt8]) {
    guard !bytes.isEmpty else {
      bytes = [UInt8(truncatingIfNeeded: next())]
      return
    }
    let first = place(in: bytes.count)
    let reach = min(bytes.count - first, 1 + below(1 << below(12)))
    switch below(9) {
    case 0: bytes[first] ^= 1 << below(8)
    case 1: bytes[first] = UInt8(truncatingIfNeeded: next())
    case 2: bytes.removeLast(bytes.count - below(bytes.count))
    case 3: bytes.removeSubrange(first..<first + reach)
    case 4: bytes.insert(contentsOf: bytes[first..<first + reach], at: place(in: bytes.count))
    case 5:
      let source = other.isEmpty ? bytes : other
      let start = place(in: source.count)
      bytes.insert(contentsOf: source[start..<min(source.count, start + reach)], at: first)
    case 6: bytes.insert(contentsOf: Self.words[below(Self.words.count)].utf8, at: first)
    default:
      // A field of a header, in either order of bytes.
      let size = min([1, 2, 4, 8][below(4)], bytes.count - first)
      let value = Self.extremes[below(Self.extremes.count)]
      let isBig = below(2) == 0
      for index in 0..<size {
        let shift = 8 * (isBig ? size - 1 - index : index)
        bytes[first + index] = UInt8(truncatingIfNeeded: value >> shift)
      }
    }
  }
}

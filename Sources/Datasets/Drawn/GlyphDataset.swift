import Base

/// Digits that the program draws: a data set of ten classes that needs no download and looks like
/// MNIST (28 x 28 grey pixels, white strokes of about 20 x 20 on black).
///
/// Sample i is of class i mod 10 and a function of (seed, i) alone. The geometry uses only +, -, *,
/// / and square roots in Double, which IEEE 754 rounds in one way, and no function of the C
/// library: every machine draws the same bytes. That is why slant and rotation are given as
/// tangents.
package enum GlyphDataset {
  /// Pixels, of height and of width.
  package static let side = 28

  /// Draws samples 0 ..< count.
  ///
  /// - Parameters:
  ///   - count: samples, 0 or more.
  ///   - seed: of the drawing only; a run's own seed should not move its data.
  /// - Returns: the samples, of one channel, in ten classes.
  package static func make(count: Int = 10_000, seed: UInt64 = 0) -> ByteImages {
    precondition(count >= 0, "count \(count) is negative")
    let size = side * side
    let pixels = [UInt8](unsafeUninitializedCapacity: count * size) { buffer, initialized in
      buffer.initialize(repeating: 0)
      let pen = GlyphPen(seed: seed)
      for index in 0..<count {
        let image = UnsafeMutableBufferPointer(rebasing: buffer[index * size..<(index + 1) * size])
        pen.draw(sample: index, digit: index % 10, into: image)
      }
      initialized = count * size
    }
    return ByteImages(
      name: "glyphs", shape: Shape(channels: 1, height: side, width: side), pixels: pixels,
      labels: (0..<count).map { UInt8($0 % 10) }, classCount: 10)
  }
}

import Base
import Datasets
import TestSupport
import Testing

@Suite struct PillowResamplerTests {
  /// Byte i is (31 i^2 + 17 i) / 8 mod 256.
  private func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 * $0 * 31 + $0 * 17) / 8) }
  }

  private func resized(_ shape: Shape, _ height: Int, _ width: Int) -> [UInt8] {
    let images = ByteImages(
      name: "pattern", shape: shape, pixels: pattern(shape.elementCount))
    let result = images.resized(to: ImageSize(height: height, width: width))
    #expect(
      result.shape == Shape(channels: shape.channels, height: height, width: width))
    return result.pixels
  }

  /// CRC-32 of `Image.resize((width, height), BILINEAR)` in Pillow 12.3.0, modes L and RGB.
  @Test func bytesArePillows() {
    let cases: [(Shape, Int, Int, UInt32)] = [
      (Shape(channels: 1, height: 28, width: 28), 32, 32, 0x8AEB_3903),
      (Shape(channels: 3, height: 9, width: 13), 20, 32, 0xE970_63F2),
      (Shape(channels: 3, height: 40, width: 31), 7, 5, 0xF627_0024),
      (Shape(channels: 1, height: 28, width: 28), 28, 40, 0x2BF1_FF8F),
      (Shape(channels: 1, height: 28, width: 28), 11, 28, 0x0BC4_FDFE),
      (Shape(channels: 3, height: 1, width: 1), 4, 4, 0x21E0_2F16),
      (Shape(channels: 1, height: 100, width: 3), 3, 100, 0x6F91_A30E),
    ]
    for (shape, height, width, expected) in cases {
      let got = resized(shape, height, width)
      #expect(crc32(got) == expected, "\(shape) to \(height) x \(width): \(got.prefix(8))")
    }
    // The first of these, in plain sight.
    let digits = resized(cases[0].0, 32, 32)
    #expect(Array(digits.prefix(8)) == [0, 5, 15, 31, 54, 82, 115, 155])
  }

  @Test func theSameSizeIsTheSameImage() {
    let shape = Shape(channels: 3, height: 5, width: 4)
    #expect(resized(shape, 5, 4) == pattern(60))
  }

  @Test func everyImageOfASetIsResized() {
    let shape = Shape(channels: 1, height: 6, width: 5)
    let set = ByteImages(
      name: "three", shape: shape, pixels: pattern(90), labels: [1, 0, 2], classCount: 3)
    let size = ImageSize(height: 9, width: 3)
    let result = set.resized(to: size)
    #expect(result.count == 3)
    #expect(result.labels == [1, 0, 2])
    for index in 0..<3 {
      let alone = ByteImages(
        name: "one", shape: shape, pixels: Array(set.pixels[index * 30..<(index + 1) * 30]))
      #expect(
        Array(result.pixels[index * 27..<(index + 1) * 27])
          == alone.resized(to: size).pixels)
    }
  }
}

import Base
import Storage

/// Images held in memory as bytes, a quarter of what floats take, and converted when they are read.
package final class ByteImageDataset: Dataset {
  package let count: Int
  package let condition: ConditionShape
  private let images: ByteImages
  private let conversion: ByteConversion

  /// - Parameters:
  ///   - images: The bytes.
  ///   - range: What black and white become.
  ///   - dequantization: Noise that is added, if any.
  package init(
    _ images: ByteImages, range: ClosedRange<Float>, dequantization: Dequantization? = nil
  ) {
    self.images = images
    count = images.count
    condition = ConditionShape(classes: images.classCount)
    conversion = ByteConversion(
      range: range, divisor: images.white, dequantization: dequantization)
  }

  package var name: String { images.name }
  package var shape: Shape { images.shape }

  package var checksum: String? {
    let pixels = images.pixels.withUnsafeBytes { FileSystem.crc32($0) }
    let all = images.labels.withUnsafeBytes { FileSystem.crc32($0, continuing: pixels) }
    return all.padded(to: 8, radix: 16)
  }

  package func copyCondition(at index: Int, into condition: Condition) {
    guard self.condition.classes > 0 else { return }
    precondition(index >= 0 && index < count, "sample \(index) of \(count)")
    condition.label = Int(images.labels[index])
  }

  package func copySample(
    at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>
  ) {
    let size = shape.elementCount
    precondition(index >= 0 && index < count, "sample \(index) of \(count)")
    images.pixels.withUnsafeBufferPointer { pixels in
      conversion.convert(
        UnsafeBufferPointer(rebasing: pixels[index * size..<(index + 1) * size]), index: index,
        draw: draw, into: output)
    }
  }
}

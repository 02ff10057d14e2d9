import Base
import Storage

/// Images as bytes, wherever they lie.
package protocol HeldImages {
  var name: String { get }
  var count: Int { get }
  var shape: Shape { get }
  var classCount: Int { get }
  /// See `ByteImages`.
  var white: Int { get }
  /// count x height x width x channels; count numbers, or none.
  var bytes: (pixels: ReadOnlyBytes, labels: ReadOnlyBytes) { get }
}

extension ByteImages: HeldImages {
  package var bytes: (pixels: ReadOnlyBytes, labels: ReadOnlyBytes) {
    (ReadOnlyBytes(pixels), ReadOnlyBytes(labels))
  }
}

/// Images held in memory as bytes, a quarter of what floats take, and converted when they are read.
package final class ByteImageDataset: Dataset {
  package let name: String
  package let count: Int
  package let shape: Shape
  package let condition: ConditionShape
  /// count x height x width x channels.
  private let pixels: ReadOnlyBytes
  /// count numbers, or none.
  private let labels: ReadOnlyBytes
  private let conversion: ByteConversion

  /// - Parameters:
  ///   - images: The bytes, of this process or in memory of several.
  ///   - range: What black and white become.
  ///   - dequantization: Noise that is added, if any.
  package init(
    _ images: some HeldImages, range: ClosedRange<Float>, dequantization: Dequantization? = nil
  ) {
    name = images.name
    count = images.count
    shape = images.shape
    condition = ConditionShape(classes: images.classCount)
    (pixels, labels) = images.bytes
    conversion = ByteConversion(
      range: range, divisor: images.white, dequantization: dequantization)
  }

  package var checksum: String? {
    let first = pixels.withUnsafeBufferPointer { FileSystem.crc32(UnsafeRawBufferPointer($0)) }
    let all = labels.withUnsafeBufferPointer {
      FileSystem.crc32(UnsafeRawBufferPointer($0), continuing: first)
    }
    return all.padded(to: 8, radix: 16)
  }

  package func copyCondition(at index: Int, into condition: Condition) {
    guard self.condition.classes > 0 else { return }
    precondition(index >= 0 && index < count, "sample \(index) of \(count)")
    condition.label = labels.withUnsafeBufferPointer { Int($0[index]) }
  }

  package func copySample(
    at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>
  ) {
    let size = shape.elementCount
    precondition(index >= 0 && index < count, "sample \(index) of \(count)")
    pixels.withUnsafeBufferPointer { pixels in
      conversion.convert(
        UnsafeBufferPointer(rebasing: pixels[index * size..<(index + 1) * size]), index: index,
        draw: draw, into: output)
    }
  }
}

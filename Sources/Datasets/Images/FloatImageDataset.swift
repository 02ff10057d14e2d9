import Base
import Storage

/// Images held in memory as numbers, for those that another program has not rounded to bytes.
package final class FloatImageDataset: Dataset {
  package let name: String
  package let count: Int
  package let shape: Shape
  package let condition = ConditionShape.none
  /// count x height x width x channels, in the range that they are used with.
  private let values: [Float]

  /// - Parameters:
  ///   - name: For logs.
  ///   - shape: Of one image.
  ///   - values: count x height x width x channels.
  ///   - stored: The values that stand for black and white; nil to take the narrowest of [0, 1],
  ///     [-1, 1] and [0, 255] that holds all.
  ///   - range: What black and white become.
  /// - Throws: `Fault` where a value is not finite, or outside.
  package init(
    name: String, shape: Shape, values: [Float], stored: ClosedRange<Float>?,
    range: ClosedRange<Float>
  ) throws {
    self.name = name
    self.shape = shape
    count = values.count / shape.elementCount
    let stored = try stored ?? Self.range(of: values, name: name)
    let scale = (range.upperBound - range.lowerBound) / (stored.upperBound - stored.lowerBound)
    let limits = stored
    if let index = values.firstIndex(where: { !limits.contains($0) }) {
      throw Fault(
        "\(name): image \(index / shape.elementCount) holds \(values[index]), outside "
          + "[\(stored.lowerBound), \(stored.upperBound)]")
    }
    self.values =
      stored == range
      ? values : values.map { range.lowerBound + ($0 - stored.lowerBound) * scale }
  }

  /// The narrowest of the usual ranges that holds all values.
  package static func range(of values: [Float], name: String) throws -> ClosedRange<Float> {
    var (low, high) = (Float.infinity, -Float.infinity)
    for (index, value) in values.enumerated() {
      guard value.isFinite else {
        throw Fault("\(name): value \(index) is \(value); expected finite ones")
      }
      low = min(low, value)
      high = max(high, value)
    }
    for range: ClosedRange<Float> in [0...1, -1...1, 0...255]
    where range.contains(low) && range.contains(high) {
      return range
    }
    throw Fault(
      "\(name): values in [\(low), \(high)]; expected [0, 1], [-1, 1] or [0, 255], or say by "
        + "--range which ones are black and white")
  }

  package var checksum: String? {
    values.withUnsafeBytes { FileSystem.crc32($0) }.padded(to: 8, radix: 16)
  }

  package func copyCondition(at index: Int, into condition: Condition) {}

  package func copySample(
    at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>
  ) {
    let size = shape.elementCount
    precondition(index >= 0 && index < count, "sample \(index) of \(count)")
    values.withUnsafeBufferPointer {
      _ = output.update(fromContentsOf: $0[index * size..<(index + 1) * size])
    }
  }
}

/// Images held in memory as bytes, a quarter of what floats take, and converted when they are read.
///
/// pixels: count x height x width x channels, 0 ... 255. Conversion is one look-up in a table of 256
/// floats, so a value does not depend on the instruction set or on the neighbours.
package final class ByteImageDataset: Dataset {
  package let name: String
  package let count: Int
  package let shape: SampleShape
  package let classCount: Int
  /// count x height x width x channels.
  package let pixels: [UInt8]
  /// count numbers, or none.
  package let labels: [UInt8]
  /// The float that each byte becomes.
  package let table: [Float]

  /// Takes bytes that lie in the order in which samples are copied.
  ///
  /// - Parameters:
  ///   - name: for logs.
  ///   - shape: of one sample.
  ///   - pixels: count x height x width x channels.
  ///   - labels: one a sample, or none.
  ///   - classCount: more than every label; 0 without labels.
  ///   - range: what bytes 0 and 255 become.
  package init(
    name: String, shape: SampleShape, pixels: [UInt8], labels: [UInt8], classCount: Int,
    range: ClosedRange<Float>
  ) {
    precondition(
      shape.elementCount > 0 && pixels.count.isMultiple(of: shape.elementCount),
      "\(pixels.count) pixels are no whole number of samples of \(shape.elementCount)")
    let count = pixels.count / shape.elementCount
    precondition(
      classCount == 0 ? labels.isEmpty : labels.count == count,
      "\(labels.count) labels of \(classCount) classes for \(count) samples")
    let highest = labels.max().map(Int.init) ?? -1
    precondition(highest < max(classCount, 0), "label \(highest) in \(classCount) classes")
    self.name = name
    self.count = count
    self.shape = shape
    self.classCount = classCount
    self.pixels = pixels
    self.labels = labels
    self.table = Self.conversionTable(range: range)
  }

  /// What each byte x becomes: low + (high - low) * x / 255, evaluated in Float from the left.
  ///
  /// For 0 ... 1 this is x / 255, torchvision's `ToTensor`. For -1 ... 1 it is to the last bit
  /// `ToTensor` followed by `Normalize(0.5, 0.5)`, (x / 255 - 0.5) / 0.5, because factors of 2 do not
  /// change the rounding; x * (2 / 255) - 1 would differ. So a run can be compared with PyTorch's.
  package static func conversionTable(range: ClosedRange<Float>) -> [Float] {
    let low = range.lowerBound
    let extent = range.upperBound - low
    return (0..<256).map { byte in
      low + extent * Float(byte) / 255
    }
  }

  package func label(at index: Int) -> Int {
    precondition(classCount > 0, "\(name) has no labels")
    precondition(index >= 0 && index < count, "sample \(index) of \(count)")
    return Int(labels[index])
  }

  package func copySample(at index: Int, into output: UnsafeMutableBufferPointer<Float>) {
    let size = shape.elementCount
    precondition(index >= 0 && index < count, "sample \(index) of \(count)")
    precondition(output.count == size, "output has \(output.count) elements, a sample \(size)")
    table.withUnsafeBufferPointer { table in
      pixels.withUnsafeBufferPointer { pixels in
        let first = index * size
        for element in 0..<size { output[element] = table[Int(pixels[first + element])] }
      }
    }
  }
}

import Base

/// Images held in memory as bytes, a quarter of what floats take, and converted when they are read.
///
/// pixels: count x height x width x channels, 0 ... 255.
package final class ByteImageDataset: Dataset {
  package let name: String
  package let count: Int
  package let shape: Shape
  package let condition: ConditionShape
  /// count x height x width x channels.
  package let pixels: [UInt8]
  /// count numbers, or none.
  package let labels: [UInt8]
  /// How bytes become floats.
  package let conversion: ByteConversion

  /// Takes bytes that lie in the order in which samples are copied.
  ///
  /// - Parameters:
  ///   - name: for logs.
  ///   - shape: of one sample.
  ///   - pixels: count x height x width x channels.
  ///   - labels: one a sample, or none.
  ///   - classCount: more than every label; 0 without labels.
  ///   - conversion: what bytes become.
  package init(
    name: String, shape: Shape, pixels: [UInt8], labels: [UInt8], classCount: Int,
    conversion: ByteConversion
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
    condition = ConditionShape(classes: classCount)
    self.pixels = pixels
    self.labels = labels
    self.conversion = conversion
  }

  /// Makes a data set whose bytes 0 and 255 become the ends of `range`.
  package convenience init(
    name: String, shape: Shape, pixels: [UInt8], labels: [UInt8], classCount: Int,
    range: ClosedRange<Float>
  ) {
    self.init(
      name: name, shape: shape, pixels: pixels, labels: labels, classCount: classCount,
      conversion: ByteConversion(range: range))
  }

  package func copyCondition(at index: Int, into condition: Condition) {
    guard self.condition.classes > 0 else { return }
    precondition(index >= 0 && index < count, "sample \(index) of \(count)")
    condition.label = Int(labels[index])
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

  /// A data set of these images with other values for the bytes.
  package func converted(by conversion: ByteConversion) -> ByteImageDataset {
    ByteImageDataset(
      name: name, shape: shape, pixels: pixels, labels: labels, classCount: classCount,
      conversion: conversion)
  }

  /// The images at another size, as `BilinearResampler` makes them; itself at its own size.
  package func resized(height: Int, width: Int) -> ByteImageDataset {
    guard height != shape.height || width != shape.width else { return self }
    let target = Shape(channels: shape.channels, height: height, width: width)
    let resampler = BilinearResampler(from: shape, toHeight: height, width: width)
    var scratch: [UInt8] = []
    let total = count * target.elementCount
    let pixels = [UInt8](unsafeUninitializedCapacity: total) { output, initialized in
      self.pixels.withUnsafeBufferPointer { input in
        for index in 0..<count {
          let first = index * shape.elementCount
          let place = index * target.elementCount
          resampler.resample(
            UnsafeBufferPointer(rebasing: input[first..<first + shape.elementCount]),
            into: UnsafeMutableBufferPointer(
              rebasing: output[place..<place + target.elementCount]),
            scratch: &scratch)
        }
      }
      initialized = total
    }
    return ByteImageDataset(
      name: name, shape: target, pixels: pixels, labels: labels, classCount: classCount,
      conversion: conversion)
  }

  /// The first `limit` images; all of them for nil or where there are not so many.
  func limited(to limit: Int?) -> ByteImageDataset {
    guard let limit, limit < count else { return self }
    return ByteImageDataset(
      name: name, shape: shape, pixels: Array(pixels.prefix(limit * shape.elementCount)),
      labels: Array(labels.prefix(limit)), classCount: classCount, conversion: conversion)
  }
}

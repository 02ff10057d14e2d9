import Base

/// Images as bytes, as a file has them: what values they stand for is said where they become a
/// data set.
package struct ByteImages: Sendable {
  /// For logs.
  package let name: String
  /// Of one image.
  package let shape: Shape
  /// count x height x width x channels.
  package let pixels: [UInt8]
  /// count numbers, or none.
  package let labels: [UInt8]
  /// More than every label; 0 without labels.
  package let classCount: Int
  /// The byte that stands for white: 255, or 256 where bytes are a file's multiples of 1/256.
  package let white: Int

  package var count: Int { pixels.count / shape.elementCount }

  /// Takes bytes that lie in the order in which samples are copied.
  ///
  /// - Parameters:
  ///   - name: For logs.
  ///   - shape: Of one image.
  ///   - pixels: count x height x width x channels.
  ///   - labels: One an image, or none.
  ///   - classCount: More than every label; 0 without labels.
  ///   - white: What the end of the range is for.
  package init(
    name: String, shape: Shape, pixels: [UInt8], labels: [UInt8] = [], classCount: Int = 0,
    white: Int = 255
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
    self.shape = shape
    self.pixels = pixels
    self.labels = labels
    self.classCount = classCount
    self.white = white
  }

  /// The images at another size, as `PillowResampler` makes them; themselves at their own size.
  package func resized(to size: ImageSize) -> ByteImages {
    guard size.height != shape.height || size.width != shape.width else { return self }
    let target = Shape(channels: shape.channels, height: size.height, width: size.width)
    let resampler = PillowResampler(from: shape, toHeight: size.height, width: size.width)
    var scratch: [UInt8] = []
    let total = count * target.elementCount
    let resized = [UInt8](unsafeUninitializedCapacity: total) { output, initialized in
      pixels.withUnsafeBufferPointer { input in
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
    return ByteImages(
      name: name, shape: target, pixels: resized, labels: labels, classCount: classCount,
      white: white)
  }
}

extension AvailableSamples where Samples == ByteImages {
  /// Images of a file that can only be read as a whole.
  init(_ images: ByteImages) {
    self.init(count: images.count) { count in
      guard count < images.count else { return images }
      return ByteImages(
        name: images.name, shape: images.shape,
        pixels: Array(images.pixels.prefix(count * images.shape.elementCount)),
        labels: Array(images.labels.prefix(count)), classCount: images.classCount,
        white: images.white)
    }
  }
}

import Base

/// Images of one size, channels last, as the levels of pyramids are.
package struct ImageStack {
  package let values: [Float]
  package let count: Int
  package let shape: Shape

  package init(_ values: [Float], count: Int, shape: Shape) {
    precondition(values.count == count * shape.elementCount, "\(values.count) values, \(shape)")
    self.values = values
    self.count = count
    self.shape = shape
  }
}

/// The Laplacian pyramid with the kernel [1, 4, 6, 4, 1] / 16 each way and mirrored borders.
///
/// Burt and Adelson 1983, in the form of Karras et al. 2018; a mirrored border does not repeat the
/// pixel at the edge.
package enum LaplacianPyramid {
  /// The least side of a level.
  static let leastSide = 16

  /// The sizes of the levels, the finest first: halves as long as sides are 16 or more.
  package static func shapes(_ shape: Shape) -> [Shape] {
    var shapes = [shape]
    while let last = shapes.last, min(last.height, last.width) / 2 >= leastSide {
      shapes.append(halved(last))
    }
    return shapes
  }

  private static func halved(_ shape: Shape) -> Shape {
    Shape(
      channels: shape.channels, height: (shape.height + 1) / 2, width: (shape.width + 1) / 2)
  }

  /// The levels of an image: what each size has that the next one lacks, and the smallest size.
  ///
  /// - Parameters:
  ///   - image: One image, channels last.
  ///   - shape: Its shape.
  /// - Returns: Values a level, in the order of `shapes`.
  package static func levels(_ image: [Float], _ shape: Shape) -> [[Float]] {
    let shapes = shapes(shape)
    var levels: [[Float]] = []
    var current = image
    for (shape, next) in zip(shapes, shapes.dropFirst()) {
      let smaller = down(current, shape, to: next)
      let larger = up(smaller, next, to: shape)
      levels.append(zip(current, larger).map { $0 - $1 })
      current = smaller
    }
    return levels + [current]
  }

  private static let kernel: [Double] = [1, 4, 6, 4, 1].map { $0 / 16 }

  /// Smoothed, and every other pixel of that.
  static func down(_ image: [Float], _ shape: Shape, to small: Shape) -> [Float] {
    let smooth = smoothed(image.map(Double.init), shape)
    var output: [Float] = []
    output.reserveCapacity(small.elementCount)
    for row in 0..<small.height {
      for column in 0..<small.width {
        let first = (2 * row * shape.width + 2 * column) * shape.channels
        output += smooth[first..<first + shape.channels].map(Float.init)
      }
    }
    return output
  }

  /// Zeros between the pixels, smoothed, four times.
  package static func up(_ image: [Float], _ shape: Shape, to large: Shape) -> [Float] {
    var spread = [Double](repeating: 0, count: large.elementCount)
    for row in 0..<shape.height {
      for column in 0..<shape.width {
        let from = (row * shape.width + column) * shape.channels
        let to = (2 * row * large.width + 2 * column) * shape.channels
        for channel in 0..<shape.channels {
          spread[to + channel] = 4 * Double(image[from + channel])
        }
      }
    }
    return smoothed(spread, large).map(Float.init)
  }

  /// Filtered by the kernel along both sides.
  private static func smoothed(_ image: [Double], _ shape: Shape) -> [Double] {
    let along = filtered(
      image, length: shape.width, stride: shape.channels, lines: shape.height * shape.channels
    ) { line in
      line / shape.channels * shape.width * shape.channels + line % shape.channels
    }
    let stride = shape.width * shape.channels
    return filtered(along, length: shape.height, stride: stride, lines: stride) { $0 }
  }

  /// Filtered along lines of pixels.
  ///
  /// - Parameters:
  ///   - image: Values.
  ///   - length: Pixels of a line.
  ///   - stride: Values from one to the next.
  ///   - lines: How many lines.
  ///   - start: The first value of a line.
  /// - Returns: As many values.
  private static func filtered(
    _ image: [Double], length: Int, stride: Int, lines: Int, start: (Int) -> Int
  ) -> [Double] {
    [Double](unsafeUninitializedCapacity: image.count) { output, initialized in
      image.withUnsafeBufferPointer { image in
        for line in 0..<lines {
          let first = start(line)
          for position in 0..<length {
            var sum = 0.0
            for tap in 0..<5 {
              let place = mirrored(position + tap - 2, length)
              sum += kernel[tap] * image[first + place * stride]
            }
            output.initializeElement(at: first + position * stride, to: sum)
          }
        }
      }
      initialized = image.count
    }
  }

  /// Beyond the ends the line goes back: -1 is 1.
  private static func mirrored(_ position: Int, _ length: Int) -> Int {
    let place = abs(position)
    return place < length ? place : 2 * (length - 1) - place
  }
}

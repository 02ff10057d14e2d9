/// A number for each direction of an image: pixels, steps, zeros around it.
package struct Extents: Sendable, Equatable {
  package var depth: Int
  package var height: Int
  package var width: Int

  package init(depth: Int = 1, height: Int, width: Int) {
    self.depth = depth
    self.height = height
    self.width = width
  }

  /// Numbers in the order in which PyTorch has them: [l], [h, w] or [d, h, w].
  ///
  /// - Parameters:
  ///   - numbers: One to three.
  ///   - other: The number of the directions that have none.
  package init(_ numbers: [Int], other: Int) {
    precondition((1...3).contains(numbers.count), "\(numbers.count) numbers for three directions")
    width = numbers[numbers.count - 1]
    height = numbers.count > 1 ? numbers[numbers.count - 2] : other
    depth = numbers.count > 2 ? numbers[0] : other
  }

  package var product: Int { depth * height * width }

  /// The numbers of the last so many directions.
  package func numbers(_ dimensions: Int) -> [Int] {
    Array([depth, height, width].suffix(dimensions))
  }
}

extension Shape {
  /// Pixels in each direction.
  package var extents: Extents { Extents(depth: depth, height: height, width: width) }

  /// The shape with other channels.
  package func with(channels: Int) -> Shape {
    var shape = self
    shape.channels = channels
    return shape
  }
}

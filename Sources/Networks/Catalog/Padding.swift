import Base
import Configuration
import Kernels

/// What a convolution's option `padding` says: `1`, `same`, a number for each direction, such as
/// `[rows, columns]`, or for each side, such as `[top, bottom, left, right]`.
enum Padding: Equatable {
  /// Zeros in front of an image, and behind it, in each direction.
  struct Sides: Equatable {
    var before: Extents
    var after: Extents
  }

  case fixed(Sides)
  /// TensorFlow's SAME: an output of ceil(size / stride), an odd pixel on the far side.
  case same

  private static let sizes = 0...1024

  /// Reads the option of a layer on images of `dimensions` directions; 0 by default.
  init(_ options: ConfigurationReader, dimensions: Int) throws {
    let key = "padding"
    if options.isWord(key, "same") {
      _ = try options.choice(key, of: ["same"])
      self = .same
    } else if options.isList(key) {
      let sides = try options.integers(key, count: dimensions...2 * dimensions, in: Self.sizes)
      switch sides.count {
      case dimensions:
        let each = Extents(sides, other: 0)
        self = .fixed(Sides(before: each, after: each))
      case 2 * dimensions:
        let pairs = (0..<dimensions).map { (sides[2 * $0], sides[2 * $0 + 1]) }
        self = .fixed(
          Sides(
            before: Extents(pairs.map(\.0), other: 0), after: Extents(pairs.map(\.1), other: 0)))
      default:
        throw options.fail(
          key, "expected \(Self.forms[dimensions - 1]), found \(sides.count) numbers")
      }
    } else {
      let size = try options.integer(key, default: 0, in: Self.sizes)
      let each = Extents(Array(repeating: size, count: dimensions), other: 0)
      self = .fixed(Sides(before: each, after: each))
    }
  }

  private static let forms = [
    "[columns] or [left, right]", "[rows, columns] or [top, bottom, left, right]",
    "[planes, rows, columns] or [front, back, top, bottom, left, right]",
  ]

  /// The padding around an image of a convolution.
  func around(_ image: Extents, kernel: Extents, stride: Extents) -> Sides {
    switch self {
    case .fixed(let sides): return sides
    case .same:
      let total = { (size: Int, kernel: Int, stride: Int) in
        max(((size + stride - 1) / stride - 1) * stride + kernel - size, 0)
      }
      let planes = total(image.depth, kernel.depth, stride.depth)
      let rows = total(image.height, kernel.height, stride.height)
      let columns = total(image.width, kernel.width, stride.width)
      return Sides(
        before: Extents(depth: planes / 2, height: rows / 2, width: columns / 2),
        after: Extents(
          depth: planes - planes / 2, height: rows - rows / 2, width: columns - columns / 2))
    }
  }

  /// As in a configuration, of images of `dimensions` directions.
  func text(_ dimensions: Int) -> String {
    guard case .fixed(let sides) = self else { return "same" }
    let numbers = sides.numbers(dimensions)
    return numbers.allSatisfy { $0 == numbers[0] }
      ? "\(numbers[0])" : "[\(numbers.map(String.init).joined(separator: ", "))]"
  }
}

extension Padding.Sides {
  /// Of each direction the number before, then behind: top, bottom, left, right.
  func numbers(_ dimensions: Int) -> [Int] {
    zip(before.numbers(dimensions), after.numbers(dimensions)).flatMap { [$0, $1] }
  }
}

extension ConvolutionGeometry {
  /// The geometry of a layer on images of a shape.
  ///
  /// - Returns: nil where the padded image is smaller than the kernel.
  init?(
    _ input: Shape, channels: Int, kernel: Extents, stride: Extents, padding: Padding.Sides
  ) {
    func axis(_ direction: KeyPath<Extents, Int>) -> ConvolutionAxis? {
      ConvolutionAxis(
        input: input.extents[keyPath: direction], kernel: kernel[keyPath: direction],
        stride: stride[keyPath: direction], before: padding.before[keyPath: direction],
        after: padding.after[keyPath: direction])
    }
    guard let depth = axis(\.depth), let rows = axis(\.height), let columns = axis(\.width) else {
      return nil
    }
    self.init(
      depth: depth, rows: rows, columns: columns, inputChannels: input.channels,
      outputChannels: channels)
  }

  private func extents(_ number: KeyPath<ConvolutionAxis, Int>) -> Extents {
    Extents(
      depth: depth[keyPath: number], height: rows[keyPath: number], width: columns[keyPath: number])
  }

  var kernel: Extents { extents(\.kernel) }
  var stride: Extents { extents(\.stride) }
  var padding: Padding.Sides {
    Padding.Sides(before: extents(\.before), after: extents(\.after))
  }

  /// The shape of an input of a layer on images of `dimensions` directions.
  func inputShape(_ dimensions: Int) -> Shape { shape(inputChannels, \.input, dimensions) }

  /// The shape of an output.
  func outputShape(_ dimensions: Int) -> Shape { shape(outputChannels, \.output, dimensions) }

  private func shape(
    _ channels: Int, _ number: KeyPath<ConvolutionAxis, Int>, _ dimensions: Int
  ) -> Shape {
    Shape(
      channels: channels, depth: depth[keyPath: number], height: rows[keyPath: number],
      width: columns[keyPath: number], dimensions: dimensions)
  }
}

import Configuration

/// What a convolution's option `padding` says: `1`, `same`, `[rows, columns]` or
/// `[top, bottom, left, right]`.
enum Padding: Equatable, CustomStringConvertible {
  /// Rows and columns of zeros on each side.
  struct Sides: Equatable {
    var top: Int
    var bottom: Int
    var left: Int
    var right: Int
  }

  case fixed(Sides)
  /// TensorFlow's SAME: an output of ceil(size / stride), an odd pixel on the far side.
  case same

  private static let sizes = 0...1024

  /// Reads the option; 0 by default.
  init(_ options: ConfigurationReader) throws {
    let key = "padding"
    if options.isWord(key, "same") {
      _ = try options.choice(key, of: ["same"])
      self = .same
    } else if options.isList(key) {
      let sides = try options.integers(key, count: 2...4, in: Self.sizes)
      switch sides.count {
      case 2: self = .fixed(Sides(top: sides[0], bottom: sides[0], left: sides[1], right: sides[1]))
      case 4: self = .fixed(Sides(top: sides[0], bottom: sides[1], left: sides[2], right: sides[3]))
      default:
        throw options.fail(
          key, "expected [rows, columns] or [top, bottom, left, right], found 3 numbers")
      }
    } else {
      let size = try options.integer(key, default: 0, in: Self.sizes)
      self = .fixed(Sides(top: size, bottom: size, left: size, right: size))
    }
  }

  /// The padding around an image of a convolution.
  func around(height: Int, width: Int, kernel: KernelSize, stride: Int) -> Sides {
    switch self {
    case .fixed(let sides): return sides
    case .same:
      let total = { (size: Int, kernel: Int) in
        max(((size + stride - 1) / stride - 1) * stride + kernel - size, 0)
      }
      let (rows, columns) = (total(height, kernel.height), total(width, kernel.width))
      return Sides(
        top: rows / 2, bottom: rows - rows / 2, left: columns / 2, right: columns - columns / 2)
    }
  }

  /// As in a configuration.
  var description: String {
    switch self {
    case .same: "same"
    case .fixed(let sides):
      sides.top == sides.bottom && sides.left == sides.right && sides.top == sides.left
        ? "\(sides.top)" : "[\(sides.top), \(sides.bottom), \(sides.left), \(sides.right)]"
    }
  }
}

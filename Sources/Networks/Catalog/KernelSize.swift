import Configuration

/// What an option `kernel` says: `3`, or `[1, 7]` for rows and columns.
struct KernelSize: Equatable, CustomStringConvertible {
  var height: Int
  var width: Int

  private static let sizes = 1...1024

  private init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  /// A square.
  init(_ size: Int) { self.init(height: size, width: size) }

  /// Reads the option.
  init(_ options: ConfigurationReader) throws {
    if options.isList("kernel") {
      let sizes = try options.integers("kernel", count: 2...2, in: Self.sizes)
      self.init(height: sizes[0], width: sizes[1])
    } else {
      self.init(try options.integer("kernel", in: Self.sizes))
    }
  }

  var isSquare: Bool { height == width }

  var description: String { "\(height)x\(width)" }
}

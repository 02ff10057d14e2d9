import Base
import Configuration

/// Options with a number for each direction: `3`, or of a picture `[1, 7]` for rows and columns.
extension Extents {
  /// Reads an option of a layer on images of `dimensions` directions; other directions get 1.
  ///
  /// - Parameters:
  ///   - options: The layer's.
  ///   - key: The option's name.
  ///   - dimensions: The numbers of a list.
  ///   - usual: What a configuration need not say; nil for an option that it must.
  ///   - range: Of each number.
  /// - Throws: `ConfigurationError` naming the option.
  init(
    _ options: ConfigurationReader, _ key: String, dimensions: Int, default usual: Extents? = nil,
    in range: ClosedRange<Int> = 1...1024
  ) throws {
    let usual = usual.map { $0.numbers(dimensions) }
    let isUniform = usual.map { Set($0).count == 1 } ?? true
    let isList = options.isList(key) || !isUniform && !options.contains(key)
    let numbers =
      isList
      ? try options.integers(key, default: usual, count: dimensions...dimensions, in: range)
      : Array(
        repeating: try options.integer(
          key, default: isUniform ? usual?[0] : nil, in: range), count: dimensions)
    self.init(numbers, other: 1)
  }

  /// As in a message: `3x3`.
  func text(_ dimensions: Int) -> String {
    numbers(dimensions).map(String.init).joined(separator: "x")
  }
}

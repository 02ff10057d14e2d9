import Base
import LinearAlgebra

/// Vectors of one dimension, one after the other: features, points, or images as they are.
package struct Vectors: Sendable {
  package let values: [Float]
  package let dimension: Int

  /// - Parameters:
  ///   - values: Whole vectors.
  ///   - dimension: Values of each.
  package init(_ values: [Float], dimension: Int) {
    precondition(
      dimension > 0 && values.count.isMultiple(of: dimension),
      "\(values.count) values are no vectors of \(dimension)")
    self.values = values
    self.dimension = dimension
  }

  package var count: Int { values.count / dimension }

  /// Whether all values are finite: those of a generator that has diverged are not.
  package var areFinite: Bool { values.allSatisfy(\.isFinite) }

  /// The first `count` at most.
  package func prefix(_ count: Int) -> Vectors {
    count < self.count
      ? Vectors(Array(values[..<(count * dimension)]), dimension: dimension) : self
  }

  /// Vectors in Double, as products want them.
  ///
  /// - Parameters:
  ///   - rows: Which vectors.
  ///   - output: Overwritten; `rows.count` x `dimension`.
  func copy(_ rows: Range<Int>, to output: UnsafeMutablePointer<Double>) {
    values.withUnsafeBufferPointer { values in
      let first = rows.lowerBound * dimension
      for index in 0..<rows.count * dimension { output[index] = Double(values[first + index]) }
    }
  }

  /// A vector in Double, of those in any order.
  func copy(row: Int, to output: UnsafeMutablePointer<Double>) { copy(row..<row + 1, to: output) }

  /// The squared length of each.
  func squaredLengths() -> [Double] {
    values.withUnsafeBufferPointer { values in
      (0..<count).map { row in
        var sum = 0.0
        for index in row * dimension..<(row + 1) * dimension {
          sum += Double(values[index]) * Double(values[index])
        }
        return sum
      }
    }
  }
}

/// Squared Euclidean distances between vectors, by Double products a tile at a time.
///
///     |x - y|^2 = |x|^2 + |y|^2 - 2 x y
struct SquaredDistances {
  let a: Vectors
  let b: Vectors
  private let lengthsOfA: [Double]
  private let lengthsOfB: [Double]
  private let blas: OpenBLAS

  init(_ a: Vectors, _ b: Vectors) throws {
    precondition(a.dimension == b.dimension, "\(a.dimension) and \(b.dimension) values a vector")
    self.a = a
    self.b = b
    lengthsOfA = a.squaredLengths()
    lengthsOfB = b.squaredLengths()
    blas = try OpenBLAS.load()
  }

  /// The distances of some vectors of a to some of b.
  ///
  /// - Parameters:
  ///   - rows: Of a.
  ///   - columns: Of b.
  ///   - body: Takes rows x columns of them, never below 0.
  /// - Returns: What `body` returns.
  func tile<Result>(
    _ rows: Range<Int>, _ columns: Range<Int>, _ body: (UnsafePointer<Double>) throws -> Result
  ) rethrows -> Result {
    let dimension = a.dimension
    let left = DoubleStorage(count: rows.count * dimension)
    let right = DoubleStorage(count: columns.count * dimension)
    let tile = DoubleStorage(count: rows.count * columns.count)
    a.copy(rows, to: left.pointer)
    b.copy(columns, to: right.pointer)
    blas.multiply(
      rows: rows.count, columns: columns.count, inner: dimension, left.pointer, right.pointer,
      transposeB: true, into: tile.pointer)
    lengthsOfB.withUnsafeBufferPointer { lengthsOfB in
      for row in 0..<rows.count {
        let length = lengthsOfA[rows.lowerBound + row]
        let line = tile.pointer + row * columns.count
        for column in 0..<columns.count {
          let distance = length + lengthsOfB[columns.lowerBound + column] - 2 * line[column]
          line[column] = distance < 0 ? 0 : distance
        }
      }
    }
    return try withExtendedLifetime(tile) { try body(tile.pointer) }
  }
}

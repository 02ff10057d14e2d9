import Base
import LinearAlgebra
import TestSupport
import Testing

/// OpenBLAS in Double: products, and LAPACK's eigenvalues.
@Suite struct DoubleTests {
  private static func normals(_ seed: UInt64, _ count: Int) -> [Double] {
    var data = TestData(seed: seed)
    return data.normals(count).map(Double.init)
  }

  /// op(A) op(B) by the definition.
  private static func product(
    _ rows: Int, _ columns: Int, _ inner: Int, _ a: [Double], _ transposeA: Bool, _ b: [Double],
    _ transposeB: Bool
  ) -> [Double] {
    (0..<rows * columns).map { index in
      let (row, column) = (index / columns, index % columns)
      return (0..<inner).reduce(0) {
        $0 + a[transposeA ? $1 * rows + row : row * inner + $1]
          * b[transposeB ? column * inner + $1 : $1 * columns + column]
      }
    }
  }

  @Test(arguments: [false, true], [false, true])
  func products(transposeA: Bool, transposeB: Bool) throws {
    let blas = try OpenBLAS.load()
    for (rows, columns, inner) in [(1, 1, 1), (3, 5, 7), (33, 17, 65)] {
      let (a, b) = (Self.normals(1, rows * inner), Self.normals(2, inner * columns))
      let expected = Self.product(rows, columns, inner, a, transposeA, b, transposeB)
      var found = [Double](repeating: .nan, count: rows * columns)
      for (isSecond, factor) in [(false, 1.0), (true, 2)] {
        blas.multiply(
          rows: rows, columns: columns, inner: inner, a, transposeA: transposeA, b,
          transposeB: transposeB, into: &found, accumulate: isSecond)
        expectClose(found, expected.map { factor * $0 }, absolute: 1e-12)
      }
    }
  }

  @Test func productsWithTheTranspose() throws {
    let a = Self.normals(3, 9 * 14)
    var found = [Double](repeating: 77, count: 81)
    try OpenBLAS.load().multiplyByTranspose(rows: 9, inner: 14, a, into: &found)
    let expected = Self.product(9, 9, 14, a, false, a, true)
    for row in 0..<9 {
      for column in 0..<9 {
        let wanted = column <= row ? expected[row * 9 + column] : 77
        expectClose(found[row * 9 + column], wanted, absolute: 1e-12, "\(row), \(column)")
      }
    }
  }

  /// A V = V L, with vectors of length 1 at right angles, in ascending order.
  @Test(arguments: [1, 2, 30, 100]) func eigenvalues(order: Int) throws {
    let blas = try OpenBLAS.load()
    let half = Self.normals(4, order * order)
    let matrix = half.indices.map { half[$0] + half[$0 % order * order + $0 / order] }
    var vectors = matrix
    // Only the lower triangle is read.
    for row in 0..<order {
      for column in row + 1..<max(order, row + 1) { vectors[row * order + column] = .nan }
    }
    let values = try blas.symmetricEigenvalues(&vectors, order: order, vectors: true)
    #expect(zip(values, values.dropFirst()).allSatisfy { $0 <= $1 })
    let images = Self.product(order, order, order, vectors, false, matrix, true)
    let scaled = vectors.indices.map { vectors[$0] * values[$0 / order] }
    expectClose(images, scaled, absolute: 1e-11)
    let angles = Self.product(order, order, order, vectors, false, vectors, true)
    let unit = (0..<order * order).map { $0 / order == $0 % order ? 1.0 : 0 }
    expectClose(angles, unit, absolute: 1e-12)
    var copy = matrix
    let alone = try blas.symmetricEigenvalues(&copy, order: order, vectors: false)
    expectClose(alone, values, absolute: 1e-11)
  }

  @Test func eigenvaluesByHand() throws {
    let blas = try OpenBLAS.load()
    var matrix = [2.0, 1, 1, 2]
    expectClose(
      try blas.symmetricEigenvalues(&matrix, order: 2, vectors: false), [1, 3], absolute: 1e-15)
    var none: [Double] = []
    #expect(try blas.symmetricEigenvalues(&none, order: 0, vectors: true).isEmpty)
  }
}

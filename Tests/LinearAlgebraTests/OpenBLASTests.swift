import LinearAlgebra
import TestSupport
import Testing

@Suite struct OpenBLASTests {
  struct Sizes: Sendable, CustomStringConvertible {
    var rows: Int
    var columns: Int
    var inner: Int
    var description: String { "\(rows)x\(inner) by \(inner)x\(columns)" }
  }

  static let sizes = [
    Sizes(rows: 1, columns: 1, inner: 1), Sizes(rows: 3, columns: 5, inner: 7),
    Sizes(rows: 17, columns: 1, inner: 9), Sizes(rows: 1, columns: 13, inner: 31),
    Sizes(rows: 33, columns: 47, inner: 65),
  ]

  @Test(arguments: sizes, [false, true])
  func agreesWithTheDefinition(sizes: Sizes, accumulate: Bool) throws {
    let blas = try OpenBLAS.load()
    for (transposeA, transposeB) in [(false, false), (true, false), (false, true), (true, true)] {
      var data = TestData(seed: 1)
      let a = data.normals(sizes.rows * sizes.inner)
      let b = data.normals(sizes.inner * sizes.columns)
      // What a product overwrites may be anything, NaN too.
      let count = sizes.rows * sizes.columns
      let before = accumulate ? data.normals(count) : nanFilled(count)
      let product = {
        (
          multiply: (UnsafePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>) ->
            Void
        ) in
        try before.changed { c in
          try a.read { a in
            try b.read { b in
              multiply(
                try #require(a.baseAddress), try #require(b.baseAddress),
                try #require(c.baseAddress))
            }
          }
        }
      }
      let found = try product { a, b, c in
        blas.multiply(
          rows: sizes.rows, columns: sizes.columns, inner: sizes.inner, a, transposeA: transposeA,
          b,
          transposeB: transposeB, into: c, accumulate: accumulate)
      }
      let expected = try product { a, b, c in
        NaiveMatrix.multiply(
          rows: sizes.rows, columns: sizes.columns, inner: sizes.inner, a, transposeA: transposeA,
          b,
          transposeB: transposeB, into: c, accumulate: accumulate)
      }
      expectClose(
        found, expected, absolute: 1e-5, relative: 1e-5, "transposed: \(transposeA), \(transposeB)")
    }
  }

  @Test func tellsWhatItIs() throws {
    let blas = try OpenBLAS.load()
    #expect(blas.configuration.hasPrefix("OpenBLAS "))
    #expect(!blas.kernel.isEmpty)
  }

  /// The oracle itself, by hand: [1 2; 3 4] [5 6; 7 8] and its transposes.
  @Test func theOracleByHand() {
    let a: [Float] = [1, 2, 3, 4]
    let b: [Float] = [5, 6, 7, 8]
    let product = { (transposeA: Bool, transposeB: Bool, accumulate: Bool) in
      ([1, 1, 1, 1] as [Float]).changed {
        guard let c = $0.baseAddress else { return }
        NaiveMatrix.multiply(
          rows: 2, columns: 2, inner: 2, a, transposeA: transposeA, b, transposeB: transposeB,
          into: c,
          accumulate: accumulate)
      }
    }
    #expect(product(false, false, false) == [19, 22, 43, 50])
    #expect(product(false, false, true) == [20, 23, 44, 51])
    #expect(product(true, false, false) == [26, 30, 38, 44])
    #expect(product(false, true, false) == [17, 23, 39, 53])
  }
}

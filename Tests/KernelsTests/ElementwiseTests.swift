import Base
import Kernels
import TestSupport
import Testing

@Suite struct ElementwiseTests {
  /// Lanes of eight with every tail.
  static let counts = Array(0...17) + [31, 1001]

  @Test(arguments: counts)
  func leakyReLU(count: Int) {
    var data = TestData(seed: 1)
    let x = data.normals(count)
    let dy = data.normals(count)
    for slope: Float in [0, 0.2, 1] {
      let y = x.read { x in withOutput(count) { Elementwise.leakyReLU(x, slope: slope, into: $0) } }
      expectSameBits(y, x.map { $0 > 0 ? $0 : $0 * slope })
      let dx = dy.read { dy in
        y.read { y in
          withOutput(count) { Elementwise.leakyReLUGradient(dy, output: y, slope: slope, into: $0) }
        }
      }
      expectSameBits(dx, zip(x, dy).map { $0 > 0 ? $1 : $1 * slope })
      // In place.
      expectSameBits(
        x.changed { Elementwise.leakyReLU(FloatBuffer($0), slope: slope, into: $0) }, y)
      expectSameBits(
        dy.changed { dy in
          y.read {
            Elementwise.leakyReLUGradient(FloatBuffer(dy), output: $0, slope: slope, into: dy)
          }
        }, dx)
    }
  }

  /// At the kink the slope holds, in the lanes and in the tail; NaN stays NaN.
  @Test func kink() {
    let x: [Float] = [0, -0.0, 1, -1, 0, 0, 0, 0, 0, -0.0, .leastNonzeroMagnitude]
    let dy = [Float](repeating: 3, count: x.count)
    let dx = dy.read { dy in
      x.read { y in
        withOutput(x.count) { Elementwise.leakyReLUGradient(dy, output: y, slope: 0.5, into: $0) }
      }
    }
    #expect(dx == [1.5, 1.5, 3, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 3])
    for count in [3, 8] {
      let nan = nanFilled(count).read { x in
        withOutput(count) { output in
          output.update(repeating: 0)
          Elementwise.leakyReLU(x, slope: 0.2, into: output)
        }
      }
      #expect(nan.allSatisfy { $0.isNaN })
    }
  }

  @Test(arguments: counts)
  func sumsAndScales(count: Int) {
    var data = TestData(seed: 3)
    let x = data.normals(count)
    let y = data.normals(count)
    x.read { xs in
      expectSameBits(y.changed { Elementwise.add(xs, to: $0) }, zip(x, y).map { $1 + $0 })
      expectSameBits(
        withOutput(count) { Elementwise.scale(xs, by: 1.7, into: $0) }, x.map { $0 * 1.7 })
      y.read { ys in
        expectSameBits(
          withOutput(count) { Elementwise.multiply(xs, ys, into: $0) }, zip(x, y).map { $0 * $1 })
      }
      expectClose(
        Elementwise.sumOfSquares(xs), x.reduce(0.0) { $0 + Double($1) * Double($1) }, absolute: 0,
        relative: 1e-14)
    }
  }

  /// Squares of large and of small numbers: Float would overflow or vanish.
  @Test func squaresAreSummedInDouble() {
    let large = [Float](repeating: 1e30, count: 9)
    expectClose(large.read { Elementwise.sumOfSquares($0) }, 9e60, absolute: 0, relative: 1e-6)
    let small = [Float](repeating: 1e-30, count: 9)
    expectClose(small.read { Elementwise.sumOfSquares($0) }, 9e-60, absolute: 0, relative: 1e-6)
  }

  @Test(arguments: counts)
  func interpolation(count: Int) {
    var data = TestData(seed: 4)
    let x = data.normals(count)
    let z = data.normals(count)
    for weight: Float in [0, 0.3, 1] {
      let y = x.read { x in
        z.read { z in withOutput(count) { Elementwise.interpolate(x, z, weight: weight, into: $0) }
        }
      }
      expectSameBits(y.map { $0 + 0 }, zip(x, z).map { weight * $0 + (1 - weight) * $1 + 0 })
    }
  }

  @Test(arguments: [1, 3, 8, 11, 17], [0, 1, 5])
  func rows(channels: Int, rows: Int) {
    var data = TestData(seed: 5)
    let row = data.normals(channels)
    let x = data.normals(rows * channels, mean: 2)
    let start = data.normals(channels)
    row.read { row in
      let added = x.changed { Elementwise.addToRows(row, of: $0) }
      expectSameBits(added, x.enumerated().map { $0.element + row[$0.offset % channels] })
    }
    let sums = x.read { x in start.changed { Elementwise.addColumnSums(x, rows: rows, to: $0) } }
    let expected = (0..<channels).map { c in
      start[c] + Float((0..<rows).reduce(0.0) { $0 + Double(x[$1 * channels + c]) })
    }
    expectSameBits(sums, expected)
  }

  /// A long column of either sign: in Float the small terms would be lost.
  @Test(arguments: [1, 8])
  func columnSumsAreInDouble(channels: Int) {
    let x = ([1e8] + [Float](repeating: 1, count: 1000) + [-1e8]).flatMap {
      [Float](repeating: $0, count: channels)
    }
    let sums = x.read { x in
      [Float](repeating: 0, count: channels).changed {
        Elementwise.addColumnSums(x, rows: 1002, to: $0)
      }
    }
    #expect(sums == [Float](repeating: 1000, count: channels))
  }
}

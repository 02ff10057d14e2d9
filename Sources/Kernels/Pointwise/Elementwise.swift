import Base

/// Kernels that treat every value alike.
///
/// Outputs are overwritten unless the name says add; an output may be one of the inputs.
package enum Elementwise {
  /// Adds `row` to each row of y.
  package static func addToRows(_ row: FloatBuffer, of y: MutableFloatBuffer) {
    precondition(
      !row.isEmpty && y.count % row.count == 0, "\(y.count) values are no rows of \(row.count)")
    var first = 0
    while first < y.count {
      add(row, to: MutableFloatBuffer(rebasing: y[first..<first + row.count]))
      first += row.count
    }
  }

  /// y = x where x > 0, slope * x elsewhere.
  ///
  /// Slope 0 is ReLU.
  package static func leakyReLU(
    _ x: FloatBuffer, slope: Float, into y: MutableFloatBuffer
  ) {
    precondition(x.count == y.count, "leakyReLU of \(x.count) values into \(y.count)")
    guard let x = x.baseAddress, let target = y.baseAddress else { return }
    let zero = SIMD8<Float>.zero
    var index = 0
    while index + 8 <= y.count {
      let value = x.lanes(index)
      target.setLanes(index, (value * slope).replacing(with: value, where: value .> zero))
      index += 8
    }
    while index < y.count {
      let value = x[index]
      target[index] = value > 0 ? value : value * slope
      index += 1
    }
  }

  /// dx = dy where y > 0, slope * dy elsewhere, y being the output of `leakyReLU`: with slope >= 0
  /// its sign tells which side of the kink x was on, and at the kink itself the slope holds, as in
  /// PyTorch.
  ///
  /// With a direction t for dy this is also J t.
  package static func leakyReLUGradient(
    _ dy: FloatBuffer, output y: FloatBuffer, slope: Float, into dx: MutableFloatBuffer
  ) {
    precondition(
      dy.count == dx.count && y.count == dx.count,
      "leakyReLUGradient of \(dy.count) and \(y.count) values into \(dx.count)")
    guard let dy = dy.baseAddress, let y = y.baseAddress, let target = dx.baseAddress else {
      return
    }
    let zero = SIMD8<Float>.zero
    var index = 0
    while index + 8 <= dx.count {
      let value = dy.lanes(index)
      target.setLanes(index, (value * slope).replacing(with: value, where: y.lanes(index) .> zero))
      index += 8
    }
    while index < dx.count {
      target[index] = y[index] > 0 ? dy[index] : dy[index] * slope
      index += 1
    }
  }

  /// y = a x + (1 - a) z for one sample, as the published Fashion-MNIST system forms an
  /// interpolate: a rounds once for each product.
  package static func interpolate(
    _ x: FloatBuffer, _ z: FloatBuffer, weight a: Float, into y: MutableFloatBuffer
  ) {
    precondition(
      x.count == y.count && z.count == y.count,
      "interpolation of \(x.count) and \(z.count) values into \(y.count)")
    for index in 0..<y.count { y[index] = a * x[index] + (1 - a) * z[index] }
  }

  /// y = scale * x.
  package static func scale(_ x: FloatBuffer, by scale: Float, into y: MutableFloatBuffer) {
    precondition(x.count == y.count, "scaling of \(x.count) values into \(y.count)")
    guard let x = x.baseAddress, let target = y.baseAddress else { return }
    var index = 0
    while index + 8 <= y.count {
      target.setLanes(index, x.lanes(index) * scale)
      index += 8
    }
    while index < y.count {
      target[index] = x[index] * scale
      index += 1
    }
  }

  /// z = x y, value by value.
  package static func multiply(
    _ x: FloatBuffer, _ y: FloatBuffer, into z: MutableFloatBuffer
  ) {
    precondition(
      x.count == z.count && y.count == z.count,
      "product of \(x.count) and \(y.count) values into \(z.count)")
    guard let x = x.baseAddress, let y = y.baseAddress, let target = z.baseAddress else { return }
    var index = 0
    while index < z.count {
      target.setLanes(
        index, of: z.count, x.lanes(index, of: z.count) * y.lanes(index, of: z.count))
      index += 8
    }
  }

  /// y += x.
  package static func add(_ x: FloatBuffer, to y: MutableFloatBuffer) {
    precondition(x.count == y.count, "addition of \(x.count) values to \(y.count)")
    guard let x = x.baseAddress, let target = y.baseAddress else { return }
    var index = 0
    while index + 8 <= y.count {
      target.setLanes(index, target.lanes(index) + x.lanes(index))
      index += 8
    }
    while index < y.count {
      target[index] += x[index]
      index += 1
    }
  }

  /// Replaces vector 0 by ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)), the sum of 1, 2, 4 or 8
  /// vectors.
  ///
  /// Vector i begins at `x + i * stride` and has `count` values.
  package static func halvingSum(
    _ x: UnsafeMutablePointer<Float>, vectors: Int, stride: Int, count: Int
  ) {
    precondition([1, 2, 4, 8].contains(vectors), "a halving sum of \(vectors) vectors")
    @inline(__always)
    func pair(_ index: Int, _ first: Int) -> SIMD8<Float> {
      x.lanes(index + first * stride) + x.lanes(index + (first + 1) * stride)
    }
    var index = 0
    while index + 8 <= count {
      switch vectors {
      case 2: x.setLanes(index, pair(index, 0))
      case 4: x.setLanes(index, pair(index, 0) + pair(index, 2))
      case 8:
        x.setLanes(
          index, (pair(index, 0) + pair(index, 2)) + (pair(index, 4) + pair(index, 6)))
      default: return
      }
      index += 8
    }
    while index < count {
      var distance = 1
      while distance < vectors {
        for target in Swift.stride(from: 0, to: vectors, by: 2 * distance) {
          x[index + target * stride] += x[index + (target + distance) * stride]
        }
        distance *= 2
      }
      index += 1
    }
  }

  /// The sum of squares, in Double: as `product`.
  package static func sumOfSquares(_ x: FloatBuffer) -> Double { product(x, x) }

  /// The sum of the products of x's values with y's, in Double: eight lanes, added from the first
  /// to the last at the end.
  package static func product(_ x: FloatBuffer, _ y: FloatBuffer) -> Double {
    precondition(x.count == y.count, "a product of \(x.count) values with \(y.count)")
    guard let first = x.baseAddress, let second = y.baseAddress else { return 0 }
    var lanes = SIMD8<Double>.zero
    var index = 0
    while index + 8 <= x.count {
      lanes = lanes.addingProduct(
        SIMD8<Double>(first.lanes(index)), SIMD8<Double>(second.lanes(index)))
      index += 8
    }
    var sum = 0.0
    for lane in 0..<8 { sum += lanes[lane] }
    while index < x.count {
      sum += Double(first[index]) * Double(second[index])
      index += 1
    }
    return sum
  }

  /// sums[c] += the sum over all rows of x (rows x channels), from the first row to the last.
  package static func addColumnSums(
    _ x: FloatBuffer, rows: Int, to sums: UnsafeMutableBufferPointer<Double>
  ) {
    let columns = sums.count
    precondition(
      x.count == rows * columns, "column sums of \(x.count) values, expected \(rows * columns)")
    guard let x = x.baseAddress, let sums = sums.baseAddress else { return }
    addColumns(x, rows: rows, stride: columns, to: sums, count: columns)
  }

  /// sums[c] += the sum over all rows of x (rows x channels), in Double: a bias's gradient has up
  /// to hundreds of thousands of terms of either sign.
  package static func addColumnSums(
    _ x: FloatBuffer, rows: Int, to sums: MutableFloatBuffer
  ) {
    let channels = sums.count
    precondition(
      x.count == rows * channels, "column sums of \(x.count) values, expected \(rows * channels)")
    guard let x = x.baseAddress else { return }
    // 1 KiB is what Swift certainly has on the stack.
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 128) { totals in
      guard let total = totals.baseAddress else { return }
      for first in Swift.stride(from: 0, to: channels, by: totals.count) {
        let count = min(totals.count, channels - first)
        total.initialize(repeating: 0, count: count)
        addColumns(x + first, rows: rows, stride: channels, to: total, count: count)
        for c in 0..<count { sums[first + c] += Float(total[c]) }
      }
    }
  }

  /// sums[c] += the sum over all rows of `count` columns.
  ///
  /// Four rows at a time, as `BatchNormalization` adds: memory is read nearly from end to end.
  @inline(__always)
  private static func addColumns(
    _ x: UnsafePointer<Float>, rows: Int, stride: Int, to sums: UnsafeMutablePointer<Double>,
    count: Int
  ) {
    let wide = count / 16 * 16
    for first in Swift.stride(from: 0, to: rows, by: 4) {
      let last = min(first + 4, rows)
      var c = 0
      while c < wide {
        var (left, right) = (sums.lanes(c), sums.lanes(c + 8))
        for row in first..<last {
          left += SIMD8<Double>(x.lanes(row * stride + c))
          right += SIMD8<Double>(x.lanes(row * stride + c + 8))
        }
        sums.setLanes(c, left)
        sums.setLanes(c + 8, right)
        c += 16
      }
      while c < count {
        for row in first..<last { sums[c] += Double(x[row * stride + c]) }
        c += 1
      }
    }
  }
}

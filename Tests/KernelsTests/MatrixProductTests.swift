import Base
import Kernels
import TestSupport
import Testing

@Suite struct MatrixProductTests {
  /// Where the shards of x and y lie: one behind the other, or apart in one of the two.
  enum Gap: CaseIterable { case none, inX, inY }

  /// Each shard's product by its definition; nothing is written between the shards.
  @Test(
    arguments: Gap.allCases,
    [
      (7, 37, 45), (6, 530, 32), (1, 16, 16), (13, 100, 128), (4, 3, 1), (210, 20, 70),
      (9, 420, 400), (40, 420, 400),
    ])
  func productsOfShards(gap: Gap, sizes: (Int, Int, Int)) {
    let (samples, inner, columns) = sizes
    let shards = 4
    var data = TestData(seed: 8)
    let (xStep, yStep) = (
      samples * inner + (gap == .inX ? 5 : 0), samples * columns + (gap == .inY ? 3 : 0)
    )
    let x = data.normals(shards * xStep)
    let weight = data.normals(columns * inner)
    let offset = data.normals(columns)
    let geometry = ConvolutionGeometry(inputs: inner, outputs: columns)
    let transposed = FloatStorage(count: Convolution.transposedCount(geometry))
    transposed.buffer.update(repeating: .nan)
    weight.read { weight in
      for part in 0..<3 {
        MatrixProduct.transpose(
          weight, rows: columns, columns: inner, into: transposed.buffer, part: part, of: 3)
      }
    }
    let y = FloatStorage(count: shards * yStep)
    y.buffer.update(repeating: 7)
    x.read { x in
      offset.read { offset in
        MatrixProduct.multiply(
          shards: 1..<shards, columns: columns, inner: inner,
          { FloatBuffer(rebasing: x[$0 * xStep..<$0 * xStep + samples * inner]) },
          factor: .panels(FloatBuffer(transposed.buffer)), offset: offset
        ) { MutableFloatBuffer(rebasing: y.buffer[$0 * yStep..<$0 * yStep + samples * columns]) }
      }
    }
    var expected = [Float](repeating: 7, count: y.count)
    for shard in 1..<shards {
      for sample in 0..<samples {
        for column in 0..<columns {
          var sum = Double(offset[column])
          for k in 0..<inner {
            sum +=
              Double(x[shard * xStep + sample * inner + k]) * Double(weight[column * inner + k])
          }
          expected[shard * yStep + sample * columns + column] = Float(sum)
        }
      }
    }
    expectClose(
      Array(y.buffer), expected, absolute: 1e-5 * Double(inner).squareRoot(), relative: 1e-5)
  }

  /// A row-major factor gives the bits of the same in panels.
  @Test(arguments: [(5, 37, 48), (24, 520, 16), (12, 1, 80)])
  func factorAsItLies(sizes: (Int, Int, Int)) {
    let (samples, inner, columns) = sizes
    var data = TestData(seed: 9)
    let x = data.normals(samples * inner)
    // inner x columns, and its transpose, whose transpose in panels it is.
    let matrix = data.normals(inner * columns)
    let turned = (0..<columns * inner).map { matrix[$0 % inner * columns + $0 / inner] }
    let geometry = ConvolutionGeometry(inputs: inner, outputs: columns)
    let panels = FloatStorage(count: Convolution.transposedCount(geometry))
    turned.read {
      MatrixProduct.transpose(
        $0, rows: columns, columns: inner, into: panels.buffer, part: 0, of: 1)
    }
    func product(_ factor: MatrixProduct.Factor) -> [Float] {
      withOutput(samples * columns) { y in
        x.read { x in
          MatrixProduct.multiply(
            shards: 0..<1, columns: columns, inner: inner, { _ in x }, factor: factor, offset: nil
          ) { _ in y }
        }
      }
    }
    let found = matrix.read { product(.matrix($0)) }
    expectSameBits(found, product(.panels(FloatBuffer(panels.buffer))))
  }
}

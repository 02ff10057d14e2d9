import Kernels
import TestSupport
import Testing

@Suite struct RearrangementTests {
  typealias Layout = (channels: Int, pixels: Int)

  /// The place in memory of value `l` in PyTorch's order.
  private func place(_ l: Int, _ layout: Layout) -> Int {
    l % layout.pixels * layout.channels + l / layout.pixels
  }

  @Test(
    arguments: [(1, 30), (30, 1), (5, 6), (3, 10), (10, 3)], [(1, 30), (30, 1), (5, 6), (2, 15)])
  func reshape(from: (Int, Int), to: (Int, Int)) {
    var data = TestData(seed: 1)
    let samples = 3
    let x = data.normals(samples * 30)
    let y = x.read { x in
      withOutput(x.count) {
        Rearrangement.reshape(
          x, from: (from.0, from.1), to: (to.0, to.1), samples: samples, into: $0)
      }
    }
    var expected = nanFilled(x.count)
    for sample in 0..<samples {
      for l in 0..<30 {
        expected[sample * 30 + place(l, (to.0, to.1))] = x[sample * 30 + place(l, (from.0, from.1))]
      }
    }
    expectSameBits(y, expected)
  }

  @Test(arguments: [(5, 12, 3, 8), (4, 6, 4, 6), (2, 9, 1, 9)])
  func cropAndPad(sizes: (Int, Int, Int, Int)) {
    let (large, small) = ((sizes.0, sizes.1), (sizes.2, sizes.3))
    var data = TestData(seed: 2)
    let images = 2
    let x = data.normals(images * large.0 * large.1)
    let cropped = x.read { x in
      withOutput(images * small.0 * small.1) {
        Rearrangement.crop(
          x, large: (large.0, large.1), small: (small.0, small.1), images: images, into: $0)
      }
    }
    var expected: [Float] = []
    var padded: [Float] = []
    for (index, value) in x.enumerated() {
      let isInside = index % large.1 < small.1 && index / large.1 % large.0 < small.0
      if isInside { expected.append(value) }
      padded.append(isInside ? value : 0)
    }
    expectSameBits(cropped, expected)
    expectSameBits(
      cropped.read { y in
        withOutput(x.count) {
          Rearrangement.pad(
            y, large: (large.0, large.1), small: (small.0, small.1), images: images, into: $0)
        }
      }, padded)
  }

  @Test(arguments: [0..<3, 2..<7, 6..<9, 4..<4, 0..<9])
  func partsOfRows(columns: Range<Int>) {
    var data = TestData(seed: 5)
    let (rows, width) = (4, 9)
    let x = data.normals(rows * columns.count)
    let y = data.normals(rows * width)
    let placed = x.read { x in
      y.changed { Rearrangement.place(x, inColumns: columns, of: $0, width: width) }
    }
    expectSameBits(
      placed,
      y.indices.map {
        columns.contains($0 % width)
          ? x[$0 / width * columns.count + $0 % width - columns.lowerBound] : y[$0]
      })
    let taken = placed.read { placed in
      withOutput(x.count) {
        Rearrangement.take(columns: columns, of: placed, width: width, into: $0)
      }
    }
    expectSameBits(taken, x)
  }

  @Test(arguments: [(3, 4, 2), (1, 1, 5), (0, 3, 2), (4, 8, 0)])
  func columns(sizes: (Int, Int, Int)) {
    let (rows, width, added) = sizes
    var data = TestData(seed: 3)
    let x = data.normals(rows * width)
    let row = data.normals(added)
    let y = x.read { x in
      row.read { row in
        withOutput(rows * (width + added)) {
          Rearrangement.append(row, to: x, rows: rows, into: $0)
        }
      }
    }
    expectSameBits(
      y, (0..<rows).flatMap { Array(x[$0 * width..<($0 + 1) * width]) + row })
    let start = data.normals(added)
    let d = data.normals(y.count)
    d.read { d in
      expectSameBits(
        withOutput(x.count) { Rearrangement.dropColumns(added, of: d, rows: rows, into: $0) },
        d.indices.filter { $0 % (width + added) < width }.map { d[$0] })
      expectSameBits(
        start.changed { Rearrangement.addLastColumnSums(d, rows: rows, to: $0) },
        (0..<added).map { column in
          start[column]
            + Float(
              (0..<rows).reduce(0.0) { $0 + Double(d[$1 * (width + added) + width + column]) })
        })
    }
  }
}

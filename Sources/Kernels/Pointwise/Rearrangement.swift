import Base

/// Copies of values to other places, and their adjoints.
///
/// Images are channels last. Outputs are overwritten unless the name says add, and may not be
/// inputs.
package enum Rearrangement {
  /// A reshape as PyTorch means it: the values keep their order with channels first.
  ///
  /// Value l of a sample in PyTorch's order, with l = c P + p for P pixels a sample, is channel c
  /// of pixel p. The adjoint is the reshape back.
  ///
  /// `from` and `to` are channels and pixels of a sample of x and of y, with as many values.
  package static func reshape(
    _ x: FloatBuffer, from: (channels: Int, pixels: Int), to: (channels: Int, pixels: Int),
    samples: Int, into y: MutableFloatBuffer
  ) {
    let count = from.channels * from.pixels
    precondition(
      to.channels * to.pixels == count && x.count == samples * count && y.count == x.count,
      "reshape of \(samples) samples of \(from) to \(to): \(x.count) into \(y.count) values")
    guard let x = x.baseAddress, let y = y.baseAddress else { return }
    let isPlain = { (shape: (channels: Int, pixels: Int)) in
      shape.channels == 1 || shape.pixels == 1
    }
    if from == to || isPlain(from) && isPlain(to) {
      return y.update(from: x, count: samples * count)
    }
    for sample in 0..<samples {
      let (source, target) = (x + sample * count, y + sample * count)
      var (channel, pixel) = (0, 0)
      for c in 0..<to.channels {
        for p in 0..<to.pixels {
          target[p * to.channels + c] = source[pixel * from.channels + channel]
          pixel += 1
          if pixel == from.pixels { (channel, pixel) = (channel + 1, 0) }
        }
      }
    }
  }

  /// y = the first rows and columns of x.
  ///
  /// `large` and `small` are the rows of an image in x and in y, and the values of a row (columns x
  /// channels).
  package static func crop(
    _ x: FloatBuffer, large: (rows: Int, count: Int), small: (rows: Int, count: Int), images: Int,
    into y: MutableFloatBuffer
  ) {
    check(x.count, y.count, large, small, images, "crop")
    guard let x = x.baseAddress, let y = y.baseAddress else { return }
    for image in 0..<images {
      for row in 0..<small.rows {
        (y + (image * small.rows + row) * small.count).update(
          from: x + (image * large.rows + row) * large.count, count: small.count)
      }
    }
  }

  /// The adjoint of `crop`: y in the first rows and columns of x, zeros elsewhere.
  package static func pad(
    _ y: FloatBuffer, large: (rows: Int, count: Int), small: (rows: Int, count: Int), images: Int,
    into x: MutableFloatBuffer
  ) {
    check(x.count, y.count, large, small, images, "pad")
    x.update(repeating: 0)
    guard let x = x.baseAddress, let y = y.baseAddress else { return }
    for image in 0..<images {
      for row in 0..<small.rows {
        (x + (image * large.rows + row) * large.count).update(
          from: y + (image * small.rows + row) * small.count, count: small.count)
      }
    }
  }

  private static func check(
    _ x: Int, _ y: Int, _ large: (rows: Int, count: Int), _ small: (rows: Int, count: Int),
    _ images: Int, _ what: String
  ) {
    precondition(
      small.rows <= large.rows && small.count <= large.count
        && x == images * large.rows * large.count && y == images * small.rows * small.count,
      "\(what) of \(images) images of \(large) and \(small): \(x) and \(y) values")
  }

  /// y = x with `row` (n values) behind the c values of each row: rows of c + n values.
  package static func append(
    _ row: FloatBuffer, to x: FloatBuffer, rows: Int, into y: MutableFloatBuffer
  ) {
    let added = row.count
    precondition(
      y.count == x.count + rows * added,
      "\(added) values to each of \(rows) rows: \(x.count) into \(y.count) values")
    guard rows > 0, let x = x.baseAddress, let target = y.baseAddress,
      let row = row.baseAddress
    else { return }
    let width = y.count / rows
    for index in 0..<rows {
      (target + index * width).update(from: x + index * (width - added), count: width - added)
      (target + index * width + width - added).update(from: row, count: added)
    }
  }

  /// y = x without the last `dropping` values of each row: the adjoint of `append` for x.
  package static func dropColumns(
    _ dropping: Int, of x: FloatBuffer, rows: Int, into y: MutableFloatBuffer
  ) {
    precondition(
      x.count == y.count + rows * dropping,
      "\(rows) rows without \(dropping) values: \(x.count) into \(y.count) values")
    crop(
      x, large: (rows, x.count / max(1, rows)), small: (rows, y.count / max(1, rows)), images: 1,
      into: y)
  }

  /// y[:, columns] = x for rows of `width` values: a part of the channels of each pixel.
  ///
  /// x has as many values a row as there are `columns`; y's others stay as they are.
  package static func place(
    _ x: FloatBuffer, inColumns columns: Range<Int>, of y: MutableFloatBuffer, width: Int
  ) {
    let rows = checkedRows(y.count, part: x.count, columns, width, "place")
    guard let x = x.baseAddress, let y = y.baseAddress else { return }
    for row in 0..<rows {
      (y + row * width + columns.lowerBound).update(
        from: x + row * columns.count, count: columns.count)
    }
  }

  /// x = y[:, columns]: the adjoint of `place`.
  package static func take(
    columns: Range<Int>, of y: FloatBuffer, width: Int, into x: MutableFloatBuffer
  ) {
    let rows = checkedRows(y.count, part: x.count, columns, width, "take")
    guard let y = y.baseAddress, let x = x.baseAddress else { return }
    for row in 0..<rows {
      (x + row * columns.count).update(
        from: y + row * width + columns.lowerBound, count: columns.count)
    }
  }

  private static func checkedRows(
    _ whole: Int, part: Int, _ columns: Range<Int>, _ width: Int, _ what: String
  ) -> Int {
    let rows = whole / width
    precondition(
      rows * width == whole && rows * columns.count == part && columns.lowerBound >= 0
        && columns.upperBound <= width,
      "\(what) of columns \(columns) of \(width): \(whole) and \(part) values")
    return rows
  }

  /// sums += the sum over all rows of the last `sums.count` values of each row, in Double: the
  /// adjoint of `append` for the row.
  package static func addLastColumnSums(
    _ x: FloatBuffer, rows: Int, to sums: MutableFloatBuffer
  ) {
    guard rows > 0 else { return }
    let width = x.count / rows
    precondition(
      width * rows == x.count && width >= sums.count,
      "sums of \(sums.count) columns of \(rows) rows in \(x.count) values")
    for column in 0..<sums.count {
      var total = 0.0
      for row in 0..<rows { total += Double(x[(row + 1) * width - sums.count + column]) }
      sums[column] += Float(total)
    }
  }
}

import Base

/// Products of several shards' samples with one matrix: y_s = x_s B, plus an offset.
///
/// Shards that lie one behind the other are one matrix. Four panels of B serve all shards before
/// the next four are read: for few samples a large matrix would else come from memory once a shard.
package enum MatrixProduct {
  /// B, inner x columns.
  package enum Factor {
    /// In panels: the transposed filter of a convolution of one pixel
    /// (`Convolution.transposeFilter`).
    case panels(FloatBuffer)
    /// Row-major: whole panels of columns.
    case matrix(FloatBuffer)
  }

  /// Overwrites the shards' y with x B + offset.
  ///
  /// - Parameters:
  ///   - shards: The shards for which `x` and `y` are asked.
  ///   - columns: Columns of B and y.
  ///   - inner: Columns of x, rows of B.
  ///   - x: Gives a shard's x, samples x inner.
  ///   - factor: B, in panels or row-major.
  ///   - offset: A value a column, added to each row; nil for none.
  ///   - y: Gives a shard's y, samples x columns.
  package static func multiply(
    shards: Range<Int>, columns: Int, inner: Int, _ x: (_ shard: Int) -> FloatBuffer,
    factor: Factor, offset: FloatBuffer?, into y: (_ shard: Int) -> MutableFloatBuffer
  ) {
    guard let b = place(factor, columns: columns, inner: inner) else { return }
    precondition(offset == nil || offset?.count == columns, "an offset for \(columns) columns")
    let addend = offset?.baseAddress.map { Panels.Addend.row($0) } ?? .nothing
    let panels = Panels.panels(columns)
    withUnsafeTemporaryAllocation(of: Run.self, capacity: shards.count) { runs in
      let count = gather(shards, columns: columns, inner: inner, x, y, into: runs)
      func multiply(_ run: Run, _ rows: Range<Int>, _ panel: Int) {
        Panels.multiply(
          rows: rows.count, columns: columns, inner: inner,
          .matrix(run.x + rows.lowerBound * inner, columns: inner), b, adding: addend,
          into: run.y + rows.lowerBound * columns, panels: panel..<min(panel + 4, panels))
      }
      guard inner * columns > mostResident else {
        for run in runs[..<count] {
          for row in stride(from: 0, to: run.samples, by: rowsOfBlock) {
            for panel in stride(from: 0, to: panels, by: 4) {
              multiply(run, row..<min(row + rowsOfBlock, run.samples), panel)
            }
          }
        }
        return
      }
      for panel in stride(from: 0, to: panels, by: 4) {
        for run in runs[..<count] { multiply(run, 0..<run.samples, panel) }
      }
    }
  }

  /// Values of a B that stays in the second-level cache, beside a block of samples.
  private static let mostResident = 160 * 1024
  /// Samples of a block: a multiple of the rows that are computed at once.
  private static let rowsOfBlock = 96

  /// Samples that lie one behind the other, in x and in y.
  private struct Run: BitwiseCopyable {
    var x: UnsafePointer<Float>
    var y: UnsafeMutablePointer<Float>
    var samples: Int
  }

  /// - Returns: The number of runs, in the shards' order.
  private static func gather(
    _ shards: Range<Int>, columns: Int, inner: Int, _ x: (_ shard: Int) -> FloatBuffer,
    _ y: (_ shard: Int) -> MutableFloatBuffer, into runs: UnsafeMutableBufferPointer<Run>
  ) -> Int {
    var count = 0
    for shard in shards {
      let (values, target) = (x(shard), y(shard))
      let samples = values.count / inner
      precondition(
        target.count == samples * columns,
        "\(target.count) results of shard \(shard), expected \(samples * columns)")
      guard samples > 0, let values = values.baseAddress, let target = target.baseAddress else {
        continue
      }
      if count > 0, runs[count - 1].x + runs[count - 1].samples * inner == values,
        runs[count - 1].y + runs[count - 1].samples * columns == target
      {
        runs[count - 1].samples += samples
      } else {
        runs.initializeElement(at: count, to: Run(x: values, y: target, samples: samples))
        count += 1
      }
    }
    return count
  }

  /// Writes a row-major matrix's transpose in panels, as `Factor.panels` takes it.
  ///
  /// Threads divide the work: each makes `part` of `parts`. `target` has
  /// `Convolution.transposedCount` values.
  package static func transpose(
    _ matrix: FloatBuffer, rows: Int, columns: Int, into target: MutableFloatBuffer, part: Int,
    of parts: Int
  ) {
    precondition(
      matrix.count == rows * columns && target.count >= Panels.count(rows: columns, columns: rows),
      "\(matrix.count) values of \(rows) x \(columns) into \(target.count)")
    guard let matrix = matrix.baseAddress, let target = target.baseAddress else { return }
    Panels.transpose(
      rows: rows, columns: columns, .matrix(matrix, columns: columns), into: target, part: part,
      of: parts)
  }

  private static func place(_ factor: Factor, columns: Int, inner: Int) -> Panels.Factor? {
    switch factor {
    case .panels(let values):
      precondition(
        values.count >= Panels.count(rows: inner, columns: columns),
        "a matrix of \(values.count) values for \(inner) x \(columns)")
      return values.baseAddress.map { .panels($0, rows: inner) }
    case .matrix(let values):
      precondition(
        values.count == inner * columns && columns % 16 == 0,
        "a matrix of \(values.count) values for \(inner) x \(columns), in panels of 16")
      return values.baseAddress.map { .matrix($0, columns: columns) }
    }
  }
}

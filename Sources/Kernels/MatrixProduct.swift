/// Products of several shards' samples with one matrix: y_s = x_s B, plus an offset.
///
/// Four panels of B serve all shards before the next four are read: for few samples a large matrix
/// would else come from memory once a shard.
package enum MatrixProduct {
  /// B, inner x columns.
  package enum Factor {
    /// In panels: the transposed filter of a convolution of one pixel (`Convolution.transposeFilter`).
    case panels(FloatBuffer)
    /// Row-major: whole panels of columns.
    case matrix(FloatBuffer)
  }

  /// Overwrites the shards' y.
  ///
  /// - `offset`: `columns` values, or nil for none.
  /// - `x`, `y`: Give a shard's samples x inner and samples x columns.
  package static func multiply(
    shards: Range<Int>, columns: Int, inner: Int, _ x: (_ shard: Int) -> FloatBuffer,
    factor: Factor, offset: FloatBuffer?, into y: (_ shard: Int) -> MutableFloatBuffer
  ) {
    guard let b = place(factor, columns: columns, inner: inner) else { return }
    precondition(offset == nil || offset?.count == columns, "an offset for \(columns) columns")
    let addend = offset?.baseAddress.map { Panels.Addend.row($0) } ?? .nothing
    let panels = Panels.panels(columns)
    for panel in stride(from: 0, to: panels, by: 4) {
      for shard in shards {
        let (values, target) = (x(shard), y(shard))
        let samples = values.count / inner
        precondition(
          target.count == samples * columns,
          "\(target.count) results of shard \(shard), expected \(samples * columns)")
        guard samples > 0, let values = values.baseAddress, let target = target.baseAddress else {
          continue
        }
        Panels.multiply(
          rows: samples, columns: columns, inner: inner, .matrix(values, columns: inner), b,
          adding: addend, into: target, panels: panel..<min(panel + 4, panels))
      }
    }
  }

  /// A row-major matrix's transpose in panels, as `Factor.panels` takes it.
  ///
  /// - `target`: `Convolution.transposedCount` values.
  /// - `part`, `parts`: One of so many shares of the work, for a thread.
  package static func transpose(
    _ matrix: FloatBuffer, rows: Int, columns: Int, into target: MutableFloatBuffer, part: Int,
    of parts: Int
  ) {
    precondition(
      matrix.count == rows * columns && target.count >= Panels.count(rows: columns, columns: rows),
      "\(matrix.count) values of \(rows) x \(columns) into \(target.count)")
    guard let matrix = matrix.baseAddress, let target = target.baseAddress else { return }
    Panels.transposeMatrix(
      rows: rows, columns: columns, matrix, into: target, part: part, of: parts)
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

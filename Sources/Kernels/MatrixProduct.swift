/// Products of several shards' samples with one matrix: y_s = x_s B, plus an offset.
///
/// Two panels of B serve all shards before the next two are read: for few samples a large matrix
/// would else come from memory once a shard.
package enum MatrixProduct {
  /// Scratch values for shards of up to `samples` samples.
  package static func scratchCount(shards: Int, samples: Int, inner: Int) -> Int {
    shards * Panels.count(rows: samples, columns: inner)
  }

  /// Overwrites the shards' y.
  ///
  /// - `matrix`: B, inner x columns in panels: the transposed or packed filter of a convolution of one
  ///   pixel (`Convolution.transposeFilter`, `packFilter`).
  /// - `offset`: `columns` values, or nil for none.
  /// - `x`, `y`: Give a shard's samples x inner and samples x columns.
  package static func multiply(
    shards: Range<Int>, columns: Int, inner: Int, _ x: (_ shard: Int) -> FloatBuffer,
    matrix: FloatBuffer, offset: FloatBuffer?, into y: (_ shard: Int) -> MutableFloatBuffer,
    scratch: MutableFloatBuffer
  ) {
    precondition(
      matrix.count >= Panels.count(rows: inner, columns: columns),
      "a matrix of \(matrix.count) values for \(inner) x \(columns)")
    precondition(offset == nil || offset?.count == columns, "an offset for \(columns) columns")
    guard let b = matrix.baseAddress, let start = scratch.baseAddress else { return }
    var place = 0
    for shard in shards {
      let samples = x(shard).count / inner
      guard samples > 0, let values = x(shard).baseAddress else { continue }
      let count = Panels.count(rows: samples, columns: inner)
      precondition(scratch.count >= place + count, "scratch of \(scratch.count) values")
      Panels.pack(rows: samples, columns: inner, values, into: start + place)
      place += count
    }
    let panels = Panels.panels(columns)
    for panel in stride(from: 0, to: panels, by: 2) {
      place = 0
      for shard in shards {
        let samples = x(shard).count / inner
        let target = y(shard)
        precondition(
          target.count == samples * columns,
          "\(target.count) results of shard \(shard), expected \(samples * columns)")
        guard samples > 0, let target = target.baseAddress else { continue }
        Panels.multiply(
          rows: samples, columns: columns, inner: inner, start + place, b,
          adding: offset?.baseAddress.map { .row($0) } ?? .nothing, into: target,
          panels: panel..<min(panel + 2, panels))
        place += Panels.count(rows: samples, columns: inner)
      }
    }
  }
}

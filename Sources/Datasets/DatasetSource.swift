/// Where samples come from: what a configuration's `data` section says.
package enum DatasetSource: Sendable, Equatable {
  /// MNIST's file format: the files of `split` in folder `path`, see `loadIDX`.
  case idx(path: String, split: DatasetSplit)
  /// Digits that the program draws: sample i is a function of (seed, i), see `GlyphDataset`.
  case glyphs(count: Int, seed: UInt64)

  /// Reads or draws the samples.
  ///
  /// - Parameters:
  ///   - range: of the values; bytes 0 and 255 become its ends.
  ///   - limit: at most so many samples, the first ones; nil for all of them.
  /// - Returns: the samples, in memory.
  /// - Throws: `DatasetError`, see `loadIDX`; also for a limit or count below 1 and a range without
  ///   an extent.
  package func open(range: ClosedRange<Float>, limit: Int? = nil) throws -> any Dataset {
    let low = range.lowerBound
    let high = range.upperBound
    guard low < high, (high - low).isFinite else {
      throw DatasetError(
        "data.range: found [\(low), \(high)], expected two finite numbers, the lower first")
    }
    if let limit, limit <= 0 {
      throw DatasetError("data.limit: found \(limit), expected 1 or more")
    }
    switch self {
    case .idx(let path, let split):
      return try loadIDX(directory: path, split: split, range: range, limit: limit)
    case .glyphs(let count, let seed):
      guard count > 0 else {
        throw DatasetError("data.count: found \(count), expected 1 or more")
      }
      return GlyphDataset.make(count: min(count, limit ?? count), seed: seed, range: range)
    }
  }
}

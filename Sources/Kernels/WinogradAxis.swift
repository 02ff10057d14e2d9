/// One dimension of a Winograd scheme: how the outputs are cut into tiles and the kernel into phases.
///
/// With stride s, y[p] = sum over a of w[a] x[s p - padding + a]. The taps a = s b + f of one remainder
/// f, a *phase*, meet the inputs of one remainder only: y is the sum over the phases of a convolution
/// of stride 1 with ceil((kernel - f) / s) taps.
package struct WinogradAxis: Sendable, Equatable {
  /// Outputs of a dimension that are computed together.
  struct Tile: Sendable, Equatable {
    var first: Int
    var size: Int
  }

  /// The part of the kernel that meets every s-th input.
  struct Phase: Sendable, Equatable {
    /// The first tap in the kernel: the others follow at distance `stride`.
    var first: Int
    var taps: Int
  }

  /// Tiles of more outputs are 6 and have three taps: the transforms are written for 8 points, not 7.
  static let largestPlainTile = 4
  /// The most taps of a phase for which they are written.
  package static let largestTaps = 3

  let stride: Int
  let padding: Int
  let inputs: Int
  /// In order, the larger first: sizes differ by at most one, or are 6 and 4.
  let tiles: [Tile]
  let phases: [Phase]

  /// - `largestTile`: 1 to 4, or 6.
  /// - Returns: nil where the kernel has too many taps a phase, or a phase has none; with tiles of 6, where
  ///   not all phases have three taps or the outputs cannot be cut in as many tiles of 6 and 4.
  init?(
    inputs: Int, outputs: Int, kernel: Int, stride: Int, padding: Int, largestTile: Int
  ) {
    guard kernel >= stride, (kernel + stride - 1) / stride <= Self.largestTaps,
      let sizes = Self.sizes(outputs: outputs, largestTile: largestTile)
    else { return nil }
    self.inputs = inputs
    self.stride = stride
    self.padding = padding
    phases = (0..<stride).map {
      Phase(first: $0, taps: (kernel - $0 + stride - 1) / stride)
    }
    var first = 0
    tiles = sizes.map { size in
      defer { first += size }
      return Tile(first: first, size: size)
    }
    guard largestTile <= Self.largestPlainTile || phases.allSatisfy({ $0.taps == 3 }) else {
      return nil
    }
  }

  /// The fewest tiles: a dimension has as many points as outputs, and taps - 1 more for every tile.
  private static func sizes(outputs: Int, largestTile: Int) -> [Int]? {
    let count = (outputs + largestTile - 1) / largestTile
    guard largestTile > largestPlainTile else {
      return (0..<count).map { outputs / count + ($0 < outputs % count ? 1 : 0) }
    }
    let (large, rest) = (outputs - 4 * count).quotientAndRemainder(dividingBy: 2)
    guard large >= 0, rest == 0 else { return nil }
    return (0..<count).map { $0 < large ? 6 : 4 }
  }

  /// Points at which the largest tile is evaluated.
  var points: Int { tiles[0].size + phases[0].taps - 1 }

  /// Points of a tile in a phase: its outputs and the taps overlap in one less than their sum.
  func points(_ tile: Tile, _ phase: Phase) -> Int { tile.size + phase.taps - 1 }

  /// The tiles that need a point: the first ones.
  func tileCount(usingPoint point: Int) -> Int {
    tiles.count { $0.size + phases[0].taps - 1 > point }
  }

  /// Whether some tile needs a point in a phase.
  func uses(_ phase: Phase, point: Int) -> Bool { points(tiles[0], phase) > point }

  /// Neighbouring tiles of one size.
  var runs: [Range<Int>] { runs { _ in true } }

  /// Neighbouring tiles of one size whose inputs in a phase are all inside, and the others one by one.
  func runs(_ phase: Phase) -> [Range<Int>] {
    runs { tile in
      let first = firstInput(tile, phase)
      return first >= 0 && first + (points(tile, phase) - 1) * stride < inputs
    }
  }

  private func runs(where isPlain: (Tile) -> Bool) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for (index, tile) in tiles.enumerated() {
      if let last = runs.last, tiles[index - 1].size == tile.size, isPlain(tiles[index - 1]),
        isPlain(tile)
      {
        runs[runs.count - 1] = last.lowerBound..<index + 1
      } else {
        runs.append(index..<index + 1)
      }
    }
    return runs
  }

  /// The input that a tile meets first in a phase; negative inside the padding.
  func firstInput(_ tile: Tile, _ phase: Phase) -> Int {
    tile.first * stride + phase.first - padding
  }
}

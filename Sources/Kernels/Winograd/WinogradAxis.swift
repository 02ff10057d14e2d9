/// One dimension of a Winograd scheme: how the outputs are cut into tiles and the kernel into
/// phases.
///
/// With stride s, y[p] = sum over a of w[a] x[s p - padding + a]. The taps a = s b + f of one
/// remainder f, a *phase*, meet the inputs of one remainder only: y is the sum over the phases of a
/// convolution of stride 1 with ceil((kernel - f) / s) taps.
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

  /// Tiles of more outputs are 6 and have three taps: the transforms are written for 8 points, not
  /// 7.
  static let largestPlainTile = 4
  /// The most taps of a phase for which they are written.
  package static let largestTaps = 3

  let stride: Int
  let padding: Int
  let inputs: Int
  let form: WinogradForm
  /// In order, the larger first: sizes differ by at most one, or are 6 and 4.
  let tiles: [Tile]
  let phases: [Phase]

  /// - Returns: nil where the kernel has too many taps a phase, or a phase has none; and where the
  ///   outputs are not what the form says.
  init?(
    inputs: Int, outputs: Int, kernel: Int, stride: Int, padding: Int, form: WinogradForm
  ) {
    guard kernel >= stride, (kernel + stride - 1) / stride <= Self.largestTaps else { return nil }
    self.inputs = inputs
    self.stride = stride
    self.padding = padding
    self.form = form
    phases = (0..<stride).map {
      Phase(first: $0, taps: (kernel - $0 + stride - 1) / stride)
    }
    switch form {
    case .filtering(let largestTile):
      guard
        largestTile <= Self.largestPlainTile || phases.allSatisfy({ $0.taps == 3 }),
        let sizes = Self.sizes(outputs: outputs, largestTile: largestTile)
      else { return nil }
      var first = 0
      tiles = sizes.map { size in
        defer { first += size }
        return Tile(first: first, size: size)
      }
    case .multiplication:
      let tile = Tile(first: 0, size: outputs)
      tiles = [tile]
      guard outputs <= Self.largestPlainTile, phases.allSatisfy({ isWhole(tile, $0) }) else {
        return nil
      }
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

  /// Whether the outputs of a tile are all coefficients of the product of a phase's inputs and
  /// taps: every input meets all taps, and no output meets padding alone.
  private func isWhole(_ tile: Tile, _ phase: Phase) -> Bool {
    let count = inputs(tile, phase)
    let first = firstInput(tile, phase)
    let next = first + count * stride
    return count > 0 && (0..<stride).contains(first) && (inputs..<inputs + stride).contains(next)
  }

  /// Points at which the largest tile is evaluated.
  var points: Int { points(tiles[0], phases[0]) }

  /// Points of a tile in a phase: coefficients of the product of its polynomials.
  func points(_ tile: Tile, _ phase: Phase) -> Int {
    switch form {
    case .filtering: tile.size + phase.taps - 1
    case .multiplication: tile.size
    }
  }

  /// Inputs that a tile meets in a phase.
  func inputs(_ tile: Tile, _ phase: Phase) -> Int {
    switch form {
    case .filtering: tile.size + phase.taps - 1
    case .multiplication: tile.size - phase.taps + 1
    }
  }

  /// The tiles that need a point: the first ones.
  func tileCount(usingPoint point: Int) -> Int {
    tiles.count { points($0, phases[0]) > point }
  }

  /// Whether some tile needs a point in a phase.
  func uses(_ phase: Phase, point: Int) -> Bool { points(tiles[0], phase) > point }

  /// Neighbouring tiles of one size.
  var runs: [Range<Int>] { runs { _ in true } }

  /// Neighbouring tiles of one size whose inputs in a phase are all inside, and the others one by
  /// one.
  func runs(_ phase: Phase) -> [Range<Int>] {
    runs { tile in
      let first = firstInput(tile, phase)
      return first >= 0 && first + (inputs(tile, phase) - 1) * stride < inputs
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
    let first = tile.first * stride + phase.first - padding
    return switch form {
    case .filtering: first
    // The first output meets it with its last tap only.
    case .multiplication: first + (phase.taps - 1) * stride
    }
  }

  /// The place in the kernel of a phase's coefficient: a product takes the taps in reverse.
  func tap(_ coefficient: Int, _ phase: Phase) -> Int {
    switch form {
    case .filtering: phase.first + coefficient * stride
    case .multiplication: phase.first + (phase.taps - 1 - coefficient) * stride
    }
  }
}

/// How outputs, inputs and taps of a dimension are polynomials.
package enum WinogradForm: Sendable, Equatable {
  /// Winograd's F(m, r): outputs and taps are evaluated, inputs are what multiplies their product.
  ///
  /// A tile has at most `largestTile` outputs: 1 to 4; or 6, where all phases have three taps and
  /// the outputs can be cut in as many tiles of 6 and 4.
  case filtering(largestTile: Int)
  /// Toom and Cook's product, its transpose: inputs and taps are evaluated, and all coefficients of
  /// their product are outputs.
  ///
  /// Only where every input meets all taps of its phase, and every output an input in each: a 3x3
  /// kernel of stride 2 on 7x7 inputs padded by 1, with 64 products where filtering takes 81. Up to
  /// 4 outputs.
  case multiplication
}

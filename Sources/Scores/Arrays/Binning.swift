import Base
import Configuration
import Foundation

/// How a quantity's histogram is to be binned.
package struct BinningSettings: Sendable, Equatable {
  package enum Scale: String, Sendable, CaseIterable { case linear, log }

  package var bins = 50
  /// The ends; nil for the least and the greatest of the reals' values, on a logarithmic scale the
  /// least above 0.
  package var from: Double?
  package var to: Double?
  package var scale = Scale.linear
  /// Standard deviations on both sides of the most frequent value: the ends are moved in to them.
  package var around: Double?

  package init(
    bins: Int = 50, from: Double? = nil, to: Double? = nil, scale: Scale = .linear,
    around: Double? = nil
  ) {
    self.bins = bins
    self.from = from
    self.to = to
    self.scale = scale
    self.around = around
  }

  /// - Parameter options: Of a quantity.
  /// - Throws: `ConfigurationError`.
  init(_ options: ConfigurationReader) throws {
    bins = try options.integer("bins", default: 50, in: 2...100_000)
    from = try options.optionalNumber("from")
    to = try options.optionalNumber("to")
    scale = try options.choice("scale", default: .linear)
    around = try options.optionalNumber("around", in: 0...1e6, above: 0)
    if let from, let to, from >= to {
      throw options.fail("to", "expected more than from, \(from), found \(to)")
    }
    if scale == .log, let low = from ?? to, low <= 0 {
      throw options.fail("scale", "expected ends above 0 of a logarithmic one, found \(low)")
    }
    if scale == .log, around != nil {
      throw options.fail("around", "expected a linear scale")
    }
  }
}

/// The edges of a histogram's bins, and what is in them.
///
/// A bin has its lower edge and not its upper one, but for the last, which has both: as NumPy's.
package struct Binning: Sendable, Equatable {
  /// One more than bins, ascending.
  package let edges: [Double]

  package var count: Int { edges.count - 1 }

  /// Bins for a quantity.
  ///
  /// With `around`, FastCaloGAN's way: of 100 bins between the ends the middle m of the fullest,
  /// and the reals' standard deviation s between the ends; from m - `around` s, not below the
  /// lower end, to m + `around` s.
  ///
  /// - Parameters:
  ///   - settings: How.
  ///   - reals: The values that decide where nothing is said; of those that are not finite none.
  package init(_ settings: BinningSettings, reals: [Double]) {
    let isLog = settings.scale == .log
    let seen = reals.filter { $0.isFinite && (!isLog || $0 > 0) }
    var low = settings.from ?? min(seen.min() ?? 1, settings.to ?? .infinity)
    var high = settings.to ?? max(seen.max() ?? 2, low)
    if !(low < high) {
      // All reals have one value, or lie on the other side of the end that is given.
      (low, high) = isLog ? (low / 2, low * 2) : (low - 0.5, low + 0.5)
    }
    if let around = settings.around {
      (low, high) = Self.surroundings(low, high, around, seen)
    }
    edges = Self.edges(low, high, settings.bins, isLog: isLog)
  }

  /// - Parameter edges: Two or more, ascending.
  package init(edges: [Double]) {
    precondition(edges.count > 1 && zip(edges, edges.dropFirst()).allSatisfy { $0 < $1 })
    self.edges = edges
  }

  /// NumPy's `linspace`, and `logspace` but for the ends, which are exact.
  private static func edges(_ low: Double, _ high: Double, _ bins: Int, isLog: Bool) -> [Double] {
    let (first, last) = isLog ? (log10(low), log10(high)) : (low, high)
    let step = (last - first) / Double(bins)
    let inner = (1..<bins).map { index in
      let place = Double(index) * step + first
      return isLog ? pow(10, place) : place
    }
    return [low] + inner + [high]
  }

  private static func surroundings(
    _ low: Double, _ high: Double, _ around: Double, _ reals: [Double]
  ) -> (Double, Double) {
    // Sorted: the deviation's last bits do not depend on the order of the reals.
    let inside = reals.filter { $0 >= low && $0 <= high }.sorted()
    guard inside.count > 1 else { return (low, high) }
    let coarse = Binning(edges: edges(low, high, 100, isLog: false))
    let counts = coarse.counts(inside).bins
    // Of equals the first, as ROOT's.
    let fullest = counts.indices.max {
      counts[$0] < counts[$1] || counts[$0] == counts[$1] && $0 > $1
    }
    guard let fullest else { return (low, high) }
    let mode = (coarse.edges[fullest] + coarse.edges[fullest + 1]) / 2
    let deviation = Statistics.meanAndDeviation(inside)[1]
    guard deviation > 0 else { return (low, high) }
    return (max(low, mode - around * deviation), mode + around * deviation)
  }

  /// How many values are in each bin, and how many in none.
  package func counts(_ values: [Double]) -> (bins: [Int], outside: Int) {
    var (bins, outside) = ([Int](repeating: 0, count: count), 0)
    for value in values {
      if let bin = bin(of: value) { bins[bin] += 1 } else { outside += 1 }
    }
    return (bins, outside)
  }

  private func bin(of value: Double) -> Int? {
    // Not of a value that is not a number either.
    guard value >= edges[0], value <= edges[count] else { return nil }
    var (low, high) = (0, count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if edges[middle] <= value { low = middle } else { high = middle }
    }
    return low
  }
}

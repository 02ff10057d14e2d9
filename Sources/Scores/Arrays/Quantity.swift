import Base

/// One number that is made of a sample, in the units of its data's files, and how it is binned.
///
/// Of the values E_i that it looks at, with positions x_i and a threshold t:
///
/// | form | number |
/// |---|---|
/// | `sum` | sum of E_i, over a number of the condition where one is named |
/// | `centre` | sum of x_i E_i over sum of E_i |
/// | `width` | the root of sum of x_i^2 E_i over sum of E_i, less centre^2, 0 at least |
/// | `sparsity` | the share of values that are not above t |
/// | `occupancy` | the share of values above t |
///
/// Those of CaloChallenge 2022 (its HighLevelFeatures), which adds 1e-16 to a sum that is divided
/// by: so does this.
package struct Quantity: Sendable, Equatable {
  package enum Form: Sendable, Equatable {
    case sum
    /// A position a value.
    case centre(positions: [Double])
    case width(positions: [Double])
    case sparsity(above: Double)
    case occupancy(above: Double)
  }

  package var name: String
  package var form: Form
  /// Which of a sample's values, in the order of the file; nil for all.
  package var values: Range<Int>?
  /// The number of the condition that a sum is divided by; nil for none.
  package var divisor: String?
  /// Said on axes; empty for none.
  package var unit: String
  package var binning: BinningSettings

  package init(
    name: String, form: Form, values: Range<Int>? = nil, divisor: String? = nil,
    unit: String = "", binning: BinningSettings = BinningSettings()
  ) {
    self.name = name
    self.form = form
    self.values = values
    self.divisor = divisor
    self.unit = unit
    self.binning = binning
  }

  /// What CaloChallenge adds to sums before it divides by them.
  private static let tiny = 1e-16

  /// The number of a sample.
  ///
  /// - Parameters:
  ///   - sample: In the units and the order of the file.
  ///   - divisor: What a sum is divided by; 1 for nothing.
  /// - Returns: The number; not finite where the sample's are not.
  package func value(of sample: [Double], divisor: Double = 1) -> Double {
    let part = sample[values ?? 0..<sample.count]
    switch form {
    case .sum: return part.reduce(0, +) / divisor
    case .centre(let positions): return Self.moments(part, positions).centre
    case .width(let positions):
      let (centre, square) = Self.moments(part, positions)
      let variance = square - centre * centre
      // max would make 0 of what is not a number.
      return variance < 0 ? 0 : variance.squareRoot()
    case .sparsity(let above): return 1 - Self.share(part, above)
    case .occupancy(let above): return Self.share(part, above)
    }
  }

  private static func moments(
    _ part: ArraySlice<Double>, _ positions: [Double]
  ) -> (centre: Double, square: Double) {
    var (sum, first, second) = (0.0, 0.0, 0.0)
    for (value, position) in zip(part, positions) {
      sum += value
      first += position * value
      second += position * position * value
    }
    return (first / (sum + tiny), second / (sum + tiny))
  }

  private static func share(_ part: ArraySlice<Double>, _ above: Double) -> Double {
    Double(part.count { $0 > above }) / Double(part.count)
  }

  /// Refuses samples that it cannot be made of.
  func check(width: Int) throws {
    if let values, values.upperBound > width {
      throw Fault(
        "evaluation.quantities: \(name) takes values \(values.lowerBound) to before "
          + "\(values.upperBound), but a sample has \(width)")
    }
    switch form {
    case .centre(let positions), .width(let positions):
      let expected = values?.count ?? width
      guard positions.count == expected else {
        throw Fault(
          "evaluation.quantities: \(name) has \(positions.count) positions for \(expected) values")
      }
    default: break
    }
  }

  /// `total` or `layer_0 (MeV)`.
  package var label: String { unit.isEmpty ? name : "\(name) (\(unit))" }
}

import Base

/// A step between a file's units and the numbers that networks are trained on.
///
/// | step | x becomes | and back |
/// |---|---|---|
/// | divide | x / condition | x condition |
/// | add | x + value | x - value |
/// | scale | x by | x / by |
/// | log | ln x | e^x |
/// | logit | ln(u / (1 - u)), u = alpha + (1 - 2 alpha) x | likewise |
/// | clipBelow | max(x, at) | x, or `inverse` where x <= at |
/// | standardize | (x - mean) / deviation | x deviation + mean |
package enum ArrayTransform: Sendable, Equatable {
  /// What shares a mean and a deviation.
  package enum Group: String, Sendable, CaseIterable {
    /// Each number of a sample by itself.
    case feature
    case channel
    /// All numbers.
    case all
  }

  /// By the number of that name beside the sample, in the file's units.
  case divide(condition: String)
  /// A number, or one a channel or feature.
  case add([Double])
  case scale([Double])
  case log
  case logit(alpha: Double)
  /// What is at the bound becomes `inverse` on the way back; nil leaves it there.
  case clipBelow(at: Double, inverse: Double?)
  /// With the mean and the deviation of the whole data at this place of the order.
  case standardize(per: Group)
}

/// A table of numbers for the places of a sample: one for all, or one each.
private struct PlaceTable: Sendable {
  var values: [Double]

  @inline(__always)
  subscript(place: Int) -> Double { values.count == 1 ? values[0] : values[place] }
}

/// The transforms of samples or of their conditions, in their order, in double precision.
package struct TransformChain: Sendable {
  private enum Step: Sendable {
    case divide(condition: Int)
    case add(PlaceTable)
    case scale(PlaceTable)
    case log
    case logit(alpha: Double)
    case clip(at: Double, inverse: Double?)
    case standardize(mean: PlaceTable, deviation: PlaceTable)
  }

  /// What a standardization's numbers are of.
  private struct Groups: Sendable {
    var step: Int
    /// The group of each place.
    var ofPlace: [Int]
    var count: Int
  }

  /// Numbers of a sample.
  package let width: Int
  private var steps: [Step] = []
  private var groups: [Groups] = []

  /// - Parameters:
  ///   - transforms: In their order.
  ///   - places: The place of each number of a sample in the file's order.
  ///   - channels: Of a sample; its numbers lie channels last.
  ///   - conditions: Names of the numbers that can be divided by.
  ///   - key: Of the configuration, for errors.
  /// - Throws: `Fault` about a transform that does not fit.
  init(
    _ transforms: [ArrayTransform], places: [Int], channels: Int, conditions: [String],
    key: String
  ) throws {
    width = places.count
    func table(_ values: [Double], _ index: Int) throws -> PlaceTable {
      if values.count == 1 { return PlaceTable(values: values) }
      if values.count == width { return PlaceTable(values: places.map { values[$0] }) }
      guard values.count == channels else {
        throw Fault(
          "found \(values.count) numbers, expected 1, \(channels) (a channel) or \(width) (a "
            + "feature)", parameter: "\(key).\(index)")
      }
      return PlaceTable(values: places.indices.map { values[$0 % channels] })
    }
    for (index, transform) in transforms.enumerated() {
      switch transform {
      case .divide(let name):
        guard let condition = conditions.firstIndex(of: name) else {
          throw Fault(
            "found condition '\(name)', expected one of single numbers: "
              + (conditions.isEmpty ? "there are none" : conditions.joined(separator: ", ")),
            parameter: "\(key).\(index)")
        }
        steps.append(.divide(condition: condition))
      case .add(let values): steps.append(.add(try table(values, index)))
      case .scale(let values): steps.append(.scale(try table(values, index)))
      case .log: steps.append(.log)
      case .logit(let alpha): steps.append(.logit(alpha: alpha))
      case .clipBelow(let at, let inverse): steps.append(.clip(at: at, inverse: inverse))
      case .standardize(let group):
        let ofPlace = places.indices.map { place in
          switch group {
          case .feature: place
          case .channel: place % channels
          case .all: 0
          }
        }
        groups.append(
          Groups(step: steps.count, ofPlace: ofPlace, count: (ofPlace.max() ?? 0) + 1))
        let one = PlaceTable(values: [1])
        steps.append(.standardize(mean: PlaceTable(values: [0]), deviation: one))
      }
    }
  }

  /// Numbers that `setStatistics` takes: of each standardization the means, then the deviations.
  package var statisticsCount: Int { groups.reduce(0) { $0 + 2 * $1.count } }

  /// Sets means and deviations.
  package mutating func setStatistics(_ values: [Double]) {
    precondition(values.count == statisticsCount, "\(values.count) of \(statisticsCount)")
    var first = 0
    for group in groups {
      set(group, Array(values[first..<first + 2 * group.count]))
      first += 2 * group.count
    }
  }

  private mutating func set(_ group: Groups, _ values: [Double]) {
    steps[group.step] = .standardize(
      mean: PlaceTable(values: group.ofPlace.map { values[$0] }),
      deviation: PlaceTable(values: group.ofPlace.map { values[group.count + $0] }))
  }

  /// Finds means and deviations over all samples, one standardization after the other, in the order
  /// of the samples (Welford 1962): the same bits whoever computes them.
  ///
  /// - Parameters:
  ///   - count: Samples.
  ///   - read: Overwrites a buffer with a sample in the file's units, in the places' order.
  ///   - divisor: A sample's number that is divided by.
  /// - Returns: What `setStatistics` takes, which has been called.
  mutating func findStatistics(
    count: Int, read: (_ sample: Int, _ output: UnsafeMutableBufferPointer<Double>) -> Void,
    divisor: (_ sample: Int, _ condition: Int) -> Double
  ) -> [Double] {
    var found: [Double] = []
    let values = DoubleStorage(count: width)
    for group in groups {
      var seen = [Double](repeating: 0, count: group.count)
      var means = seen
      var squares = seen
      for sample in 0..<count {
        read(sample, values.buffer)
        apply(values.buffer, from: 0, steps: group.step) { divisor(sample, $0) }
        for (place, value) in values.buffer.prefix(width).enumerated() {
          let index = group.ofPlace[place]
          seen[index] += 1
          let difference = value - means[index]
          means[index] += difference / seen[index]
          squares[index] += difference * (value - means[index])
        }
      }
      let deviations = zip(squares, seen).map { squares, count in
        // What never varies is only moved.
        squares > 0 ? (squares / count).squareRoot() : 1
      }
      set(group, means + deviations)
      found += means + deviations
    }
    return found
  }

  /// Brings numbers from the file's units to the networks'; allocates nothing.
  ///
  /// - Parameters:
  ///   - values: Overwritten.
  ///   - first: The place of the first of them.
  ///   - count: Of the steps, the first ones; nil for all.
  ///   - divisor: The number of a condition, in the file's units.
  package func apply(
    _ values: UnsafeMutableBufferPointer<Double>, from first: Int, steps count: Int? = nil,
    divisor: (_ condition: Int) -> Double
  ) {
    steps.withUnsafeBufferPointer { steps in
      for step in steps.prefix(count ?? steps.count) {
        switch step {
        case .divide(let condition):
          let divisor = divisor(condition)
          for i in values.indices { values[i] /= divisor }
        case .add(let table): for i in values.indices { values[i] += table[first + i] }
        case .scale(let table): for i in values.indices { values[i] *= table[first + i] }
        case .log: for i in values.indices { values[i] = ln(values[i]) }
        case .logit(let alpha):
          for i in values.indices {
            let share = alpha + (1 - 2 * alpha) * values[i]
            values[i] = ln(share / (1 - share))
          }
        case .clip(let at, _): for i in values.indices { values[i] = max(values[i], at) }
        case .standardize(let mean, let deviation):
          for i in values.indices {
            values[i] = (values[i] - mean[first + i]) / deviation[first + i]
          }
        }
      }
    }
  }

  /// Brings numbers of a whole sample back to the file's units.
  package func invert(
    _ values: inout [Double], divisor: (_ condition: Int) -> Double
  ) {
    for step in steps.reversed() {
      switch step {
      case .divide(let condition):
        let divisor = divisor(condition)
        for i in values.indices { values[i] *= divisor }
      case .add(let table): for i in values.indices { values[i] -= table[i] }
      case .scale(let table): for i in values.indices { values[i] /= table[i] }
      case .log: for i in values.indices { values[i] = exponential(values[i]) }
      case .logit(let alpha):
        for i in values.indices {
          let share = 1 / (1 + exponential(-values[i]))
          values[i] = (share - alpha) / (1 - 2 * alpha)
        }
      case .clip(let at, let inverse):
        guard let inverse else { continue }
        for i in values.indices where values[i] <= at { values[i] = inverse }
      case .standardize(let mean, let deviation):
        for i in values.indices { values[i] = values[i] * deviation[i] + mean[i] }
      }
    }
  }
}

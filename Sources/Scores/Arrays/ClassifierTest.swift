import Base
import Configuration
import Foundation

/// Whether a network that is trained to tell samples from reals can do it.
///
/// CaloChallenge 2022's (its evaluate.py, `cls-low` and `cls-high`; Krause and Shih 2021,
/// arXiv:2106.05285): of as many samples (class 0) as reals (class 1) 60 % are trained on, 20 %
/// choose the epoch of the best accuracy and calibrate it, 20 % are what is told: the area under
/// the curve of true and false positives, 0.5 where nothing can be told apart and 1 where all can,
/// and
///
///     JSD = 1 - H / ln 2
///
/// with the mean cross-entropy H in nats of the probabilities after isotonic regression, clipped to
/// 1e-6 ... 1 - 1e-6: a lower bound of the Jensen-Shannon divergence in bits, but for chance.
///
/// The network: a linear layer of `hidden` units with leaky ReLU of slope 0.01, then `layers` more
/// of them, and a logit a class, where CaloChallenge has one logit: the same functions. Adam with
/// its usual constants.
package struct ClassifierTest: Score {
  /// What it is shown of a sample.
  package enum Inputs: String, Sendable, CaseIterable {
    /// Values and conditions as networks take them, values times `scale`.
    case values
    /// Quantities, each less the mean and over the deviation of the reals that are trained on, and
    /// conditions as networks take them. Of one with a logarithmic scale log10(x + 1e-8).
    case quantities
  }

  package static let name = "classifierTest"
  package static let isDefault = false
  package let columns = ["classifier_auc (1)", "classifier_jsd (1)"]
  package let wantedSamples = (training: 5000, evaluation: 20_000)
  private let quantities: [Quantity]
  private let inputs: Inputs
  private let scale: Double
  private let network: TwoClassTask.Network

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {
    quantities = subject.quantities
    inputs = try options.choice("inputs", default: .values)
    scale = try options.number("scale", default: 1, in: 0...1e30, above: 0)
    network = TwoClassTask.Network(
      layers: try options.integer("layers", default: 2, in: 0...100),
      hidden: try options.integer("hidden", default: 512, in: 1...65536),
      epochs: try options.integer("epochs", default: 50, in: 1...100_000),
      batch: try options.integer("batch", default: 1000, in: 8...1_048_576),
      learningRate: try options.number("learningRate", default: 2e-4, in: 0...1e3, above: 0))
    if inputs == .quantities, quantities.isEmpty {
      throw options.fail("inputs", "evaluation.quantities names nothing to measure")
    }
  }

  package static func refusal(of subject: ScoreSubject) -> String? { subject.refusalWithoutArrays }

  /// How many of n are trained on, choose the epoch, and are told.
  private static func parts(_ count: Int) -> (training: Int, selection: Int, test: Int) {
    let (training, selection) = (count * 6 / 10, count * 2 / 10)
    return (training, selection, count - training - selection)
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    guard let train = input.trainClassifier else {
      throw Fault("classifierTest: there is nobody to train a classifier")
    }
    let sets = try input.arrayValues()
    let count = min(sets.samples.count, sets.reals.count)
    guard count >= 10 else {
      throw Fault("classifierTest: takes 10 samples and reals or more, found \(count)")
    }
    let parts = Self.parts(count)
    let orders = (0..<2).map { Self.order(count, seed: input.seed, set: $0) }
    let rows = try rows(input, sets, count, trainedOn: Array(orders[1][..<parts.training]))
    guard rows.values.allSatisfy(\.isFinite) else { return [.nan, .nan] }
    // Row i is sample i, row count + i real i.
    func both(_ range: Range<Int>) -> [Int32] {
      range.map { Int32(orders[0][$0]) } + range.map { Int32(count + orders[1][$0]) }
    }
    let end = parts.training + parts.selection
    let task = TwoClassTask(
      values: rows.values, dimension: rows.dimension, firstOfSecond: count,
      training: both(0..<parts.training), selection: both(parts.training..<end),
      test: both(end..<count), network: network, seed: input.seed)
    let scores = try train(task)
    guard (scores.selection + scores.test).allSatisfy(\.isFinite) else { return [.nan, .nan] }
    func isReal(_ rows: [Int32]) -> [Bool] { rows.map { $0 >= count } }
    let calibration = IsotonicRegression(
      scores.selection, isReal(task.selection).map { $0 ? 1 : 0 }, low: 1e-6, high: 1 - 1e-6)
    let found = scores.test.map(calibration.callAsFunction)
    return [
      Self.areaUnderCurve(found, isReal(task.test)), Self.divergence(found, isReal(task.test)),
    ]
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    let parts = Self.parts(min(setting.samples, setting.reals))
    let shown = inputs == .values ? "values" : "\(quantities.count) quantities"
    return [
      reportLine(
        "classifier",
        "AUC \(scoreText(values[0])), JSD \(scoreText(values[1])) (by \(shown); of samples and of "
          + "reals each \(parts.training) to train, \(parts.selection) to choose and calibrate, "
          + "\(parts.test) to tell; \(network.epochs) epochs, seed \(setting.seed))")
    ]
  }

  // MARK: - Inputs

  /// A random order of a set.
  private static func order(_ count: Int, seed: UInt64, set: Int) -> [Int] {
    var order = Array(0..<count)
    let stream = RandomStream(seed: seed, purpose: .scoring, step: ScoringStep.split)
    for index in order.indices {
      let other = stream.integer(below: count - index, sample: set, element: index)
      order.swapAt(index, index + other)
    }
    return order
  }

  /// What the network is shown: samples, then reals.
  private func rows(
    _ input: ScoreInput, _ sets: ArraySets, _ count: Int, trainedOn: [Int]
  ) throws -> (values: [Float], dimension: Int) {
    let both = [sets.samples, sets.reals]
    let first = try input.team.communicator.agree { try both.map { try $0[0] } }
    let conditions = first.map(\.condition.count).min() ?? 0
    var columns: [[[Double]]] = []
    if inputs == .quantities {
      let tables = try input.tables(of: quantities)
      columns = [tables.samples, tables.reals].map { table in
        zip(quantities, table.values).map { quantity, values in
          quantity.binning.scale == .log ? values.map { log10(max($0, 0) + 1e-8) } : values
        }
      }
      for index in quantities.indices {
        let (mean, deviation) = Self.scale(trainedOn.map { columns[1][index][$0] })
        for set in 0..<2 {
          columns[set][index] = columns[set][index].map { ($0 - mean) / deviation }
        }
      }
    }
    let width = inputs == .values ? first[0].values.count : quantities.count
    let dimension = width + conditions
    let slices = ScoreTeam.ranges(2 * count, length: 256)
    let values: [Float] = try input.team.gather(slices.map { $0.count * dimension }) {
      slice, output in
      for (place, index) in slices[slice].enumerated() {
        let (set, item) = (index / count, index % count)
        let row = try both[set][item]
        let shown =
          inputs == .values
          ? sets.units.networkValues(ofUnits: row.values, condition: row.condition)
            .map { Double($0) * scale }
          : columns[set].map { $0[item] }
        for (column, value) in shown.enumerated() {
          output[place * dimension + column] = Float(value)
        }
        guard conditions > 0 else { continue }
        for (column, value) in sets.units.condition(ofUnits: row.condition).enumerated() {
          output[place * dimension + width + column] = value
        }
      }
    }
    return (values, dimension)
  }

  /// Mean and deviation; 1 of what does not vary.
  private static func scale(_ values: [Double]) -> (mean: Double, deviation: Double) {
    let found = Statistics.meanAndDeviation(values)
    return (found[0], found[1] > 0 ? found[1] : 1)
  }

  // MARK: - What is told

  /// The share of pairs of a sample and a real in which the real has the greater score; ties half.
  ///
  /// - Parameters:
  ///   - scores: Of all.
  ///   - isReal: Which are reals; one or more, and one or more that are not.
  /// - Returns: The share.
  package static func areaUnderCurve(_ scores: [Double], _ isReal: [Bool]) -> Double {
    let order = scores.indices.sorted { scores[$0] < scores[$1] }
    var (ranks, first) = (0.0, 0)
    while first < order.count {
      var end = first
      while end < order.count, scores[order[end]] == scores[order[first]] { end += 1 }
      let reals = order[first..<end].count { isReal[$0] }
      // Ranks first + 1 ... end, all their mean.
      ranks += Double(reals) * Double(first + 1 + end) / 2
      first = end
    }
    let reals = Double(isReal.count { $0 })
    let samples = Double(isReal.count) - reals
    return (ranks - reals * (reals + 1) / 2) / (reals * samples)
  }

  /// 1 less the mean cross-entropy in bits of probabilities of being real.
  package static func divergence(_ probabilities: [Double], _ isReal: [Bool]) -> Double {
    let sum = zip(probabilities, isReal).reduce(0) { $0 - log($1.1 ? $1.0 : 1 - $1.0) }
    return 1 - sum / Double(probabilities.count) / log(2)
  }
}

/// A network to be trained to tell two sets of rows apart.
package struct TwoClassTask: Sendable {
  /// `layers` + 1 hidden layers.
  package struct Network: Sendable, Equatable {
    package var layers: Int
    package var hidden: Int
    package var epochs: Int
    package var batch: Int
    package var learningRate: Double
  }

  /// Rows of `dimension` values.
  package let values: [Float]
  package let dimension: Int
  /// Rows from it on are of the second class.
  package let firstOfSecond: Int
  package let training: [Int32]
  /// Rows by whose accuracy an epoch is chosen.
  package let selection: [Int32]
  package let test: [Int32]
  package let network: Network
  package let seed: UInt64
}

/// Probabilities of the second class, in the order of the task's rows.
package struct TwoClassScores: Sendable, Equatable {
  package var selection: [Double]
  package var test: [Double]

  package init(selection: [Double], test: [Double]) {
    self.selection = selection
    self.test = test
  }
}

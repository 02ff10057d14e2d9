import Base
import Configuration

/// How the quantities of samples are distributed beside those of reals, overall and for each value
/// of what they are conditioned on.
///
/// `separation` is that of all samples together; `chi2_ndf` is FastCaloGAN's: chi-squared of each
/// group by condition, summed, over the sum of their degrees of freedom. `HistogramComparison` has
/// the formulas.
package struct Histograms: Score {
  package static let name = "histograms"
  package let wantedSamples = (training: 5000, evaluation: 10_000)
  private let quantities: [Quantity]
  /// The number of the condition that groups are made by; nil for the first.
  private let condition: String?
  private let mostValues: Int
  private let parts: Int

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {
    quantities = subject.quantities
    condition = try options.optionalString("condition")
    mostValues = try options.integer("mostValues", default: 32, in: 1...1000)
    parts = try options.integer("parts", default: 4, in: 1...1000)
    if let condition, !subject.conditionNames.contains(condition) {
      throw options.fail(
        "condition",
        "expected a number of data.condition ("
          + (subject.conditionNames.isEmpty
            ? "there are none" : subject.conditionNames.joined(separator: ", "))
          + "), found '\(condition)'")
    }
  }

  package static func refusal(of subject: ScoreSubject) -> String? {
    subject.refusalWithoutQuantities
  }

  /// Means and sums first, then those of each quantity.
  package var columns: [String] {
    ["separation (1)", "chi2_ndf (1)"] + quantities.map { "separation_\($0.name) (1)" }
      + quantities.map { "chi2_ndf_\($0.name) (1)" }
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    let report = try compare(input)
    input.histograms = report
    return report.values
  }

  package func summary(_ values: [Double]) -> String {
    "separation \(scoreText(values[0])), chi2/ndf \(scoreText(values[1]))"
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    [
      reportLine(
        "histograms",
        "mean separation \(scoreText(values[0])), chi2/ndf \(scoreText(values[1])) "
          + "(\(quantities.count) quantities, \(setting.counts))")
    ]
  }

  private func compare(_ input: ScoreInput) throws -> HistogramReport {
    let tables = try input.tables(of: quantities)
    let (samples, reals) = (tables.samples, tables.reals)
    // Samples of a generator that takes no condition have none.
    let number = condition.flatMap(tables.conditionNames.firstIndex) ?? 0
    let groups =
      number < min(samples.conditions.count, reals.conditions.count)
      ? ConditionGroups(
        tables.conditionNames[number], reals: reals.conditions[number], mostValues: mostValues,
        parts: parts) : nil
    return HistogramReport(
      groups: groups,
      quantities: quantities.indices.map { index in
        let quantity = quantities[index]
        let (drawn, real) = (samples.values[index], reals.values[index])
        let all = Binning(quantity.binning, reals: real)
        var parts: [HistogramComparison] = []
        if let groups {
          parts = zip(
            groups.split(real, by: reals.conditions[number]),
            groups.split(drawn, by: samples.conditions[number])
          ).map { real, drawn in
            HistogramComparison(
              quantity.binning.around == nil ? all : Binning(quantity.binning, reals: real),
              reals: real, samples: drawn)
          }
        }
        return .init(
          quantity: quantity, all: HistogramComparison(all, reals: real, samples: drawn),
          groups: parts)
      })
  }
}

/// Histograms of all quantities, for tables and pictures.
package struct HistogramReport: Sendable {
  /// A quantity's histograms.
  package struct Entry: Sendable {
    package let quantity: Quantity
    package let all: HistogramComparison
    /// By condition; empty where there is none.
    package let groups: [HistogramComparison]

    /// Of the groups where there are any.
    package var chiSquaredPerDegree: Double {
      groups.isEmpty ? [all].chiSquaredPerDegree : groups.chiSquaredPerDegree
    }
  }

  /// nil where samples are not conditioned on numbers.
  package let groups: ConditionGroups?
  package let quantities: [Entry]

  /// In the order of the score's columns.
  var values: [Double] {
    let separations = quantities.map(\.all.separation)
    let chiSquared = quantities.map(\.chiSquaredPerDegree)
    let all = quantities.flatMap { $0.groups.isEmpty ? [$0.all] : $0.groups }
    return [separations.reduce(0, +) / Double(separations.count), all.chiSquaredPerDegree]
      + separations + chiSquared
  }

  /// A table: a line a quantity.
  package var lines: [String] {
    let group = groups.map { [TextTable.Column.number("by \($0.name)")] } ?? []
    var table = TextTable([.text("quantity")] + Self.columns + group)
    for entry in quantities {
      let byGroup = groups == nil ? [] : [scoreText(entry.chiSquaredPerDegree)]
      table.add([entry.quantity.name] + Self.cells(entry.all) + byGroup)
    }
    return table.lines
  }

  /// A table of a quantity: a line a group by condition.
  ///
  /// - Parameter name: The quantity's.
  /// - Returns: The lines; nil where there is no such quantity, or it has no groups.
  package func lines(of name: String) -> [String]? {
    guard let entry = quantities.first(where: { $0.quantity.name == name }), let groups,
      !entry.groups.isEmpty
    else { return nil }
    var table = TextTable([.text(groups.name)] + Self.columns)
    for (label, group) in zip(groups.labels, entry.groups) {
      table.add([label] + Self.cells(group))
    }
    return table.lines
  }

  private static let columns: [TextTable.Column] = [
    .number("reals"), .number("samples"), .number("reals outside"), .number("samples outside"),
    .number("separation"), .number("chi2/ndf"),
  ]

  private static func cells(_ found: HistogramComparison) -> [String] {
    [
      "\(found.reals.reduce(0, +))", "\(found.samples.reduce(0, +))",
      percent(found.realsOutside), percent(found.samplesOutside), scoreText(found.separation),
      scoreText([found].chiSquaredPerDegree),
    ]
  }

  private static func percent(_ share: Double) -> String { scoreText(100 * share) + " %" }
}

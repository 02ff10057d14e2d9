import Base
import Pictures

/// Curves of a run, and of several runs in one picture.
extension MetricsTable {
  /// Columns that say where a row belongs, or how long it took: nothing to plot by default.
  private static let frame: Set<String> = ["iteration", "epoch", "seconds"]

  /// The columns that a plot shows unless it is told which: all but iteration, epoch and seconds.
  package var plottedColumns: [String] {
    names.filter { !Self.frame.contains($0) && unit($0) != "crc32" }
  }

  /// Whether a column has a number that says something: not all missing, and not all 0, as the
  /// penalty of a run without one is.
  private func isPlotted(_ column: String) -> Bool {
    self[column].contains { $0.isFinite && $0 != 0 }
  }

  /// The curves of a run over its iterations, a panel for each of: W distance, penalty
  /// (logarithmic), losses, gradient norms (logarithmic), and for every other column that the log
  /// has.
  ///
  /// The axes have the quantities' names, and the units of the log's header.
  ///
  /// - Parameters:
  ///   - title: The run's name.
  ///   - scores: The run's `evaluation.csv`, whose panels come below, over the same iterations.
  /// - Returns: The drawing, 300 pixels high a panel.
  package func curves(title: String, scores: MetricsTable? = nil) -> Canvas {
    var panels = panels(scores: scores)
    if panels.isEmpty { panels = [Self.emptyPanel] }
    panels[0].title = title
    return CurvePlot.draw(panels, width: 1000, height: 300 * panels.count)
  }

  /// The panels of `curves`, without titles; none where no column has a number.
  package func panels(scores: MetricsTable? = nil) -> [CurvePlot.Panel] {
    var groups: [(quantity: String, columns: [String])] = [
      ("W distance", ["w_distance"]), ("penalty", ["penalty"]),
      ("loss", names.filter { $0.hasSuffix("_loss") }),
      ("gradient norm", names.filter(Self.isGradientNorm)),
    ]
    let grouped = Set(groups.flatMap(\.columns))
    groups += plottedColumns.filter { !grouped.contains($0) }.map { (Self.title($0), [$0]) }
    let panels = groups.compactMap { group -> CurvePlot.Panel? in
      let columns = group.columns.filter(isPlotted)
      guard let first = columns.first else { return nil }
      return CurvePlot.Panel(
        title: "", xLabel: "iteration", yLabel: Self.label(group.quantity, unit(first)),
        series: columns.map { column in
          CurvePlot.Series(
            name: group.columns.count == 1 ? "" : Self.shortName(column), x: self["iteration"],
            y: self[column])
        }, yScale: Self.scale(first))
    }
    return panels + (scores?.scorePanels(iterations: self["iteration"]) ?? [])
  }

  /// The panels of scores: columns of one first word and one unit in one of them, such as
  /// `modes_hit (count)` and `modes_touched (count)`.
  private func scorePanels(iterations: [Double]) -> [CurvePlot.Panel] {
    func group(_ column: String) -> String {
      "\(column.prefix { $0 != "_" }) \(unit(column))"
    }
    var groups: [[String]] = []
    for column in plottedColumns where self[column].contains(where: \.isFinite) {
      if let index = groups.firstIndex(where: { group($0[0]) == group(column) }) {
        groups[index].append(column)
      } else {
        groups.append([column])
      }
    }
    return groups.map { columns in
      let word = columns[0].prefix { $0 != "_" }
      let isShared = columns.count > 1
      return CurvePlot.Panel(
        title: "", xLabel: "iteration",
        yLabel: Self.label(isShared ? String(word) : Self.title(columns[0]), unit(columns[0])),
        series: columns.map { column in
          CurvePlot.Series(
            name: isShared ? Self.title(String(column.dropFirst(word.count + 1))) : "",
            x: self["iteration"], y: self[column])
        }, xExtent: iterations)
    }
  }

  /// The same columns of several runs, a panel a column and a line a run.
  ///
  /// - Parameters:
  ///   - runs: What the legend, over the first panel, calls them, and their logs: `metrics.csv`,
  ///     and `evaluation.csv` where there is one.
  ///   - columns: Names without units; by default W distance, penalty, losses and scores.
  ///   - isSymmetricLog: y axes that are logarithmic beyond plus and minus 1: for runs that diverge
  ///     beside runs that do not.
  /// - Returns: The drawing, 300 pixels high a panel.
  /// - Throws: `Fault` naming a column that no run has.
  package static func comparison(
    _ runs: [(name: String, tables: [MetricsTable])], columns: [String]? = nil,
    isSymmetricLog: Bool = false
  ) throws -> Canvas {
    var panels = try comparisonPanels(runs, columns: columns, isSymmetricLog: isSymmetricLog)
    if panels.isEmpty { panels = [emptyPanel] }
    for index in panels.indices.dropFirst() {
      for line in panels[index].series.indices { panels[index].series[line].name = "" }
    }
    return CurvePlot.draw(panels, width: 1000, height: 300 * panels.count)
  }

  /// The panels of `comparison`, each with its runs' names; none where no column has a number.
  ///
  /// - Throws: `Fault` naming a column that no run has.
  package static func comparisonPanels(
    _ runs: [(name: String, tables: [MetricsTable])], columns: [String]? = nil,
    isSymmetricLog: Bool = false
  ) throws -> [CurvePlot.Panel] {
    precondition(!runs.isEmpty, "a comparison needs runs")
    let all = runs.flatMap(\.tables)
    let known = all.flatMap(\.names)
    if let missing = columns?.first(where: { !known.contains($0) }) {
      var seen: Set<String> = []
      let names = known.filter { seen.insert($0).inserted }
      throw Fault(
        "no run has a column '\(missing)'; there are \(names.joined(separator: ", "))")
    }
    guard (columns?.count ?? 0) <= mostColumns else {
      throw Fault("--columns: \(columns?.count ?? 0) names, at most \(mostColumns) are expected")
    }
    let scores = runs.flatMap { $0.tables.dropFirst().flatMap(\.plottedColumns) }
    var seen: Set<String> = []
    let chosen =
      columns
      ?? (["w_distance", "penalty", "critic_loss", "generator_loss"] + scores).filter { column in
        all.contains { $0.isPlotted(column) } && seen.insert(column).inserted
      }.prefix(mostColumns).map { $0 }
    // Scores are measured now and then: their panels line up with the others'.
    let iterations = runs.compactMap { $0.tables.first?["iteration"] }
    let extent = iterations.compactMap(\.first) + iterations.compactMap(\.last)
    return chosen.map { column in
      CurvePlot.Panel(
        title: "", xLabel: "iteration",
        yLabel: label(
          title(column), all.lazy.map { $0.unit(column) }.first { !$0.isEmpty } ?? ""),
        series: runs.map { run in
          // An empty series keeps a run's colour the same in all panels.
          let table = run.tables.first { $0.names.contains(column) }
          return .init(
            name: run.name, x: table?["iteration"] ?? [], y: table?[column] ?? [])
        }, yScale: isSymmetricLog ? .symlog(linearUpTo: 1) : scale(column),
        xExtent: extent)
    }
  }

  private static let emptyPanel = CurvePlot.Panel(
    title: "", xLabel: "iteration", yLabel: "", series: [])

  /// `W distance (score)`; a plain number has no unit.
  private static func label(_ quantity: String, _ unit: String) -> String {
    unit.isEmpty || unit == "1" ? quantity : "\(quantity) (\(unit))"
  }

  /// The unit that the header has for a column.
  ///
  /// None for the norm of a loss's gradient: that is a score over what the parameters are in, and
  /// not the score that headers have had for it since the first runs.
  package func unit(_ column: String) -> String {
    guard !Self.isGradientNorm(column) else { return "" }
    return names.firstIndex(of: column).map { units[$0] } ?? ""
  }

  private static func isGradientNorm(_ column: String) -> Bool {
    column.hasSuffix("_gradient_norm")
  }

  /// What spans decades: squares and norms.
  private static func scale(_ column: String) -> PlotScale {
    column == "penalty" || isGradientNorm(column) ? .log : .linear
  }

  /// `critic loss` for `critic_loss`.
  package static func title(_ column: String) -> String {
    column == "w_distance"
      ? "W distance" : column.split(separator: "_").joined(separator: " ")
  }

  /// `critic_loss` and `critic_gradient_norm` are `critic` under a panel's title.
  private static func shortName(_ column: String) -> String {
    for suffix in ["_loss", "_gradient_norm"] where column.hasSuffix(suffix) {
      return column.dropLast(suffix.count).split(separator: "_").joined(separator: " ")
    }
    return title(column)
  }
}

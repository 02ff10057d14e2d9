import Pictures

/// Curves of a run, and of several runs in one picture.
extension MetricsTable {
  /// Columns that say where a row belongs, or how long it took: nothing to plot by default.
  private static let frame: Set<String> = ["iteration", "epoch", "seconds"]

  /// The columns that a plot shows unless it is told which: all but iteration, epoch and seconds.
  package var plottedColumns: [String] { names.filter { !Self.frame.contains($0) } }

  /// Whether a column has a number that says something: not all missing, and not all 0, as the
  /// penalty of a run without one is.
  private func isPlotted(_ column: String) -> Bool {
    self[column].contains { $0.isFinite && $0 != 0 }
  }

  /// The curves of a run over its iterations, a panel for each of: W distance, penalty
  /// (logarithmic), losses, gradient norms (logarithmic), and for every other column that the log
  /// has.
  ///
  /// The axes have the units of the log's header.
  ///
  /// - Parameter title: The run's name.
  /// - Returns: An RGB picture, 300 pixels high a panel.
  package func curves(title: String) -> Picture {
    var groups: [(title: String, columns: [String])] = [
      ("W distance", ["w_distance"]), ("penalty", ["penalty"]),
      ("losses", names.filter { $0.hasSuffix("_loss") }),
      ("gradient norms", names.filter { $0.hasSuffix("_gradient_norm") }),
    ]
    let grouped = Set(groups.flatMap(\.columns))
    groups += plottedColumns.filter { !grouped.contains($0) }.map { (Self.title($0), [$0]) }
    var panels: [CurvePlot.Panel] = []
    for group in groups {
      let columns = group.columns.filter(isPlotted)
      guard let first = columns.first else { continue }
      panels.append(
        CurvePlot.Panel(
          title: panels.isEmpty ? "\(title): \(group.title)" : group.title, xLabel: "iteration",
          yLabel: unit(first),
          series: columns.map { column in
            CurvePlot.Series(
              name: group.columns.count == 1 ? "" : Self.shortName(column), x: self["iteration"],
              y: self[column])
          }, yScale: Self.scale(first)))
    }
    if panels.isEmpty {
      panels = [CurvePlot.Panel(title: title, xLabel: "iteration", yLabel: "", series: [])]
    }
    return CurvePlot.render(panels, width: 1000, height: 300 * panels.count)
  }

  /// Draws some columns of several runs, a panel a column and a line a run.
  ///
  /// - Parameters:
  ///   - runs: What the legend calls them, and their logs.
  ///   - columns: Names without units; by default W distance, penalty and losses.
  ///   - isSymmetricLog: y axes that are logarithmic beyond plus and minus 1: for runs that diverge
  ///     beside runs that do not.
  /// - Returns: An RGB picture, 300 pixels high a panel.
  /// - Throws: `ReportsError` naming a column that no run has.
  package static func comparison(
    _ runs: [(name: String, table: MetricsTable)], columns: [String]? = nil,
    isSymmetricLog: Bool = false
  ) throws -> Picture {
    precondition(!runs.isEmpty, "a comparison needs runs")
    let known = runs.flatMap(\.table.names)
    if let missing = columns?.first(where: { !known.contains($0) }) {
      var seen: Set<String> = []
      let names = known.filter { seen.insert($0).inserted }
      throw ReportsError(
        "no run has a column '\(missing)'; there are \(names.joined(separator: ", "))")
    }
    let chosen =
      columns
      ?? ["w_distance", "penalty", "critic_loss", "generator_loss"].filter { column in
        runs.contains { $0.table.isPlotted(column) }
      }
    var panels = chosen.map { column in
      CurvePlot.Panel(
        title: title(column), xLabel: "iteration",
        yLabel: runs.lazy.map { $0.table.unit(column) }.first { !$0.isEmpty } ?? "",
        series: runs.map {
          // An empty series keeps a run's colour the same in all panels.
          let y = $0.table[column]
          return .init(name: $0.name, x: y.isEmpty ? [] : $0.table["iteration"], y: y)
        }, yScale: isSymmetricLog ? .symlog(linearUpTo: 1) : scale(column))
    }
    if panels.isEmpty {
      panels = [CurvePlot.Panel(title: "", xLabel: "iteration", yLabel: "", series: [])]
    }
    return CurvePlot.render(panels, width: 1000, height: 300 * panels.count)
  }

  private func unit(_ column: String) -> String {
    names.firstIndex(of: column).map { units[$0] } ?? ""
  }

  /// What spans decades: squares and norms.
  private static func scale(_ column: String) -> PlotScale {
    column == "penalty" || column.hasSuffix("_gradient_norm") ? .log : .linear
  }

  private static func title(_ column: String) -> String {
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

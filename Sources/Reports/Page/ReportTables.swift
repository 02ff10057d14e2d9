import Foundation

/// The tables and lists of a page.
enum ReportTables {
  // MARK: - Several runs

  /// The list of runs, sortable by each column, and the settings in which they differ.
  static func overview(_ runs: [RunPage]) -> String {
    var seen: Set<String> = []
    let columns = runs.flatMap { run in [run.metrics, run.scores].compactMap { $0 } }
      .flatMap(\.plottedColumns).filter { seen.insert($0).inserted }
    let used = columns.filter { column in runs.contains { last(column, of: $0) != nil } }
    let units = used.map { column in
      runs.flatMap { [$0.metrics, $0.scores].compactMap { $0 } }.lazy.map { $0.unit(column) }
        .first { !$0.isEmpty } ?? ""
    }
    var head = ["run", "state", "iterations", "seconds an iteration"]
    head += zip(used, units).map { column, unit in
      MetricsTable.title(column) + (unit.isEmpty || unit == "1" ? "" : " (\(unit))")
    }
    let heads = head.enumerated().map { column, text in
      "<th scope=\"col\"\(column < 2 ? "" : " class=\"right\"")>\(Markup.escaped(text))</th>"
    }
    let rows = runs.enumerated().map { number, run in
      let numbers: [Double?] =
        [Double(run.iterations), run.secondsOfIteration] + used.map { last($0, of: run) }
      return "<tr><th scope=\"row\"><a href=\"#run\(number)\">\(Markup.escaped(run.name))</a></th>"
        + "<td>\(Markup.escaped(run.state))</td>\(numbers.map(cell).joined())</tr>\n"
    }
    return """
      <section>
      <h2>Runs</h2>
      <p class="quiet">The last value of each column; the headings sort.</p>
      <div class="scroll"><table class="sortable">
      <thead><tr>\(heads.joined())</tr></thead>
      <tbody>
      \(rows.joined())</tbody></table></div>
      \(differences(runs))</section>

      """
  }

  /// The last finite number of a column.
  private static func last(_ column: String, of run: RunPage) -> Double? {
    [run.metrics, run.scores].compactMap { $0?[column].last { $0.isFinite } }.first
  }

  private static func differences(_ runs: [RunPage]) -> String {
    let values = runs.map { run in
      Dictionary(run.settings.map { ($0.key, $0.value) }) { _, last in last }
    }
    var seen: Set<String> = []
    let keys = runs.flatMap(\.settings).map(\.key).filter { seen.insert($0).inserted }
      .filter { key in Set(values.map { $0[key] }).count > 1 }
    guard !keys.isEmpty else { return "<p>All have the same configuration.</p>\n" }
    let rows = keys.map { key in
      "<tr><th scope=\"row\"><code>\(Markup.escaped(key))</code></th>"
        + values.map { "<td>\(Markup.escaped($0[key] ?? "-"))</td>" }.joined() + "</tr>\n"
    }
    let names = runs.map { "<th scope=\"col\">\(Markup.escaped($0.name))</th>" }.joined()
    return """
      <details open><summary>Settings that differ (\(keys.count))</summary>
      <div class="scroll"><table>
      <thead><tr><th scope="col">key</th>\(names)</tr></thead>
      <tbody>
      \(rows.joined())</tbody></table></div></details>

      """
  }

  // MARK: - A run

  /// The most rows of scores that are shown.
  private static let mostRows = 60

  /// The rows of evaluation.csv.
  static func scores(_ run: RunPage, _ level: Int) -> String {
    guard let table = run.scores, let count = table.columns.first?.count, count > 0 else {
      return ""
    }
    let step = (count + mostRows - 1) / mostRows
    // With the last one, whatever the step.
    let chosen = (0..<count).filter { (count - 1 - $0) % step == 0 }
    let heads = zip(table.names, table.units).map { name, unit in
      "<th scope=\"col\" class=\"right\">\(Markup.escaped(MetricsTable.title(name)))"
        + (unit.isEmpty || unit == "1" ? "" : " (\(Markup.escaped(unit)))") + "</th>"
    }
    let iterations = table["iteration"]
    let rows = chosen.map { row in
      let isBest = run.bestIteration.map { Double($0) == iterations[row] } ?? false
      return "<tr\(isBest ? " class=\"best\"" : "")>"
        + table.columns.map { cell($0[row]) }.joined() + "</tr>\n"
    }
    var words: [String] = []
    if step > 1 { words.append("Every \(step)th of \(count) rows; evaluation.csv has all.") }
    if let best = run.bestIteration { words.append("The best checkpoint is of iteration \(best).") }
    let note =
      words.isEmpty ? "" : "<p class=\"quiet\">\(words.joined(separator: " "))</p>\n"
    return section(
      "Scores", level,
      """
      \(note)<div class="scroll"><table class="sortable">
      <thead><tr>\(heads.joined())</tr></thead>
      <tbody>
      \(rows.joined())</tbody></table></div>

      """)
  }

  static func warnings(_ run: RunPage, _ level: Int) -> String {
    let lines =
      run.warnings.isEmpty
      ? "<p>None.</p>\n"
      : "<ul class=\"warnings\">\n"
        + run.warnings.map { "<li>\(Markup.escaped($0))</li>\n" }.joined() + "</ul>\n"
    return section("Warnings", level, lines)
  }

  /// What differs from the published file, then all values.
  static func settings(_ run: RunPage, _ level: Int) -> String {
    guard !run.settings.isEmpty else { return "" }
    let changed = run.settings.filter { $0.published != nil }
    let changes = changed.map {
      "<tr><th scope=\"row\"><code>\(Markup.escaped($0.key))</code></th>"
        + "<td><mark>\(Markup.escaped($0.value))</mark></td>"
        + "<td>\(Markup.escaped($0.published ?? ""))</td></tr>\n"
    }
    let all = run.settings.map { setting in
      let value = Markup.escaped(setting.value)
      return "<tr><th scope=\"row\"><code>\(Markup.escaped(setting.key))</code></th>"
        + "<td>\(setting.published == nil ? value : "<mark>\(value)</mark>")</td></tr>\n"
    }
    let name = run.published.map(Markup.escaped)
    let comparison =
      name.map { name in
        changed.isEmpty
          ? "<p>As <code>\(name)</code>.</p>\n"
          : "<p>What differs from <code>\(name)</code>:</p>\n<div class=\"scroll\"><table>\n"
            + "<thead><tr><th scope=\"col\">key</th><th scope=\"col\">this run</th>"
            + "<th scope=\"col\">\(name)</th></tr></thead>\n<tbody>\n\(changes.joined())</tbody>"
            + "</table></div>\n"
      } ?? ""
    return section(
      "Configuration", level,
      """
      \(comparison)<details><summary>All \(run.settings.count) values</summary>
      <div class="scroll"><table>
      <thead><tr><th scope="col">key</th><th scope="col">value</th></tr></thead>
      <tbody>
      \(all.joined())</tbody></table></div></details>

      """)
  }

  static func environment(_ run: RunPage, _ level: Int) -> String {
    guard !run.environment.isEmpty else { return "" }
    let rows = run.environment.map {
      "<tr><th scope=\"row\">\(Markup.escaped($0.name))</th>"
        + "<td>\(Markup.escaped($0.value))</td></tr>\n"
    }
    return section(
      "Environment", level,
      """
      <div class="scroll"><table>
      <tbody>
      \(rows.joined())</tbody></table></div>

      """)
  }

  static func log(_ run: RunPage, _ level: Int) -> String {
    guard !run.log.isEmpty else { return "" }
    return section(
      "Log", level,
      """
      <pre>\(Markup.escaped(run.log.joined(separator: "\n")))</pre>

      """)
  }

  /// A part of a run, under its heading.
  static func section(_ title: String, _ level: Int, _ body: String) -> String {
    "<section>\n<h\(level)>\(title)</h\(level)>\n\(body)</section>\n"
  }

  private static func cell(_ value: Double?) -> String {
    guard let value else { return "<td class=\"number\"></td>" }
    return "<td class=\"number\" data-value=\"\(value)\">\(text(value))</td>"
  }

  /// Five digits, whole numbers in full.
  static func text(_ value: Double) -> String {
    if value == value.rounded(), abs(value) < 1e15 { return "\(Int(value))" }
    return value.isFinite ? String(format: "%.5g", value) : "\(value)"
  }
}

import Foundation

/// One HTML page about one or several runs, which needs nothing but itself.
///
/// Curves are SVG elements, pictures and numbers are in the page. Its script lets values be read
/// and samples be leafed through; without it all is there but the older samples.
package struct ReportPage {
  package var runs: [RunPage]
  /// When, and by which version.
  package var origin: String
  /// Seconds after which the page loads itself again; nil for never.
  package var refresh: Int?

  package init(_ runs: [RunPage], origin: String, refresh: Int? = nil) {
    precondition(!runs.isEmpty, "a report of no run")
    self.runs = runs
    self.origin = origin
    self.refresh = refresh
  }

  /// The page.
  ///
  /// - Returns: The text of the file.
  /// - Throws: `Fault` where the curves cannot be drawn.
  package func html() throws -> String {
    let curves = try ReportCurves(runs)
    let title = runs.count == 1 ? runs[0].name : "\(runs.count) runs"
    let reload = refresh.map { "<meta http-equiv=\"refresh\" content=\"\($0)\">\n" } ?? ""
    let style = String(decoding: PackageResources.report_css, as: UTF8.self)
    let script = String(decoding: PackageResources.report_js, as: UTF8.self)
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      \(reload)<title>\(Markup.escaped(title))</title>
      <style>
      \(style)</style>
      </head>
      <body>
      <header>
      <h1>\(Markup.escaped(title))</h1>
      \(runs.count == 1 ? Self.head(runs[0]) : "")\
      <p class="quiet">\(Markup.escaped(origin))\(refresh == nil ? "" : "; loads itself again")</p>
      </header>
      <main>
      \(runs.count > 1 ? ReportTables.overview(runs) : "")\
      \(curves.html)\
      \(runs.enumerated().map { section(of: $1, number: $0) }.joined())\
      </main>
      <script type="application/json" id="curves">\(curves.json)</script>
      <script>
      \(script)</script>
      </body>
      </html>

      """
  }

  /// State, facts and what could not be read.
  private static func head(_ run: RunPage) -> String {
    let notes = run.notes.map { "<p class=\"note\">\(Markup.escaped($0))</p>\n" }.joined()
    let facts = run.facts.map {
      "<div><dt>\(Markup.escaped($0.name))</dt><dd>\(Markup.escaped($0.value))</dd></div>\n"
    }
    return """
      <p><span class="state">\(Markup.escaped(run.state))</span> \
      <code>\(Markup.escaped(run.folder))</code></p>
      \(notes)<dl class="facts">
      \(facts.joined())</dl>

      """
  }

  /// All of a run but its curves.
  private func section(of run: RunPage, number: Int) -> String {
    // Of several runs each has a heading over its parts'.
    let level = runs.count > 1 ? 3 : 2
    let parts = [
      ReportSamples.html(run, number: number, level: level), ReportTables.scores(run, level),
      ReportTables.warnings(run, level), ReportTables.settings(run, level),
      ReportTables.environment(run, level), ReportTables.log(run, level),
    ].joined()
    guard runs.count > 1 else { return parts }
    return """
      <section class="run" id="run\(number)">
      <h2>\(Markup.escaped(run.name))</h2>
      \(Self.head(run))\(parts)</section>

      """
  }
}

import Pictures
import Reports
import Scores

extension HistogramReport {
  /// All quantities, or one of them for each group by condition.
  ///
  /// - Parameter name: The one; nil for all.
  /// - Returns: The picture; nil where there is no such quantity, or it has no groups.
  package func picture(of name: String? = nil) -> Picture? {
    var panels = quantities.map { entry in
      Self.panel(entry.quantity.name, entry.quantity, entry.all)
    }
    if let name {
      guard let entry = quantities.first(where: { $0.quantity.name == name }), let groups,
        !entry.groups.isEmpty
      else { return nil }
      panels = zip(groups.labels, entry.groups).map { label, found in
        Self.panel("\(groups.name) \(label)", entry.quantity, found)
      }
    }
    return HistogramPlot.render(panels, names: ("reals", "samples"))
  }

  private static func panel(
    _ title: String, _ quantity: Quantity, _ found: HistogramComparison
  ) -> HistogramPlot.Panel {
    func shares(_ counts: [Int]) -> [Double] {
      let all = Double(max(1, counts.reduce(0, +)))
      return counts.map { Double($0) / all }
    }
    let isLog = quantity.binning.scale == .log
    return HistogramPlot.Panel(
      title: "\(title): separation \(scoreText(found.separation))", xLabel: quantity.label,
      edges: found.binning.edges, first: shares(found.reals), second: shares(found.samples),
      xScale: isLog ? .log : .linear)
  }
}

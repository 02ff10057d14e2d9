import Pictures
import Reports
import Training

extension ScalingResults {
  /// The picture of the tables: a row an axis.
  ///
  /// - Throws: `TrainingError` where there is nothing to draw.
  package func plot() throws -> Picture {
    let rows = ScalingAxis.allCases.compactMap(row)
    guard !rows.isEmpty else { throw TrainingError("the scaling results have no points") }
    return ScalingPlot.render(rows)
  }

  private func row(_ axis: ScalingAxis) -> ScalingPlot.Row? {
    let points = points(along: axis)
    guard !points.isEmpty else { return nil }
    let (title, label) =
      switch axis {
      case .ranks: ("Ranks", "ranks, on \(cores) core\(cores == 1 ? "" : "s")")
      case .batch: ("Batch", "batch")
      case .width: ("Width", "width, channels")
      case .image: ("Image size", "pixels each way")
      }
    let series: [ScalingPlot.Series]
    if axis == .ranks {
      series = [.init(name: "measured", points: points.map(plotted))]
    } else {
      series = Set(points.map(\.result.ranks)).sorted().map { ranks in
        .init(
          name: ranks == 1 ? "1 rank" : "\(ranks) ranks",
          points: points.filter { $0.result.ranks == ranks }.map(plotted))
      }
    }
    return ScalingPlot.Row(
      title: "\(title): \(subject(of: axis))", xLabel: label, series: series,
      ideal: axis == .ranks ? ideal(points) : nil)
  }

  /// One rank's seconds, divided by the cores that the ranks keep busy.
  private func ideal(_ points: [Point]) -> ScalingPlot.Series? {
    guard let one = points.first(where: { $0.value == 1 }) else { return nil }
    return .init(
      name: "ideal",
      points: points.map { point in
        let busy = Double(min(point.value, max(1, cores / point.result.threads)))
        let seconds = one.result.medianSeconds / busy
        return .init(value: point.value, seconds: seconds, range: seconds...seconds)
      })
  }

  private func plotted(_ point: Point) -> ScalingPlot.Point {
    let result = point.result
    return .init(
      value: point.value, seconds: result.medianSeconds,
      range: result.minSeconds...max(result.minSeconds, result.maxSeconds),
      shares: [result.computeShare, result.exchangeShare, result.waitingShare].compactMap { $0 })
  }
}

/// What SVG and PDF have in common: coordinates as short texts, strokes as lines of many points.
enum PathWriter {
  /// A number with at most two decimals.
  static func number(_ value: Double) -> String {
    guard value.isFinite else { return "0" }
    let hundredths = Int((min(max(value, -1e9), 1e9) * 100).rounded())
    let (whole, rest) = (abs(hundredths) / 100, abs(hundredths) % 100)
    let sign = hundredths < 0 ? "-" : ""
    if rest == 0 { return "\(sign)\(whole)" }
    let decimals = rest % 10 == 0 ? "\(rest / 10)" : rest < 10 ? "0\(rest)" : "\(rest)"
    return "\(sign)\(whole).\(decimals)"
  }

  /// Strokes as lines: those that begin where the one before them ends go on with it.
  static func lines(_ segments: [Segment]) -> [[(x: Double, y: Double)]] {
    var lines: [[(x: Double, y: Double)]] = []
    for segment in segments where isFinite(segment) {
      if let end = lines.last?.last, end.x == segment.x0, end.y == segment.y0 {
        lines[lines.count - 1].append((segment.x1, segment.y1))
      } else {
        lines.append([(segment.x0, segment.y0), (segment.x1, segment.y1)])
      }
    }
    return lines
  }

  private static func isFinite(_ segment: Segment) -> Bool {
    segment.x0.isFinite && segment.y0.isFinite && segment.x1.isFinite && segment.y1.isFinite
  }
}

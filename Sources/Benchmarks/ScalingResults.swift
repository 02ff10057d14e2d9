import Configuration
import Foundation
import Runs
import Training

/// What `bench --scaling` measured.
package struct ScalingResults: Codable, Sendable {
  package struct Point: Codable, Sendable {
    package var axis: ScalingAxis
    /// Along the axis.
    package var value: Int
    /// Median seconds an iteration of each round.
    package var roundSeconds: [Double]
    /// All rounds together: see `BenchmarkResult.combined`.
    package var result: BenchmarkResult

    package init(
      axis: ScalingAxis, value: Int, roundSeconds: [Double], result: BenchmarkResult
    ) {
      self.axis = axis
      self.value = value
      self.roundSeconds = roundSeconds
      self.result = result
    }
  }

  /// The environment of the process that started the jobs.
  package var environment: RunEnvironment
  package var cores: Int
  package var points: [Point]

  package init(environment: RunEnvironment, cores: Int, points: [Point]) {
    self.environment = environment
    self.cores = cores
    self.points = points
  }

  /// The points of an axis, ordered by ranks and value.
  package func points(along axis: ScalingAxis) -> [Point] {
    points.filter { $0.axis == axis }
      .sorted { ($0.result.ranks, $0.value) < ($1.result.ranks, $1.value) }
  }

  /// The seconds of 1 rank / those of this point, where 1 rank was measured at the same place.
  package func speedUp(of point: Point) -> Double? {
    let one = points.first {
      $0.axis == point.axis && $0.result.ranks == 1
        && (point.axis == .ranks || $0.value == point.value)
    }
    return one.map { $0.result.medianSeconds / point.result.medianSeconds }
  }

  /// What all points of an axis have in common: `fashion-mnist-wgan-gp, 1x28x28, width 64`.
  package func subject(of axis: ScalingAxis) -> String {
    guard let first = points(along: axis).first?.result else { return "" }
    var parts = [first.name]
    if axis != .image { parts.append(first.image) }
    if axis != .width, let width = first.width { parts.append("width \(width)") }
    if axis != .batch { parts.append("batch \(first.batch)") }
    if first.threads > 1 { parts.append("\(first.threads) threads a rank") }
    return parts.joined(separator: ", ")
  }

  /// A table an axis, in Markdown.
  package var markdown: String {
    ScalingAxis.allCases.filter { !points(along: $0).isEmpty }.map(table).joined(separator: "\n\n")
  }

  private func table(_ axis: ScalingAxis) -> String {
    let title = axis == .image ? "image size" : axis.rawValue
    let head =
      (axis == .ranks ? ["ranks"] : [title, "ranks"]) + [
        "s an iteration", "min", "max", "images/s", "GFLOP/s", "speed-up", "compute %",
        "exchange %", "waiting %", "MB a rank",
      ]
    let rows = points(along: axis).map { point in
      let result = point.result
      let share = { (share: Double?) in share.map { number(100 * $0, 1) } ?? "" }
      return (axis == .ranks ? [] : ["\(point.value)"]) + [
        "\(result.ranks)", number(result.medianSeconds, 4), number(result.minSeconds, 4),
        number(result.maxSeconds, 4), number(result.imagesPerSecond, 1),
        number(result.directGFLOPPerSecond, 1), speedUp(of: point).map { number($0, 2) } ?? "",
        share(result.computeShare), share(result.exchangeShare), share(result.waitingShare),
        number(result.peakMegabytesPerRank, 0),
      ]
    }
    let lines = [head, head.map { _ in "---:" }] + rows
    return "By \(title) (\(subject(of: axis))):\n\n"
      + lines.map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
  }

  private func number(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }

  /// - Throws: `TrainingError` naming the file.
  package init(path: String) throws {
    do {
      self = try JSONDecoder().decode(
        Self.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw TrainingError(
        "\(path): cannot be read as the JSON that bench --scaling writes: \(error)"
          .replacingOccurrences(of: "\n", with: " "))
    }
  }

  package var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(self) else { return "{}\n" }
    return String(decoding: data, as: UTF8.self) + "\n"
  }
}

extension BenchmarkResult {
  /// Several runs of one job as one: median of their seconds and shares, smallest minimum, largest
  /// maximum and memory.
  ///
  /// - Parameter results: At least one.
  /// - Returns: The combined result, with all the runs' iterations.
  package static func combined(_ results: [BenchmarkResult]) -> BenchmarkResult {
    precondition(!results.isEmpty, "no results to combine")
    let sorted = results.sorted { $0.medianSeconds < $1.medianSeconds }
    // What is not a number of its own (exchanges, names) is of the run in the middle.
    var combined = sorted[(sorted.count - 1) / 2]
    let seconds = results.map(\.medianSeconds).median
    combined.imagesPerSecond *= combined.medianSeconds / seconds
    combined.directGFLOPPerSecond *= combined.medianSeconds / seconds
    combined.medianSeconds = seconds
    combined.minSeconds = results.map(\.minSeconds).min() ?? seconds
    combined.maxSeconds = results.map(\.maxSeconds).max() ?? seconds
    combined.peakMegabytesPerRank = results.map(\.peakMegabytesPerRank).max() ?? 0
    combined.iterations = results.reduce(0) { $0 + $1.iterations }
    let middle = { (share: KeyPath<BenchmarkResult, Double?>) -> Double? in
      let values = results.compactMap { $0[keyPath: share] }
      return values.isEmpty ? nil : values.median
    }
    combined.exchangeShare = middle(\.exchangeShare)
    combined.waitingShare = middle(\.waitingShare)
    // Medians of three shares need not add up to 1.
    if let exchange = combined.exchangeShare, let waiting = combined.waitingShare {
      combined.computeShare = 1 - exchange - waiting
    }
    return combined
  }
}

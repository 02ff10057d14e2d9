import Base
import Foundation
import Reports

/// What stands at the top of a run's page: how far it is, and what its time went into.
struct RunFacts {
  let list: [(name: String, value: String)]

  init(_ page: RunPage, log: [RunLog.Entry]) {
    var list: [(name: String, value: String)] = [("iterations", "\(page.iterations)")]
    if let epoch = page.metrics?["epoch"].last { list.append(("epoch", "\(Int(epoch))")) }
    list += Self.seconds(page)
    if let begin = log.first { list.append(("began", begin.date)) }
    if let last = log.last, log.count > 1 { list.append(("last line of the log", last.date)) }
    self.list = list
  }

  /// Of an iteration, and of all of them with what scores took beside.
  private static func seconds(_ page: RunPage) -> [(name: String, value: String)] {
    let iterations = page.metrics?["seconds"].filter(\.isFinite) ?? []
    guard let middle = page.secondsOfIteration, let slowest = iterations.max() else { return [] }
    var list = [
      (
        name: "seconds an iteration",
        value: "\(short(middle)) (median), \(short(slowest)) (slowest)"
      )
    ]
    let training = iterations.reduce(0, +)
    let scores = (page.scores?["seconds"] ?? []).filter(\.isFinite).reduce(0, +)
    let total = training + scores
    guard total > 0 else { return list }
    list.append(("training", "\(short(training)) s, \(percent(training / total)) of the time"))
    if scores > 0 {
      list.append(("scores", "\(short(scores)) s, \(percent(scores / total)) of the time"))
    }
    return list
  }

  private static func short(_ value: Double) -> String {
    String(format: value < 100 ? "%.3g" : "%.0f", value)
  }

  private static func percent(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }
}

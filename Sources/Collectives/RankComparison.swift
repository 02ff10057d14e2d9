import Base
import Foundation

/// Which ranks hold another value than most.
package struct RankComparison: Equatable, Sendable {
  /// The lowest rank with the value that most ranks hold; of equally frequent values, that of the
  /// lowest rank counts.
  package let reference: Int
  /// The ranks with another one, in their order.
  package let odd: [Int]

  package init<Value: Hashable>(_ values: [Value]) {
    precondition(!values.isEmpty, "a comparison of no ranks")
    var counts: [Value: Int] = [:]
    for value in values { counts[value, default: 0] += 1 }
    let most = counts.values.max() ?? 0
    let reference = values.firstIndex { counts[$0] == most } ?? 0
    self.reference = reference
    odd = values.indices.filter { values[$0] != values[reference] }
  }

  package var isSame: Bool { odd.isEmpty }
}

/// The hosts of a job's ranks.
package struct RankHosts: Equatable, Sendable {
  package let names: [String]

  /// - Parameter names: The host of each rank.
  package init(_ names: [String]) { self.names = names }

  /// Asks all ranks.
  ///
  /// - Parameter communicator: All ranks.
  /// - Throws: `Fault` where the exchange fails.
  package init(_ communicator: any Communicator) throws {
    self.init(try communicator.gather(ProcessInfo.processInfo.hostName))
  }

  /// The ranks of each host, in the order of their lowest ranks.
  package var ranksOfHosts: [(host: String, ranks: [Int])] {
    var found: [(host: String, ranks: [Int])] = []
    for (rank, host) in names.enumerated() {
      if let index = found.firstIndex(where: { $0.host == host }) {
        found[index].ranks.append(rank)
      } else {
        found.append((host, [rank]))
      }
    }
    return found
  }

  /// `rank 3 on node7`.
  package func name(_ rank: Int) -> String { "rank \(rank) on \(names[rank])" }

  /// `ranks 2, 3 on node7 and rank 8 on node9`; not more than a line can show.
  package func list(_ ranks: [Int]) -> String {
    let wanted = Set(ranks)
    var parts = ranksOfHosts.compactMap { host, all in
      let here = all.filter(wanted.contains)
      return here.isEmpty ? nil : "\(Self.list(here)) on \(host)"
    }
    let shown = 4
    if parts.count > shown {
      let left = parts.count - shown
      parts = parts.prefix(shown) + ["\(left) more host\(left == 1 ? "" : "s")"]
    }
    guard let last = parts.last, parts.count > 1 else { return parts.first ?? "" }
    return parts.dropLast().joined(separator: ", ") + " and " + last
  }

  /// `rank 3`, `ranks 2, 3`; neighbours as `ranks 4-15`.
  package static func list(_ ranks: [Int]) -> String {
    var spans: [ClosedRange<Int>] = []
    for rank in ranks.sorted() {
      if let last = spans.last, last.upperBound + 1 == rank {
        spans[spans.count - 1] = last.lowerBound...rank
      } else {
        spans.append(rank...rank)
      }
    }
    let texts = spans.map { span in
      switch span.count {
      case 1: "\(span.lowerBound)"
      case 2: "\(span.lowerBound), \(span.upperBound)"
      default: "\(span.lowerBound)-\(span.upperBound)"
      }
    }
    let rest = texts.count > 12 ? ", ..." : ""
    return "rank\(ranks.count == 1 ? "" : "s") \(texts.prefix(12).joined(separator: ", "))\(rest)"
  }
}

extension Communicator {
  /// Every rank's numbers, in rank order; all ranks give as many.
  package func gather(_ numbers: [Double]) throws -> [[Double]] {
    var all = [Double](repeating: 0, count: size * numbers.count)
    try numbers.withUnsafeBufferPointer { numbers in
      try all.withUnsafeMutableBufferPointer { try allGather(numbers, into: $0) }
    }
    return (0..<size).map { Array(all[$0 * numbers.count..<($0 + 1) * numbers.count]) }
  }
}

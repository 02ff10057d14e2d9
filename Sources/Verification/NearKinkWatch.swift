import Collectives
import Networks

/// Watches how near the inputs of (leaky) ReLUs come to 0, where the derivative jumps.
final class NearKinkWatch {
  /// What this rank saw of a layer in a step.
  fileprivate struct Sight {
    var step: String
    var layer: String
    var smallest = Double.infinity
    var largest = 0.0
  }

  private var sights: [Sight] = []

  /// Watches a step while `body` runs it.
  ///
  /// - Parameters:
  ///   - step: The keys' beginning: `iter.0.critic.1.`.
  ///   - networks: Those through which the step goes back.
  ///   - body: Runs the step.
  /// - Throws: What `body` throws.
  func during(_ step: String, in networks: [Network], _ body: () throws -> Void) throws {
    let rectifiers = networks.flatMap(\.rectifiers)
    defer { for rectifier in rectifiers { rectifier.layer.reviseInput = nil } }
    for network in networks {
      let shards = 0..<network.context.plan.localShards
      for rectifier in network.rectifiers {
        let index = sights.count
        sights.append(
          Sight(
            step: String(step.dropLast()),
            layer: "\(network.name) \(rectifier.path) (\(rectifier.layer.kind))"))
        rectifier.layer.reviseInput = { [unowned self] values, pass in
          for shard in shards { self.sights[index].look(values, pass, shard: shard) }
          return false
        }
      }
    }
    try body()
  }

  /// The layers in whose input a value came near to 0, the nearest first; the same on every rank.
  ///
  /// - Parameters:
  ///   - limit: Of the smallest magnitude over the largest.
  ///   - communicator: Of all ranks, which call this together.
  /// - Returns: The layers and steps at most `limit` away.
  /// - Throws: Where the exchange fails.
  func nearest(within limit: Double, _ communicator: any Communicator) throws -> [NearKink] {
    let mine = sights.flatMap { [$0.smallest, $0.largest] }
    let all = try communicator.gathered(mine)
    return sights.enumerated().map { index, sight in
      let smallest = all.reduce(Double.infinity) { min($0, $1[2 * index]) }
      let largest = all.reduce(0) { max($0, $1[2 * index + 1]) }
      return NearKink(
        step: sight.step, layer: sight.layer, distance: largest > 0 ? smallest / largest : 1)
    }.filter { $0.distance <= limit }.sorted { $0.distance < $1.distance }
  }
}

extension NearKinkWatch.Sight {
  fileprivate mutating func look(_ values: Tensor, _ pass: Pass, shard: Int) {
    for value in values.read(pass, shard: shard) {
      smallest = min(smallest, Double(abs(value)))
      largest = max(largest, Double(abs(value)))
    }
  }
}

extension Communicator {
  /// Every rank's values, in rank order; as many on each.
  func gathered(_ mine: [Double]) throws -> [[Double]] {
    guard !mine.isEmpty else { return [] }
    var all = [Double](repeating: 0, count: size * mine.count)
    try mine.withUnsafeBufferPointer { mine in
      try all.withUnsafeMutableBufferPointer { try allGather(mine, into: $0) }
    }
    return (0..<size).map { Array(all[$0 * mine.count..<($0 + 1) * mine.count]) }
  }
}

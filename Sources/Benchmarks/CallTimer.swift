import Base
import Collectives

/// Times calls that all ranks make together.
struct CallTimer {
  /// Seconds that a block of calls should take.
  private static let blockSeconds = 0.003

  let communicator: any Communicator

  /// Microseconds of a call of each way, of the slowest rank: blocks of calls take turns, so that
  /// what else the machine does meets all ways alike.
  func times(_ ways: [() throws -> Void], blocks: Int) throws -> [TransferTime] {
    let calls = try ways.map { way in
      try way()
      let seconds = try slowest(try Self.seconds(calls: 3, way))
      return max(1, min(1000, Int(Self.blockSeconds / max(seconds, 1e-7))))
    }
    var seconds = [[Double]](repeating: [], count: ways.count)
    for _ in 0..<blocks {
      for (index, way) in ways.enumerated() {
        try communicator.barrier()
        seconds[index].append(try slowest(try Self.seconds(calls: calls[index], way)))
      }
    }
    return seconds.map {
      TransferTime(median: $0.median * 1e6, fastest: ($0.min() ?? .nan) * 1e6)
    }
  }

  /// Seconds of one of so many calls.
  private static func seconds(calls: Int, _ way: () throws -> Void) rethrows -> Double {
    try secondsTaken { for _ in 0..<calls { try way() } } / Double(calls)
  }

  private func slowest(_ seconds: Double) throws -> Double {
    try communicator.gather([seconds]).reduce(0) { max($0, $1[0]) }
  }
}

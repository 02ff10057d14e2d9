import Base
import Collectives

/// Ranks and threads that measure together, with the same digits on any number of them.
///
/// Work is cut into slices whose number and sizes depend on the work alone. One thread of one rank
/// computes a slice, whatever else it has to do; the values of all slices are gathered on all ranks
/// in the order of the slices, and whoever adds them up adds in that order. So digits depend on the
/// slices and never on who computed them. (Ranks on unlike processors may differ in the last bits
/// of OpenBLAS's products; what a score gives out in the end is rank 0's, on all ranks.)
///
/// All ranks call the same functions in the same order with the same slices, also where the work
/// fails on one of them: then all throw.
package final class ScoreTeam {
  package let communicator: any Communicator
  /// Of each rank.
  package let threads: Int
  private let pool: ThreadPool

  /// - Parameters:
  ///   - communicator: All ranks that measure.
  ///   - threads: Threads of each rank.
  /// - Throws: Where the system refuses a thread, on this rank only.
  package init(_ communicator: any Communicator, threads: Int = 1) throws {
    self.communicator = communicator
    self.threads = threads
    pool = try ThreadPool(threads: threads)
  }

  /// The slices of a rank: neighbours.
  private func slices(ofRank rank: Int, of count: Int) -> Range<Int> {
    let start = { (rank: Int) in
      (rank * count + self.communicator.size - 1) / self.communicator.size
    }
    return start(rank)..<start(rank + 1)
  }

  /// The values of all slices, computed by the ranks' threads.
  ///
  /// - Parameters:
  ///   - lengths: The values of each slice: as many slices as lengths.
  ///   - compute: Overwrites a slice's values, zeros at first. Called on any thread, a few at a
  ///     time.
  /// - Returns: The values of the first slice, those of the second and so on, on all ranks.
  /// - Throws: On all ranks, what a slice of one throws.
  package func gather<Value: BitwiseCopyable & Numeric>(
    _ lengths: [Int],
    _ compute: (_ slice: Int, _ values: UnsafeMutableBufferPointer<Value>) throws -> Void
  ) throws -> [Value] {
    try gather(lengths, compute, inTurn: false)
  }

  /// The values of all slices, a rank's computed one after the other by the calling thread: for
  /// work that has threads of its own, as a network's passes have.
  ///
  /// - Parameters:
  ///   - lengths: As above.
  ///   - compute: As above.
  /// - Returns: As above.
  /// - Throws: As above.
  package func gatherInTurn<Value: BitwiseCopyable & Numeric>(
    _ lengths: [Int],
    _ compute: (_ slice: Int, _ values: UnsafeMutableBufferPointer<Value>) throws -> Void
  ) throws -> [Value] {
    try gather(lengths, compute, inTurn: true)
  }

  /// Values that rank 0 computes for all.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - compute: Overwrites them.
  /// - Returns: The values, on all ranks.
  /// - Throws: On all ranks, what rank 0 throws.
  package func once<Value: BitwiseCopyable & Numeric>(
    _ count: Int, _ compute: (_ values: UnsafeMutableBufferPointer<Value>) throws -> Void
  ) throws -> [Value] {
    try gather([count]) { _, values in try compute(values) }
  }

  private func gather<Value: BitwiseCopyable & Numeric>(
    _ lengths: [Int],
    _ compute: (_ slice: Int, _ values: UnsafeMutableBufferPointer<Value>) throws -> Void,
    inTurn: Bool
  ) throws -> [Value] {
    var starts = [0]
    for length in lengths { starts.append(starts[starts.count - 1] + length) }
    var values = [Value](repeating: 0, count: starts[lengths.count])
    try values.withUnsafeMutableBufferPointer { values in
      let slices = slices(ofRank: communicator.rank, of: lengths.count)
      try communicator.agree {
        var failures = [(any Error)?](repeating: nil, count: slices.count)
        failures.withUnsafeMutableBufferPointer { failures in
          func run(_ index: Int) {
            let slice = slices.lowerBound + index
            do {
              try compute(slice, .init(rebasing: values[starts[slice]..<starts[slice + 1]]))
            } catch { failures[index] = error }
          }
          if inTurn {
            for index in slices.indices { run(index - slices.lowerBound) }
          } else {
            pool.forEach(slices.count) { index, _ in run(index) }
          }
        }
        if let failure = failures.lazy.compactMap({ $0 }).first { throw failure }
      }
      for rank in 0..<communicator.size {
        let slices = self.slices(ofRank: rank, of: lengths.count)
        try share(
          .init(rebasing: values[starts[slices.lowerBound]..<starts[slices.upperBound]]),
          from: rank)
      }
    }
    return values
  }

  /// Bytes of a message: MPI counts them in 31 bits.
  private static let largestMessage = 1 << 28

  private func share<Value: BitwiseCopyable>(
    _ values: UnsafeMutableBufferPointer<Value>, from root: Int
  ) throws {
    guard communicator.size > 1 else { return }
    let bytes = UnsafeMutableRawBufferPointer(values)
    for first in stride(from: 0, to: bytes.count, by: Self.largestMessage) {
      let last = min(first + Self.largestMessage, bytes.count)
      try communicator.broadcast(.init(rebasing: bytes[first..<last]), from: root)
    }
  }
}

extension ScoreTeam {
  /// Ranges of at most `length` that make up 0 ..< count: slices of items.
  package static func ranges(_ count: Int, length: Int) -> [Range<Int>] {
    precondition(length > 0, "slices of \(length)")
    return stride(from: 0, to: count, by: length).map { $0..<min($0 + length, count) }
  }

  /// At most `parts` ranges, all as long as the first but the last one: slices of work whose
  /// results are added up, which must not be too many.
  package static func ranges(_ count: Int, parts: Int, shortest: Int = 1) -> [Range<Int>] {
    ranges(count, length: max(shortest, (count + parts - 1) / parts))
  }
}

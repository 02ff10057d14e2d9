import Base
import Collectives
import Foundation

/// Ranks as threads of one process, for tests: what they send passes through shared memory.
///
/// Like MPI's ranks they must call the same functions in the same order. A rank that leaves early
/// makes the others' calls throw, so that a failing test ends.
package final class ThreadedCommunicator: Communicator {
  /// What all ranks share: a barrier, and one place a rank to leave an address.
  fileprivate final class Meeting: @unchecked Sendable {
    let size: Int
    private let condition = NSCondition()
    private var waiting = 0
    private var generation = 0
    private var isBroken = false
    /// Written by its rank only, read between two barriers.
    var addresses: [UnsafeRawPointer?]
    var counts: [Int]

    init(size: Int) {
      self.size = size
      addresses = Array(repeating: nil, count: size)
      counts = Array(repeating: 0, count: size)
    }

    func leave(rank: Int, address: UnsafeRawPointer?, count: Int) {
      condition.withLock {
        addresses[rank] = address
        counts[rank] = count
      }
    }

    func left(by rank: Int) -> (address: UnsafeRawPointer?, count: Int) {
      condition.withLock { (addresses[rank], counts[rank]) }
    }

    func wait() throws {
      condition.lock()
      defer { condition.unlock() }
      let arrived = generation
      waiting += 1
      if waiting == size {
        waiting = 0
        generation += 1
        condition.broadcast()
      }
      let deadline = Date(timeIntervalSinceNow: 60)
      while generation == arrived && !isBroken {
        if !condition.wait(until: deadline) { isBroken = true }
      }
      if isBroken && generation == arrived {
        throw Fault("a rank has left, or the ranks wait for each other")
      }
    }

    func end() {
      condition.withLock {
        isBroken = true
        condition.broadcast()
      }
    }
  }

  package let rank: Int
  package let size: Int
  package let exchangeSeconds = 0.0
  package let exchangeDescription = "between threads"
  private let meeting: Meeting

  private init(rank: Int, meeting: Meeting) {
    self.rank = rank
    size = meeting.size
    self.meeting = meeting
  }

  /// Runs `body` once for each rank, each on a thread of its own, and gives the results in rank
  /// order.
  ///
  /// - Throws: The error of the lowest rank that has one.
  package static func run<Value: Sendable>(
    ranks: Int, _ body: @escaping @Sendable (ThreadedCommunicator) throws -> Value
  ) throws -> [Value] {
    try results(ranks: ranks, body).map { try $0.get() }
  }

  /// Runs `body` on every rank, and returns every rank's value or error.
  package static func results<Value: Sendable>(
    ranks: Int, _ body: @escaping @Sendable (ThreadedCommunicator) throws -> Value
  ) -> [Result<Value, any Error>] {
    let meeting = Meeting(size: ranks)
    let box = ResultBox<Value>(count: ranks)
    let group = DispatchGroup()
    for rank in 0..<ranks {
      group.enter()
      let thread = Thread {
        let result = Result { try body(ThreadedCommunicator(rank: rank, meeting: meeting)) }
        if case .failure = result { meeting.end() }
        box.set(result, at: rank)
        group.leave()
      }
      thread.stackSize = 8 << 20
      thread.start()
    }
    group.wait()
    return box.all
  }

  private final class ResultBox<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var results: [Result<Value, any Error>?]
    init(count: Int) { results = Array(repeating: nil, count: count) }
    func set(_ result: Result<Value, any Error>, at index: Int) {
      lock.withLock { results[index] = result }
    }
    var all: [Result<Value, any Error>] { lock.withLock { results.compactMap { $0 } } }
  }

  /// Leaves `count` bytes' address, waits for all, reads, and waits until all have read.
  private func exchange(
    _ address: UnsafeRawPointer?, count: Int,
    _ read: (_ rank: Int, _ address: UnsafeRawPointer?, _ count: Int) -> Void
  ) throws {
    meeting.leave(rank: rank, address: address, count: count)
    try meeting.wait()
    for other in 0..<size {
      let (address, count) = meeting.left(by: other)
      read(other, address, count)
    }
    try meeting.wait()
  }

  package func allGather(
    _ mine: UnsafeBufferPointer<Double>, into all: UnsafeMutableBufferPointer<Double>
  ) throws {
    precondition(
      all.count == size * mine.count, "gathering \(size) x \(mine.count) values into \(all.count)")
    try exchange(UnsafeRawPointer(mine.baseAddress), count: mine.count) { other, address, count in
      precondition(count == mine.count, "rank \(other) gathers \(count) values, not \(mine.count)")
      guard let source = address?.assumingMemoryBound(to: Double.self) else { return }
      for index in 0..<count { all[other * count + index] = source[index] }
    }
  }

  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {
    let rank = rank
    try exchange(UnsafeRawPointer(bytes.baseAddress), count: bytes.count) { other, address, count in
      precondition(
        count == bytes.count, "rank \(other) broadcasts \(count) bytes, not \(bytes.count)")
      guard other == root, other != rank, let address else { return }
      bytes.copyMemory(from: UnsafeRawBufferPointer(start: address, count: count))
    }
  }

  package func barrier() throws { try meeting.wait() }

  package func abort(status: Int32) -> Never { fatalError("rank \(rank) aborts with \(status)") }

  package func useExchange(_ mode: ExchangeMode) throws {}

  package func makeOrderedSum(count: Int) throws -> any OrderedSum {
    ThreadedSum(self, count: count)
  }

  /// Every rank gathers all vectors and adds them in tree order; parts that are not its own become
  /// NaN.
  private final class ThreadedSum: OrderedSum {
    private let communicator: ThreadedCommunicator
    private let count: Int
    private let all: FloatStorage

    init(_ communicator: ThreadedCommunicator, count: Int) {
      self.communicator = communicator
      self.count = count
      all = FloatStorage(count: communicator.size * count)
    }

    func parts(ofRank rank: Int) -> [Range<Int>] {
      [OrderedSumParts.part(rank, of: communicator.size, in: 0..<count)]
    }

    func share(_ vector: MutableFloatBuffer) throws {
      try communicator.exchange(UnsafeRawPointer(vector.baseAddress), count: count) {
        other, address, count in
        precondition(count == self.count, "rank \(other) shares \(count) values, not \(self.count)")
        guard let source = address?.assumingMemoryBound(to: Float.self) else { return }
        for range in parts(ofRank: other) where other != communicator.rank {
          for index in range { vector[index] = source[index] }
        }
      }
    }

    func reduce(_ vector: MutableFloatBuffer) throws {
      precondition(vector.count == count, "sum of \(vector.count) values, planned for \(count)")
      let (all, planned) = (all, count)
      try communicator.exchange(UnsafeRawPointer(vector.baseAddress), count: planned) {
        other, address, count in
        precondition(count == planned, "rank \(other) sums \(count) values, not \(planned)")
        guard let source = address?.assumingMemoryBound(to: Float.self) else { return }
        (all.pointer + other * planned).update(from: source, count: planned)
      }
      ReductionTree(leaves: communicator.size).sum(all.pointer, stride: planned, range: 0..<planned)
      vector.update(repeating: .nan)
      for range in parts(ofRank: communicator.rank) {
        for index in range { vector[index] = all.pointer[index] }
      }
    }
  }
}

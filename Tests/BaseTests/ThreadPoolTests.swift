import Base
import Synchronization
import TestSupport
import Testing

@Suite struct ThreadPoolTests {
  @Test(arguments: 1...4)
  func eachIndexOnce(threads: Int) throws {
    let pool = try ThreadPool(threads: threads)
    #expect(pool.threads == threads)
    let calls = AlignedArray<Int32>(count: 1001)
    let owners = AlignedArray<Int32>(count: 1001)
    for count in Array(0...20) + [64, 1001] {
      calls.buffer.update(repeating: 0)
      pool.forEach(count) { index, thread in
        calls.buffer[index] += 1
        owners.buffer[index] = Int32(thread)
      }
      #expect(calls.buffer.prefix(count).allSatisfy { $0 == 1 }, "count \(count)")
      #expect(calls.buffer.dropFirst(count).allSatisfy { $0 == 0 }, "count \(count)")
      if count > 1 {
        let expected = (0..<count).map { Int32($0 * threads / count) }
        #expect(Array(owners.buffer.prefix(count)) == expected, "count \(count)")
      }
    }
  }

  /// Fork after fork, with work between: the join waits for all, every time.
  @Test(arguments: 1...4)
  func everyJoinWaitsForAll(threads: Int) throws {
    let pool = try ThreadPool(threads: threads)
    let partial = DoubleStorage(count: 8)
    var total = 0.0
    for round in 0..<2000 {
      pool.forEach(8) { index, _ in partial.buffer[index] = Double(round * 8 + index) }
      total += partial.buffer.reduce(0, +)
    }
    #expect(total == 16_000.0 * 15_999.0 / 2)
  }

  /// Pools come and go, used or not, also before their workers have begun.
  @Test func poolsEnd() throws {
    for round in 0..<300 {
      weak var gone: ThreadPool?
      do {
        let pool = try ThreadPool(threads: 1 + round % 4)
        gone = pool
        if round % 3 == 0 {
          let calls = Atomic<Int>(0)
          pool.forEach(7) { _, _ in calls.add(1, ordering: .relaxed) }
          #expect(calls.load(ordering: .relaxed) == 7)
        }
      }
      #expect(gone == nil, "a worker keeps its pool")
    }
  }

  /// Sums of sums have the same bits with any number of threads: an index's arithmetic is its own.
  @Test func sumsDoNotDependOnTheThreads() throws {
    var data = TestData(seed: 1)
    let values = data.orderSensitive(8 * 1000)
    func sum(_ threads: Int) throws -> Float {
      let pool = try ThreadPool(threads: threads)
      let shares = FloatStorage(count: 8)
      pool.forEach(8) { shard, _ in
        shares.buffer[shard] = values[shard * 1000..<(shard + 1) * 1000].reduce(0, +)
      }
      return shares.buffer.reduce(0, +)
    }
    let expected = try sum(1)
    for threads in 2...4 { #expect(try sum(threads).bitPattern == expected.bitPattern) }
  }

  /// Two pools of two ranks in one process do not disturb each other.
  @Test func poolsAreIndependent() throws {
    let outer = try ThreadPool(threads: 2)
    let inner = [try ThreadPool(threads: 2), try ThreadPool(threads: 2)]
    let sums = AlignedArray<Int>(count: 2)
    for _ in 0..<100 {
      sums.buffer.update(repeating: 0)
      outer.forEach(2) { index, _ in
        let count = Atomic<Int>(0)
        inner[index].forEach(10) { i, _ in count.add(i, ordering: .relaxed) }
        sums.buffer[index] = count.load(ordering: .relaxed)
      }
      #expect(Array(sums.buffer) == [45, 45])
    }
  }

  @Test(arguments: [0, 1, 3, 16, 1000])
  func alignedArray(count: Int) throws {
    for _ in 0..<20 {
      let floats = FloatStorage(count: count)
      #expect(floats.count == count)
      #expect(floats.buffer.allSatisfy { $0 == 0 })
      #expect(UInt(bitPattern: floats.pointer) % 64 == 0)
      let doubles = DoubleStorage(count: count)
      #expect(doubles.buffer.allSatisfy { $0 == 0 })
      #expect(UInt(bitPattern: doubles.pointer) % 64 == 0)
      // Used memory comes back: it must be zeroed again.
      floats.buffer.update(repeating: 7)
      doubles.buffer.update(repeating: .nan)
    }
  }
}

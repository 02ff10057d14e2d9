import Base
import Collectives
import TestSupport
import Testing

@Suite struct CommunicatorTests {
  @Test func solo() throws {
    let solo = SoloCommunicator()
    #expect(solo.rank == 0)
    #expect(solo.size == 1)
    var all = [0.0, 0.0]
    try [3.0, 4.0].withUnsafeBufferPointer { mine in
      try all.withUnsafeMutableBufferPointer { try solo.allGather(mine, into: $0) }
    }
    #expect(all == [3, 4])
    var none: [Double] = []
    try [Double]().withUnsafeBufferPointer { mine in
      try none.withUnsafeMutableBufferPointer { try solo.allGather(mine, into: $0) }
    }
    let sum = try solo.makeOrderedSum(count: 3)
    #expect(try ([1, 2, 3] as [Float]).changed { try sum($0) } == [1, 2, 3])
    try solo.barrier()
    #expect(try solo.agree { 7 } == 7)
    #expect(throws: Fault("no disk")) { try solo.agree("no disk") }
    try solo.requireSame("a\nb", what: "the text")
  }

  // MARK: - The tests' own ranks

  @Test(arguments: 1...5)
  func gatherAndBroadcast(ranks: Int) throws {
    for count in [0, 1, 3, 1000] {
      let found = try ThreadedCommunicator.run(ranks: ranks) { ranks -> [Double] in
        let mine = (0..<count).map { Double(ranks.rank * 10_000 + $0) }
        var all = [Double](repeating: .nan, count: ranks.size * count)
        try mine.withUnsafeBufferPointer { mine in
          try all.withUnsafeMutableBufferPointer { try ranks.allGather(mine, into: $0) }
        }
        return all
      }
      let expected = (0..<ranks).flatMap { rank in (0..<count).map { Double(rank * 10_000 + $0) } }
      #expect(found.count == ranks)
      #expect(found.allSatisfy { $0 == expected })
      for root in 0..<ranks {
        let bytes = try ThreadedCommunicator.run(ranks: ranks) { ranks -> [UInt8] in
          var bytes = [UInt8](repeating: UInt8(ranks.rank + 1), count: count)
          try bytes.withUnsafeMutableBytes { try ranks.broadcast($0, from: root) }
          return bytes
        }
        #expect(bytes.allSatisfy { $0 == [UInt8](repeating: UInt8(root + 1), count: count) })
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4, 8])
  func orderedSumFollowsTheTree(ranks: Int) throws {
    for count in [0, 1, 5, 4001] {
      let vector = { @Sendable (rank: Int) -> [Float] in
        var data = TestData(seed: UInt64(rank))
        return data.orderSensitive(count)
      }
      let found = try ThreadedCommunicator.run(ranks: ranks) { ranks -> [Float] in
        let sum = try ranks.makeOrderedSum(count: count)
        return try vector(ranks.rank).changed { try sum($0) }
      }
      var all = (0..<ranks).flatMap(vector)
      all.withUnsafeMutableBufferPointer { all in
        guard let start = all.baseAddress else { return }
        ReductionTree(leaves: ranks).sum(start, stride: count, range: 0..<count)
      }
      for result in found { expectSameBits(result, all.prefix(count)) }
    }
  }

  // MARK: - Agreement

  private func errors(ranks: Int, _ body: @escaping @Sendable (ThreadedCommunicator) throws -> Void)
    -> [String]
  {
    ThreadedCommunicator.results(ranks: ranks, body).map { result in
      switch result {
      case .success: "fine"
      case .failure(let error): "\(error)"
      }
    }
  }

  @Test func oneFailureFailsAll() {
    #expect(errors(ranks: 4) { try $0.agree(nil) } == ["fine", "fine", "fine", "fine"])
    let one = errors(ranks: 4) { try $0.agree($0.rank == 2 ? "no file" : nil) }
    #expect(one == [String](repeating: "rank 2: no file", count: 4))
    // The lowest that failed speaks.
    let two = errors(ranks: 4) { try $0.agree($0.rank % 2 == 1 ? "no file \($0.rank)" : nil) }
    #expect(two == [String](repeating: "rank 1: no file 1", count: 4))
    // A message that all have needs no rank.
    #expect(errors(ranks: 3) { try $0.agree("no file") } == ["no file", "no file", "no file"])
    let long = errors(ranks: 2) {
      try $0.agree($0.rank == 1 ? String(repeating: "x", count: 5000) : nil)
    }
    #expect(long == [String](repeating: "rank 1: " + String(repeating: "x", count: 5000), count: 2))
  }

  @Test func bodiesAgree() {
    let found = errors(ranks: 3) { ranks in
      let value = try ranks.agree { ranks.rank * 2 }
      #expect(value == ranks.rank * 2)
      try ranks.agree {
        if ranks.rank == 1 { throw Fault("bad disk") }
      }
    }
    #expect(found == [String](repeating: "rank 1: bad disk", count: 3))
  }

  @Test func differingTextsAreNamed() {
    let same = errors(ranks: 3) {
      try $0.requireSame("batch: 64\nseed: 1", what: "the configuration")
    }
    #expect(same == ["fine", "fine", "fine"])
    let line = errors(ranks: 3) {
      try $0.requireSame("batch: 64\n  seed: \($0.rank / 2)", what: "the configuration")
    }
    #expect(
      line
        == [String](
          repeating:
            "rank 2: the configuration differs from rank 0's: 'seed: 1' here, 'seed: 0' there",
          count: 3))
    let shorter = errors(ranks: 2) { try $0.requireSame($0.rank == 0 ? "a\nb" : "a", what: "x") }
    #expect(
      shorter
        == [String](
          repeating: "rank 1: x differs from rank 0's: '1 lines' here, '2 lines' there", count: 2))
    let longer = errors(ranks: 2) { try $0.requireSame($0.rank == 1 ? "a\nb" : "a", what: "x") }
    #expect(
      longer
        == [String](
          repeating: "rank 1: x differs from rank 0's: '2 lines' here, '1 lines' there", count: 2))
  }

  /// A rank that leaves ends the others' calls.
  @Test func aRankThatLeavesEndsTheOthers() {
    let found = errors(ranks: 3) { ranks in
      if ranks.rank == 1 { throw Fault("gone") }
      try ranks.barrier()
    }
    #expect(found[1] == "gone")
    #expect(found[0].contains("a rank has left"))
    #expect(found[2].contains("a rank has left"))
  }
}

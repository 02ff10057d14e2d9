import Collectives
import TestSupport
import Testing

@Suite struct ReductionTreeTests {
  /// Leaves in any number, each a vector of one value.
  private func sum(_ values: [Float]) -> Float {
    values.changed { values in
      guard let start = values.baseAddress else { return }
      ReductionTree(leaves: values.count).sum(start, stride: 1, range: 0..<1)
    }[0]
  }

  private func orders(_ count: Int) -> [[Float]] {
    var data = TestData(seed: UInt64(count))
    return (0..<20).map { _ in data.orderSensitive(count) }
  }

  @Test func eightLeavesHalve() {
    var fold = 0
    for v in orders(8) {
      let expected = ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]))
      expectSameBits([sum(v)], [expected])
      if expected != v.reduce(0, +) { fold += 1 }
    }
    #expect(fold > 0, "the values' sum does not depend on the order: they prove nothing")
  }

  /// 12 = 3 blocks of 4, 6 = 3 blocks of 2: folded from the first to the last.
  @Test func oddBlocksFold() {
    var different = 0
    for v in orders(12) {
      let block = { (i: Int) in (v[i] + v[i + 1]) + (v[i + 2] + v[i + 3]) }
      expectSameBits([sum(v)], [(block(0) + block(4)) + block(8)])
      if (block(0) + block(4)) + block(8) != block(0) + (block(4) + block(8)) { different += 1 }
    }
    for v in orders(6) {
      expectSameBits([sum(v)], [((v[0] + v[1]) + (v[2] + v[3])) + (v[4] + v[5])])
    }
    for v in orders(5) { expectSameBits([sum(v)], [v.reduce(0, +)]) }
    for v in orders(1) { expectSameBits([sum(v)], v) }
    #expect(different > 0)
  }

  @Test func doublesFollowTheSameTree() {
    for v in orders(12) {
      // As Doubles these would be exact: make them order-sensitive at Double's precision.
      var doubles = v.map { Double($0) * 1.000_000_1 + Double($0) * 0x1p-45 }
      let d = doubles
      let block = { (i: Int) in (d[i] + d[i + 1]) + (d[i + 2] + d[i + 3]) }
      doubles.withUnsafeMutableBufferPointer { values in
        guard let start = values.baseAddress else { return }
        ReductionTree(leaves: 12).sum(start, stride: 1, count: 1)
      }
      #expect(doubles[0].bitPattern == ((block(0) + block(4)) + block(8)).bitPattern)
    }
  }

  @Test func partCounts() {
    let expected = [
      1: [1], 2: [1, 2], 3: [1, 3], 4: [1, 2, 4], 5: [1, 5], 6: [1, 3, 6], 7: [1, 7],
      8: [1, 2, 4, 8],
      12: [1, 3, 6, 12], 24: [1, 3, 6, 12, 24], 40: [1, 5, 10, 20, 40],
    ]
    for (leaves, counts) in expected {
      #expect(ReductionTree(leaves: leaves).partCounts == counts, "\(leaves) leaves")
    }
  }

  /// Ranks that sum their own leaves and then each other's sums get the whole tree's bits.
  ///
  /// This holds for every allowed number of ranks; for others see the next test.
  @Test(arguments: [1, 2, 3, 4, 5, 6, 8, 12, 16, 20, 24])
  func everyAllowedPartCountGivesTheSameBits(leaves: Int) {
    for values in orders(leaves) {
      let whole = sum(values)
      for parts in ReductionTree(leaves: leaves).partCounts {
        let size = leaves / parts
        let subtotals = (0..<parts).map { sum(Array(values[$0 * size..<($0 + 1) * size])) }
        expectSameBits([sum(subtotals)], [whole], "\(parts) parts of \(leaves)")
      }
    }
  }

  @Test func otherPartCountsWouldChangeBits() {
    let differing = orders(12).filter { v in
      let halves = sum(Array(v[0..<6])) + sum(Array(v[6..<12]))
      return halves != sum(v)
    }
    #expect(!differing.isEmpty)
    #expect(!ReductionTree(leaves: 12).partCounts.contains(2))
  }

  /// Only the range is summed, with any stride; long vectors pass in sweeps.
  @Test(arguments: [(7, 0..<7), (9, 2..<5), (3000, 0..<3000), (3000, 1023..<2049), (5, 3..<3)])
  func rangesAndStrides(stride: Int, range: Range<Int>) {
    var data = TestData(seed: 9)
    let leaves = 6
    let vectors = data.orderSensitive(leaves * stride)
    let found = vectors.changed { values in
      guard let start = values.baseAddress else { return }
      ReductionTree(leaves: leaves).sum(start, stride: stride, range: range)
    }
    let expected = (0..<stride).map { index in
      range.contains(index)
        ? sum((0..<leaves).map { vectors[$0 * stride + index] }) : vectors[index]
    }
    expectSameBits(found.prefix(stride), expected)
    for leaf in 0..<leaves {
      for index in 0..<stride where !range.contains(index) {
        #expect(found[leaf * stride + index] == vectors[leaf * stride + index])
      }
    }
  }
}

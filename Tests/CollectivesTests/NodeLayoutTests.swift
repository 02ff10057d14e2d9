import Base
import Collectives
import TestSupport
import Testing

@Suite struct NodeLayoutTests {
  /// Nodes of so many neighbouring ranks each.
  private func layout(_ sizes: [Int]) -> NodeLayout {
    var nodes: [Int] = []
    for size in sizes { nodes += [Int](repeating: nodes.count, count: size) }
    return NodeLayout(nodeOfRank: nodes)
  }

  @Test func twoLevelsNeedWholeSubtrees() {
    for sizes in [
      [2, 2], [4, 4], [2, 2, 2, 2], [4, 4, 4], [2, 2, 2], [2, 2, 2, 2, 2, 2], [8, 8, 8],
    ] {
      #expect(layout(sizes).obstacle == nil, "\(sizes)")
      #expect(layout(sizes).ranksOfNodes == sizes)
    }
    #expect(layout([4]).obstacle == "all ranks are on one node")
    #expect(layout([1]).obstacle == "all ranks are on one node")
    #expect(layout([1, 1, 1, 1]).obstacle == "every node has one rank")
    #expect(layout([3, 1]).obstacle == "nodes have from 1 to 3 ranks")
    #expect(layout([3, 3]).obstacle == "3 ranks of a node are no whole subtree of 6 ranks")
    #expect(layout([6, 6]).obstacle == "6 ranks of a node are no whole subtree of 12 ranks")
    let dealt = NodeLayout(nodeOfRank: [0, 1, 0, 1])
    #expect(
      dealt.obstacle
        == "the ranks of a node are not neighbours; mpirun --map-by slot makes them so")
    #expect(dealt.ranksOfNodes == [2, 2])
  }

  @Test func levelsOfARank() throws {
    let layout = layout([2, 2, 2, 2])
    let flat = try layout.levels(rank: 5, mode: .flat)
    #expect(flat == [ExchangeLevel(ranks: Array(0..<8), index: 5)])
    for mode in [ExchangeMode.auto, .twoLevel] {
      let levels = try layout.levels(rank: 5, mode: mode)
      #expect(
        levels == [
          ExchangeLevel(ranks: [4, 5], index: 1), ExchangeLevel(ranks: [1, 3, 5, 7], index: 2),
        ])
    }
  }

  @Test func unevenNodesFallBackUnlessForced() throws {
    let layout = layout([3, 1])
    #expect(try layout.levels(rank: 1, mode: .auto) == layout.levels(rank: 1, mode: .flat))
    #expect(
      throws: Fault(
        "expected auto or flat, found twoLevel: nodes have from 1 to 3 ranks",
        parameter: "exchange")
    ) { try layout.levels(rank: 1, mode: .twoLevel) }
    // One rank has nothing to exchange, and so no way to refuse.
    #expect(try self.layout([1]).levels(rank: 0, mode: .twoLevel).count == 1)
  }

  @Test func descriptions() {
    #expect(layout([1]).description(mode: .auto) == "none")
    #expect(layout([2, 2]).description(mode: .auto) == "two-level, 2 nodes of 2 ranks")
    #expect(layout([2, 2]).description(mode: .twoLevel) == "two-level, 2 nodes of 2 ranks")
    #expect(layout([2, 2]).description(mode: .flat) == "flat (asked for), 2 nodes")
    #expect(layout([3, 1]).description(mode: .auto) == "flat (nodes have from 1 to 3 ranks)")
  }

  /// Slices divide every range among the ranks of a level, in order and without a gap.
  @Test func slicesCoverARange() {
    for ranks in 1...5 {
      for range in [0..<0, 3..<4, 7..<107] {
        let level = ExchangeLevel(ranks: Array(0..<ranks), index: 0)
        let slices = (0..<ranks).map { level.slice($0, of: range) }
        #expect(slices.flatMap { Array($0) } == Array(range))
        #expect(
          slices.allSatisfy {
            $0.isEmpty || ($0.lowerBound - range.lowerBound) % OrderedSumParts.block == 0
          })
        #expect(slices[0].lowerBound == range.lowerBound)
        #expect(slices[ranks - 1].upperBound == range.upperBound)
      }
    }
  }

  /// Down the levels, each rank adds its slice of the level's ranks: every slice then holds the
  /// sum of the tree over all ranks.
  @Test(arguments: [[2, 2], [4, 4], [2, 2, 2, 2], [2, 2, 2], [4, 4, 4], [2, 2, 2, 2, 2, 2]])
  func levelsAddInTheOrderOfTheTree(sizes: [Int]) throws {
    let layout = layout(sizes)
    let ranks = layout.ranks
    let levels = try (0..<ranks).map { try layout.levels(rank: $0, mode: .twoLevel) }
    for count in [1, 5, 1003] {
      let vectors = (0..<ranks).map { rank in
        var data = TestData(seed: UInt64(rank))
        return data.orderSensitive(count)
      }
      var expected = vectors.flatMap { $0 }
      sum(&expected, ReductionTree(leaves: ranks), count)
      var found = vectors
      var ranges = [Range<Int>](repeating: 0..<count, count: ranks)
      for number in 0..<2 {
        let before = found
        for rank in 0..<ranks {
          let level = levels[rank][number]
          let slice = level.slice(level.index, of: ranges[rank])
          var leaves = level.ranks.flatMap { before[$0][slice] }
          sum(&leaves, level.tree, slice.count)
          found[rank].replaceSubrange(slice, with: leaves.prefix(slice.count))
          ranges[rank] = slice
        }
      }
      #expect(ranges.reduce(0) { $0 + $1.count } == count)
      for rank in 0..<ranks {
        expectSameBits(Array(found[rank][ranges[rank]]), expected[ranges[rank]])
      }
    }
  }

  private func sum(_ vectors: inout [Float], _ tree: ReductionTree, _ count: Int) {
    vectors.withUnsafeMutableBufferPointer { vectors in
      guard let start = vectors.baseAddress else { return }
      tree.sum(start, stride: count, range: 0..<count)
    }
  }
}

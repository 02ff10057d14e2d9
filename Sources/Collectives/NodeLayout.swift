import Base

/// Which way sums and gathers between ranks go: no choice changes a bit of a result.
package enum ExchangeMode: String, CaseIterable, Sendable {
  /// By two levels where the ranks' places allow it and it saves something, otherwise flat.
  case auto
  /// Every rank with every other.
  case flat
  /// First inside a node, then between nodes; an error where the ranks' places do not allow it.
  case twoLevel
}

/// Ranks that exchange directly with one another, in the order of their leaves in a tree.
package struct ExchangeLevel: Sendable, Equatable {
  /// Numbers of the ranks in the whole job.
  package let ranks: [Int]
  /// This rank's place in `ranks`.
  package let index: Int

  package init(ranks: [Int], index: Int) {
    self.ranks = ranks
    self.index = index
  }

  package var tree: ReductionTree { ReductionTree(leaves: ranks.count) }

  /// The part of `range` that the rank at place `index` adds up.
  package func slice(_ index: Int, of range: Range<Int>) -> Range<Int> {
    OrderedSumParts.part(index, of: ranks.count, in: range)
  }
}

/// Which ranks share a node (a machine's memory).
package struct NodeLayout: Sendable, Equatable {
  /// A number for each rank's node: the lowest rank on it.
  package let nodeOfRank: [Int]

  package init(nodeOfRank: [Int]) {
    precondition(!nodeOfRank.isEmpty, "a layout of no ranks")
    self.nodeOfRank = nodeOfRank
  }

  package var ranks: Int { nodeOfRank.count }

  /// Ranks of each node, in the order of the nodes' lowest ranks.
  package var ranksOfNodes: [Int] {
    Set(nodeOfRank).sorted().map { node in nodeOfRank.count { $0 == node } }
  }

  package var nodes: Int { Set(nodeOfRank).count }

  /// Why exchange by two levels is not to be had; nil where it is.
  ///
  /// The ranks of a node must be a whole subtree of the ranks' reduction tree: only then is a sum
  /// of the nodes' sums the same tree.
  package var obstacle: String? {
    let sizes = ranksOfNodes
    if sizes.count == 1 { return "all ranks are on one node" }
    if sizes.count == ranks { return "every node has one rank" }
    let changes = zip(nodeOfRank, nodeOfRank.dropFirst()).count { $0 != $1 }
    guard changes == sizes.count - 1 else {
      return "the ranks of a node are not neighbours; mpirun --map-by slot makes them so"
    }
    guard Set(sizes).count == 1 else {
      return "nodes have from \(sizes.min() ?? 0) to \(sizes.max() ?? 0) ranks"
    }
    guard ReductionTree(leaves: ranks).partCounts.contains(sizes.count) else {
      return "\(sizes[0]) ranks of a node are no whole subtree of \(ranks) ranks"
    }
    return nil
  }

  /// The levels of a sum, from the inside out, as `rank` sees them.
  ///
  /// A sum goes down the levels: each rank of a level adds up its slice of what the level before
  /// left it. Then the sums go back in the opposite order.
  ///
  /// - Throws: `Fault` where `mode` is two levels and there is an obstacle.
  package func levels(rank: Int, mode: ExchangeMode) throws -> [ExchangeLevel] {
    let obstacle = obstacle
    // One rank has nothing to exchange, whatever is asked for.
    if mode == .twoLevel, ranks > 1, let obstacle {
      throw Fault(
        "expected auto or flat, found twoLevel: \(obstacle)", parameter: "exchange")
    }
    guard mode != .flat, obstacle == nil else {
      return [ExchangeLevel(ranks: Array(0..<ranks), index: rank)]
    }
    let (nodes, size) = (nodes, ranks / nodes)
    let (node, local) = (rank / size, rank % size)
    return [
      ExchangeLevel(ranks: (0..<size).map { node * size + $0 }, index: local),
      ExchangeLevel(ranks: (0..<nodes).map { $0 * size + local }, index: node),
    ]
  }

  /// What `mode` comes to here, for people: `two-level, 2 nodes of 4 ranks`.
  package func description(mode: ExchangeMode) -> String {
    if ranks == 1 { return "none" }
    if mode == .flat { return "flat (asked for), \(nodes) node\(nodes == 1 ? "" : "s")" }
    if let obstacle { return "flat (\(obstacle))" }
    return "two-level, \(nodes) nodes of \(ranks / nodes) ranks"
  }
}

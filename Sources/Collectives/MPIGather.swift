import Base

/// Each rank with each other: up to some ranks faster than MPI's collective, and without its
/// allocations.
final class MPIDirectGather: PreparedAllGather {
  private let messages: MPIMessages
  private let mine: UnsafeBufferPointer<Double>
  private let own: UnsafeMutablePointer<Double>

  init(
    _ communicator: MPICommunicator, _ mine: UnsafeBufferPointer<Double>,
    _ all: UnsafeMutableBufferPointer<Double>
  ) {
    self.mine = mine
    messages = MPIMessages(communicator, capacity: 2 * communicator.size)
    let slot = { (rank: Int) in
      UnsafeMutableBufferPointer(rebasing: all[rank * mine.count..<(rank + 1) * mine.count])
    }
    own = slot(communicator.rank).start
    for other in 0..<communicator.size where other != communicator.rank {
      messages.addReceive(UnsafeMutableRawBufferPointer(slot(other)), from: other)
    }
    for other in 0..<communicator.size where other != communicator.rank {
      messages.addSend(UnsafeRawBufferPointer(mine), to: other)
    }
  }

  func callAsFunction() throws {
    if let source = mine.baseAddress { own.update(from: source, count: mine.count) }
    messages.exchange()
  }
}

/// First between the ranks of the same place on each node, then inside the node: a rank's values
/// pass each cable once, and not once for each rank of the other node.
final class MPITwoLevelGather: PreparedAllGather {
  private let mine: UnsafeBufferPointer<Double>
  private let all: UnsafeMutableBufferPointer<Double>
  private let (nodes, localRanks): (Int, Int)
  private let (node, local): (Int, Int)
  /// By place on the node, then by node: what a rank passes on inside its node is one message.
  private let gathered: DoubleStorage
  private let across: MPIMessages
  private let inside: MPIMessages

  /// Prepares the messages of both levels; `mine` and `all` must stay where they are.
  ///
  /// `levels` are the ranks of this node, and those of the same place on each node.
  init(
    _ communicator: MPICommunicator, _ mine: UnsafeBufferPointer<Double>,
    _ all: UnsafeMutableBufferPointer<Double>, levels: [ExchangeLevel]
  ) {
    let (ranksOfNode, peers) = (levels[0], levels[1])
    self.mine = mine
    self.all = all
    (nodes, localRanks) = (peers.ranks.count, ranksOfNode.ranks.count)
    (node, local) = (peers.index, ranksOfNode.index)
    gathered = DoubleStorage(count: all.count)
    across = MPIMessages(communicator, capacity: 2 * nodes, tag: 0)
    inside = MPIMessages(communicator, capacity: 2 * localRanks, tag: 1)
    let (count, block) = (mine.count, peers.ranks.count * mine.count)
    let (gathered, local) = (gathered, local)
    let slot = { (local: Int, node: Int, count: Int) in
      UnsafeMutableRawBufferPointer(
        UnsafeMutableBufferPointer(
          start: gathered.pointer + local * block + node * mine.count, count: count))
    }
    for (other, rank) in peers.ranks.enumerated() where other != node {
      across.addReceive(slot(local, other, count), from: rank)
    }
    for (other, rank) in peers.ranks.enumerated() where other != node {
      across.addSend(UnsafeRawBufferPointer(mine), to: rank)
    }
    for (other, rank) in ranksOfNode.ranks.enumerated() where other != local {
      inside.addReceive(slot(other, 0, block), from: rank)
    }
    for (other, rank) in ranksOfNode.ranks.enumerated() where other != local {
      inside.addSend(UnsafeRawBufferPointer(slot(local, 0, block)), to: rank)
    }
  }

  func callAsFunction() throws {
    guard let source = mine.baseAddress, let target = all.baseAddress else { return }
    let count = mine.count
    (gathered.pointer + (local * nodes + node) * count).update(from: source, count: count)
    across.exchange()
    inside.exchange()
    for node in 0..<nodes {
      for local in 0..<localRanks {
        (target + (node * localRanks + local) * count).update(
          from: gathered.pointer + (local * nodes + node) * count, count: count)
      }
    }
  }
}

/// MPI's own.
final class MPICollectiveGather: PreparedAllGather {
  private unowned let communicator: MPICommunicator
  private let mine: UnsafeBufferPointer<Double>
  private let all: UnsafeMutableBufferPointer<Double>

  init(
    _ communicator: MPICommunicator, _ mine: UnsafeBufferPointer<Double>,
    _ all: UnsafeMutableBufferPointer<Double>
  ) {
    self.communicator = communicator
    self.mine = mine
    self.all = all
  }

  func callAsFunction() throws { try communicator.allGather(mine, into: all) }
}

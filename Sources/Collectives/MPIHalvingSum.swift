import Base

/// A small sum by halves, up the reduction tree.
///
/// At distance 1, 2, 4 and so on two ranks swap the sums of their subtrees, and both add them, the
/// earlier ranks' first: the tree from its leaves to its root, with every rank at every branch
/// above it. So N ranks take log2 N steps, each with one vector, where a gather brings N vectors.
/// For an odd number of blocks, the blocks' sums are then gathered, and folded from the first to
/// the last.
///
/// By two levels the ranks of a node first come to the node's sum. Then each goes on with a slice
/// of it between the nodes, so that the vector passes a node's cable once a step; and in the end
/// the slices are shared on the node, the number of them doubling at each step.
final class MPIHalvingSum: SmallSum {
  private unowned let communicator: MPICommunicator
  private let vector: UnsafeMutableBufferPointer<Double>
  /// What arrives: one vector, or one for each other block.
  private let received: DoubleStorage
  private var rounds: [Round] = []

  /// Messages, and what is done with what they brought.
  private struct Round {
    let messages: MPIMessages
    let addition: Addition?
  }

  private struct Addition {
    let range: Range<Int>
    /// Sums that are added, this rank's included, in the order of their ranks.
    let terms: Int
    /// This rank's place among them.
    let place: Int
  }

  /// Vectors of fewer values go between nodes as a whole: the steps that share slices cost more.
  private static let leastDividedCount = 64

  /// Prepares the messages; `vector` must stay where it is.
  ///
  /// `levels` are those of `NodeLayout.levels`.
  init(
    _ communicator: MPICommunicator, _ vector: UnsafeMutableBufferPointer<Double>,
    levels: [ExchangeLevel]
  ) {
    self.communicator = communicator
    self.vector = vector
    let outer = levels[levels.count - 1]
    let blocks = outer.ranks.count / outer.tree.blockLeaves
    received = DoubleStorage(count: max(1, blocks - 1) * vector.count)
    let node = levels.count > 1 ? levels[0] : nil
    let whole = 0..<vector.count
    if let node { addHalves(whole, node) }
    let isDivided = vector.count >= Self.leastDividedCount
    let slice = node.flatMap { isDivided ? $0.slice($0.index, of: whole) : nil } ?? whole
    addHalves(slice, outer)
    addBlocks(slice, outer)
    if let node, isDivided { shareSlices(node) }
  }

  /// Up the branches inside a block of the level.
  private func addHalves(_ range: Range<Int>, _ level: ExchangeLevel) {
    let leaves = level.tree.blockLeaves
    let block = level.index / leaves * leaves
    for distance in Self.powersOfTwo(below: leaves) {
      let other = block + ((level.index - block) ^ distance)
      let messages = MPIMessages(communicator, capacity: 2)
      messages.addReceive(bytes(received.pointer, range.count), from: level.ranks[other])
      messages.addSend(sent(range), to: level.ranks[other])
      let place = level.index < other ? 0 : 1
      rounds.append(
        Round(messages: messages, addition: Addition(range: range, terms: 2, place: place)))
    }
  }

  /// Over the blocks of the level, between the ranks of the same place in each.
  private func addBlocks(_ range: Range<Int>, _ level: ExchangeLevel) {
    let leaves = level.tree.blockLeaves
    let (blocks, own) = (level.ranks.count / leaves, level.index / leaves)
    guard blocks > 1 else { return }
    let others = (0..<blocks).filter { $0 != own }
    let peer = { (block: Int) in level.ranks[block * leaves + level.index % leaves] }
    let messages = MPIMessages(communicator, capacity: 2 * others.count)
    for (slot, block) in others.enumerated() {
      messages.addReceive(
        bytes(received.pointer + slot * range.count, range.count), from: peer(block))
    }
    for block in others { messages.addSend(sent(range), to: peer(block)) }
    rounds.append(
      Round(messages: messages, addition: Addition(range: range, terms: blocks, place: own)))
  }

  /// Every rank of the node gets the slices of all: twice as many after each step.
  private func shareSlices(_ node: ExchangeLevel) {
    let slices = { (first: Int, count: Int) in
      let whole = 0..<self.vector.count
      return node.slice(first, of: whole)
        .lowerBound..<node.slice(
          first + count - 1, of: whole
        ).upperBound
    }
    for distance in Self.powersOfTwo(below: node.ranks.count) {
      let other = node.index ^ distance
      let (mine, theirs) = (
        slices(node.index / distance * distance, distance),
        slices(other / distance * distance, distance)
      )
      let messages = MPIMessages(communicator, capacity: 2)
      messages.addReceive(UnsafeMutableRawBufferPointer(part(theirs)), from: node.ranks[other])
      messages.addSend(sent(mine), to: node.ranks[other])
      rounds.append(Round(messages: messages, addition: nil))
    }
  }

  func callAsFunction() throws {
    for round in rounds {
      round.messages.exchange()
      if let addition = round.addition { add(addition) }
    }
  }

  private func add(_ addition: Addition) {
    let own = part(addition.range)
    let (count, received) = (addition.range.count, received.pointer)
    for index in 0..<count {
      // The order of the ranks: a NaN's bits depend on it, and no other's.
      var sum = addition.place == 0 ? own[index] : received[index]
      for term in 1..<addition.terms {
        let slot = term < addition.place ? term : term - 1
        sum += term == addition.place ? own[index] : received[slot * count + index]
      }
      own[index] = sum
    }
  }

  private func part(_ range: Range<Int>) -> UnsafeMutableBufferPointer<Double> {
    UnsafeMutableBufferPointer(rebasing: vector[range])
  }

  private func sent(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(part(range))
  }

  private func bytes(
    _ start: UnsafeMutablePointer<Double>, _ count: Int
  ) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(start: start, count: count))
  }

  private static func powersOfTwo(below end: Int) -> [Int] {
    Array(sequence(first: 1) { $0 * 2 }.prefix { $0 < end })
  }
}

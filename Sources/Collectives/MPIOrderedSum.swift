import Foundation
import Kernels

/// An ordered sum by one or more levels of ranks.
///
/// At each level, every rank owns a slice of the vector: it receives that slice of all ranks of the
/// level and adds the ranks' values in tree order. The next level goes on with the slice. The sums
/// go back the other way.
///
/// With one level, a rank's traffic is a ring all-reduce's, 2 (N - 1) / N of the vector in and out,
/// but the order of the additions is ours. With two levels, M nodes of L ranks, 2 (M - 1) / M of the
/// vector pass a *node's* cable each way and not a rank's: L times less. A node's ranks are a whole
/// subtree, so the additions are the same ones.
final class MPIOrderedSum: OrderedSum {
  private unowned let communicator: MPICommunicator
  private let levels: [ExchangeLevel]
  private let count: Int
  private let chunks: Int
  /// What slices arrive in: one for each other rank of a level, for each chunk and level.
  private let received: FloatStorage
  /// The vector that the messages were prepared for.
  private var vector = MutableFloatBuffer(start: nil, count: 0)
  /// A chunk's way: down the levels and up again.
  private var ways: [[Step]] = []

  /// Messages, and what is to be done when they are there.
  private struct Step {
    var messages: MPIMessages
    /// The sum that is taken then; nil on the way up.
    var addition: Addition?
  }

  private struct Addition {
    var tree: ReductionTree
    var index: Int
    var slice: Range<Int>
    /// Where the first other rank's slice begins in `received`.
    var place: Int

    /// Where the slice of a rank of the level lies: this rank's in the vector itself.
    func leaf(
      _ rank: Int, in vector: UnsafeMutablePointer<Float>, _ received: UnsafeMutablePointer<Float>
    ) -> UnsafeMutablePointer<Float> {
      if rank == index { return vector + slice.lowerBound }
      return received + place + (rank < index ? rank : rank - 1) * slice.count
    }
  }

  /// `chunks`: Parts of the vector that follow one another through the levels.
  init(_ communicator: MPICommunicator, count: Int, levels: [ExchangeLevel], chunks: Int) {
    self.communicator = communicator
    self.count = count
    self.levels = levels
    self.chunks = chunks
    var size = 0
    Self.forEachSlice(levels, count: count, chunks: chunks) { _, _, level, _, slice in
      size += (level.ranks.count - 1) * slice.count
    }
    received = FloatStorage(count: size)
  }

  /// For every chunk and level, from the inside out: the range that the level divides, and this
  /// rank's slice of it.
  private static func forEachSlice(
    _ levels: [ExchangeLevel], count: Int, chunks: Int,
    _ body: (
      _ chunk: Int, _ number: Int, _ level: ExchangeLevel, _ whole: Range<Int>, _ slice: Range<Int>
    ) -> Void
  ) {
    for chunk in 0..<chunks {
      var whole = chunk * count / chunks..<(chunk + 1) * count / chunks
      for (number, level) in levels.enumerated() {
        let slice = level.slice(level.index, of: whole)
        body(chunk, number, level, whole, slice)
        whole = slice
      }
    }
  }

  private func prepare(_ vector: MutableFloatBuffer, _ base: UnsafeMutablePointer<Float>) {
    // Freed before there are new ones.
    ways = []
    var (down, up): ([[Step]], [[Step]]) = ([], [])
    var place = 0
    let part = { (range: Range<Int>) in
      UnsafeMutableRawBufferPointer(MutableFloatBuffer(rebasing: vector[range]))
    }
    Self.forEachSlice(levels, count: count, chunks: chunks) { chunk, number, level, whole, mine in
      if number == 0 {
        down.append([])
        up.append([])
      }
      let messages = { (tag: Int) in
        MPIMessages(self.communicator, capacity: 2 * level.ranks.count, tag: tag)
      }
      let tag = 2 * (chunk * self.levels.count + number)
      let (scatter, gather) = (messages(tag), messages(tag + 1))
      let others = level.ranks.indices.filter { $0 != level.index }
      let addition = Addition(tree: level.tree, index: level.index, slice: mine, place: place)
      for other in others {
        let slot = addition.leaf(other, in: base, self.received.pointer)
        scatter.addReceive(
          UnsafeMutableRawBufferPointer(MutableFloatBuffer(start: slot, count: mine.count)),
          from: level.ranks[other])
        gather.addReceive(part(level.slice(other, of: whole)), from: level.ranks[other])
      }
      for other in others {
        let slice = part(level.slice(other, of: whole))
        scatter.addSend(UnsafeRawBufferPointer(slice), to: level.ranks[other])
        gather.addSend(UnsafeRawBufferPointer(part(mine)), to: level.ranks[other])
      }
      down[chunk].append(Step(messages: scatter, addition: addition))
      up[chunk].insert(Step(messages: gather, addition: nil), at: 0)
      place += others.count * mine.count
    }
    ways = zip(down, up).map { $0 + $1 }
    self.vector = vector
  }

  func callAsFunction(_ vector: MutableFloatBuffer) throws {
    precondition(vector.count == count, "sum of \(vector.count) values, planned for \(count)")
    guard let base = vector.baseAddress else { return }
    if base != self.vector.baseAddress { prepare(vector, base) }
    let steps = 2 * levels.count
    for way in ways { way[0].messages.start() }
    // Chunk c is a step behind chunk c - 1.
    for time in 0..<ways.count + steps - 1 {
      var number = min(time, steps - 1)
      while number >= max(0, time - ways.count + 1) {
        let chunk = time - number
        let step = ways[chunk][number]
        step.messages.finish()
        if let addition = step.addition { add(addition, to: base) }
        if number + 1 < steps { ways[chunk][number + 1].messages.start() }
        number -= 1
      }
    }
  }

  /// Values that stay in the first-level cache while all leaves pass over them.
  private static let sweep = 1024

  /// The total ends in leaf 0, which is the vector's own slice on the first rank of a level only.
  private func add(_ addition: Addition, to base: UnsafeMutablePointer<Float>) {
    let count = addition.slice.count
    let received = received.pointer
    var first = 0
    while first < count {
      let size = min(Self.sweep, count - first)
      addition.tree.forEachAddition { target, source in
        Elementwise.add(
          FloatBuffer(start: addition.leaf(source, in: base, received) + first, count: size),
          to: MutableFloatBuffer(
            start: addition.leaf(target, in: base, received) + first, count: size))
      }
      if addition.index != 0 {
        (base + addition.slice.lowerBound + first).update(
          from: addition.leaf(0, in: base, received) + first, count: size)
      }
      first += size
    }
  }
}

import Base
import Foundation
import Kernels

/// An ordered sum by one or more levels of ranks.
///
/// At each level, every rank owns a slice of the vector: it receives that slice of all ranks of the
/// level and adds the ranks' values in tree order. The next level goes on with the slice. What is
/// shared then goes back the other way.
///
/// With one level, a rank's traffic is a ring all-reduce's, 2 (N - 1) / N of the vector in and out,
/// but the order of the additions is ours. With two levels, M nodes of L ranks, 2 (M - 1) / M of
/// the vector pass a *node's* cable each way and not a rank's: L times less. A node's ranks are a
/// whole subtree, so the additions are the same ones.
final class MPIOrderedSum: OrderedSum {
  private unowned let communicator: MPICommunicator
  private let levels: [ExchangeLevel]
  private let count: Int
  private let chunks: Int
  /// What slices arrive in: one for each other rank of a level, for each chunk and level.
  private let received: FloatStorage
  /// A chunk's way down the levels, and the vector that it was prepared for.
  private var reducing: (base: UnsafeMutablePointer<Float>, ways: [[Step]])?
  /// A chunk's way up again, for each vector that was shared.
  private var sharing: [(base: UnsafeMutablePointer<Float>, ways: [[Step]])] = []

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

  /// Divides a vector of `count` values; `chunks` parts of it follow each other through the levels.
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
      var whole = OrderedSumParts.part(chunk, of: chunks, in: 0..<count)
      for (number, level) in levels.enumerated() {
        let slice = level.slice(level.index, of: whole)
        body(chunk, number, level, whole, slice)
        whole = slice
      }
    }
  }

  func parts(ofRank rank: Int) -> [Range<Int>] {
    (0..<chunks).compactMap { chunk in
      var part = OrderedSumParts.part(chunk, of: chunks, in: 0..<count)
      // All ranks have as many ranks in a level, and neighbours share the inner ones.
      var rest = rank
      for level in levels {
        part = level.slice(rest % level.ranks.count, of: part)
        rest /= level.ranks.count
      }
      return part.isEmpty ? nil : part
    }
  }

  /// The messages of a level: one from and one to each other rank.
  private func messages(
    _ level: ExchangeLevel, tag: Int,
    _ add: (_ messages: MPIMessages, _ other: Int, _ isSend: Bool) -> Void
  ) -> MPIMessages {
    let messages = MPIMessages(communicator, capacity: 2 * level.ranks.count, tag: tag)
    for isSend in [false, true] {
      for other in level.ranks.indices where other != level.index {
        add(messages, other, isSend)
      }
    }
    return messages
  }

  private func part(
    _ vector: MutableFloatBuffer, _ range: Range<Int>
  ) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(MutableFloatBuffer(rebasing: vector[range]))
  }

  /// The ways down, with the additions.
  private func prepareReducing(
    _ vector: MutableFloatBuffer, _ base: UnsafeMutablePointer<Float>
  ) -> [[Step]] {
    var ways = [[Step]](repeating: [], count: chunks)
    var place = 0
    Self.forEachSlice(levels, count: count, chunks: chunks) { chunk, number, level, whole, mine in
      let addition = Addition(tree: level.tree, index: level.index, slice: mine, place: place)
      let tag = 2 * (chunk * self.levels.count + number)
      let messages = messages(level, tag: tag) { messages, other, isSend in
        if isSend {
          let slice = part(vector, level.slice(other, of: whole))
          messages.addSend(UnsafeRawBufferPointer(slice), to: level.ranks[other])
        } else {
          let slot = addition.leaf(other, in: base, self.received.pointer)
          messages.addReceive(
            UnsafeMutableRawBufferPointer(MutableFloatBuffer(start: slot, count: mine.count)),
            from: level.ranks[other])
        }
      }
      ways[chunk].append(Step(messages: messages, addition: addition))
      place += (level.ranks.count - 1) * mine.count
    }
    return ways
  }

  /// The ways up.
  private func prepareSharing(_ vector: MutableFloatBuffer) -> [[Step]] {
    var ways = [[Step]](repeating: [], count: chunks)
    Self.forEachSlice(levels, count: count, chunks: chunks) { chunk, number, level, whole, mine in
      let tag = 2 * (chunk * self.levels.count + number) + 1
      let messages = messages(level, tag: tag) { messages, other, isSend in
        if isSend {
          messages.addSend(UnsafeRawBufferPointer(part(vector, mine)), to: level.ranks[other])
        } else {
          messages.addReceive(part(vector, level.slice(other, of: whole)), from: level.ranks[other])
        }
      }
      ways[chunk].insert(Step(messages: messages, addition: nil), at: 0)
    }
    return ways
  }

  func reduce(_ vector: MutableFloatBuffer) throws {
    guard let base = check(vector) else { return }
    if reducing?.base != base {
      // Freed before there are new ones.
      reducing = nil
      reducing = (base, prepareReducing(vector, base))
    }
    guard let reducing else { return }
    pass(reducing.ways, base)
  }

  func share(_ vector: MutableFloatBuffer) throws {
    guard let base = check(vector) else { return }
    for (known, ways) in sharing where known == base { return pass(ways, base) }
    let ways = prepareSharing(vector)
    sharing.append((base, ways))
    pass(ways, base)
  }

  private func check(_ vector: MutableFloatBuffer) -> UnsafeMutablePointer<Float>? {
    precondition(vector.count == count, "sum of \(vector.count) values, planned for \(count)")
    return vector.baseAddress
  }

  /// Sends the chunks on their ways, chunk c a step behind chunk c - 1.
  private func pass(_ ways: [[Step]], _ base: UnsafeMutablePointer<Float>) {
    let steps = levels.count
    for way in ways { way[0].messages.start() }
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

import Base

/// Subsets of samples and of reals, chosen at random without a vector twice in one.
package struct Subsets: Sendable {
  package private(set) var ofSamples: [[Int]] = []
  package private(set) var ofReals: [[Int]] = []

  /// - Parameters:
  ///   - choice: What chooses.
  ///   - seed: Of Philox's choice.
  ///   - count: Subsets of each.
  ///   - size: Vectors of each.
  ///   - samples: Vectors to choose among, `size` or more.
  ///   - reals: Vectors to choose among, `size` or more.
  package init(
    _ choice: KernelDistance.Choice, seed: UInt64, count: Int, size: Int, samples: Int, reals: Int
  ) {
    precondition(size <= min(samples, reals), "\(size) of \(samples) samples, \(reals) reals")
    var twister = MersenneTwister(seed: 2020)
    let stream = RandomStream(seed: seed, purpose: .scoring, step: ScoringStep.subsets)
    for subset in 0..<count {
      switch choice {
      case .torchFidelity:
        ofSamples.append(Array(twister.permutation(samples)[..<size]))
        ofReals.append(Array(twister.permutation(reals)[..<size]))
      case .philox:
        ofSamples.append(Self.choose(size, of: samples, stream, number: 2 * subset))
        ofReals.append(Self.choose(size, of: reals, stream, number: 2 * subset + 1))
      }
    }
  }

  /// The first `size` of a random order: Fisher and Yates, from the beginning.
  private static func choose(
    _ size: Int, of count: Int, _ stream: RandomStream, number: Int
  ) -> [Int] {
    var order = Array(0..<count)
    for index in 0..<size {
      let other = stream.integer(below: count - index, sample: number, element: index)
      order.swapAt(index, index + other)
    }
    return Array(order[..<size])
  }
}

/// MT19937 (Matsumoto and Nishimura 1998) as `numpy.random.RandomState` seeds and uses it: what
/// torch-fidelity chooses with.
package struct MersenneTwister {
  private static let (size, middle) = (624, 397)
  private var state: [UInt32]
  private var next = 624

  package init(seed: UInt32) {
    state = [seed]
    for index in 1..<Self.size {
      let last = state[index - 1]
      state.append(1_812_433_253 &* (last ^ last >> 30) &+ UInt32(index))
    }
  }

  /// The next 32 random bits.
  mutating func bits() -> UInt32 {
    if next == Self.size { twist() }
    var value = state[next]
    next += 1
    value ^= value >> 11
    value ^= value << 7 & 0x9D2C_5680
    value ^= value << 15 & 0xEFC6_0000
    return value ^ value >> 18
  }

  private mutating func twist() {
    for index in 0..<Self.size {
      let value =
        state[index] & 0x8000_0000 | state[(index + 1) % Self.size] & 0x7FFF_FFFF
      state[index] =
        state[(index + Self.middle) % Self.size] ^ value >> 1 ^ (value & 1) &* 0x9908_B0DF
    }
    next = 0
  }

  /// A random integer from 0 to `limit`: the low bits that it takes, drawn until they are no
  /// larger.
  private mutating func integer(upTo limit: Int) -> Int {
    guard limit > 0 else { return 0 }
    let mask = UInt32.max >> UInt32(truncatingIfNeeded: UInt32(limit).leadingZeroBitCount)
    while true {
      let value = bits() & mask
      if value <= UInt32(limit) { return Int(value) }
    }
  }

  /// A random order of 0 ..< count, from the end: `RandomState.permutation`.
  package mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for index in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(index, integer(upTo: index))
    }
    return order
  }
}

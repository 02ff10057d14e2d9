/// What a random number is drawn for.
///
/// The purpose is part of the counter, so two uses of the same seed, step and sample never share a
/// number.
package enum RandomPurpose: UInt32, Sendable, CaseIterable {
  case initialization = 1
  case shuffle
  case criticNoise
  case generatorNoise
  case interpolation
  case labels
  case dequantization
  case sampleNoise
  case drawing
  case labelSmoothing
  case dropout
  case perturbation
  case scoring
  case conditions
  case realAugmentation
  case criticAugmentation
}

/// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
/// numbers: as easy as 1, 2, 3", SC'11.
///
/// A block of four 32-bit numbers is a pure function of a 128-bit counter and a 64-bit key: nothing
/// has to be saved, sent or drawn in order. Checked against the known answers published with
/// Random123 (`kat_vectors`).
package enum Philox {
  /// Ten rounds of Philox4x32 on `counter` under `key`.
  @inlinable
  package static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var c0 = counter[0]
    var c1 = counter[1]
    var c2 = counter[2]
    var c3 = counter[3]
    var k0 = key[0]
    var k1 = key[1]
    for _ in 0..<10 {
      let product0 = UInt64(0xD251_1F53) &* UInt64(c0)
      let product1 = UInt64(0xCD9E_8D57) &* UInt64(c2)
      let next0 = UInt32(truncatingIfNeeded: product1 >> 32) ^ c1 ^ k0
      let next2 = UInt32(truncatingIfNeeded: product0 >> 32) ^ c3 ^ k1
      c1 = UInt32(truncatingIfNeeded: product1)
      c3 = UInt32(truncatingIfNeeded: product0)
      c0 = next0
      c2 = next2
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return SIMD4(c0, c1, c2, c3)
  }

  /// Four blocks side by side: lane i of the four numbers is block `counter.0 + i`.
  ///
  /// One instruction of AVX2 makes four products; a block by itself waits for each in turn.
  ///
  /// - Parameters:
  ///   - counter: The counter of the first block; its first number wraps around.
  ///   - key: The key of all four.
  /// - Returns: The first, second, third and fourth number of the blocks.
  @inline(__always)
  static func fourBlocks(
    counter: SIMD4<UInt32>, key: SIMD2<UInt32>
  ) -> (SIMD4<UInt32>, SIMD4<UInt32>, SIMD4<UInt32>, SIMD4<UInt32>) {
    typealias Words = SIMD4<UInt32>
    func product(_ factor: UInt64, _ words: Words) -> (high: Words, low: Words) {
      let product = SIMD4<UInt64>(truncatingIfNeeded: words) &* factor
      return (Words(truncatingIfNeeded: product &>> 32), Words(truncatingIfNeeded: product))
    }
    var c0 = Words(repeating: counter[0]) &+ Words(0, 1, 2, 3)
    var (c1, c2) = (Words(repeating: counter[1]), Words(repeating: counter[2]))
    var c3 = Words(repeating: counter[3])
    var (k0, k1) = (key[0], key[1])
    for _ in 0..<10 {
      let (first, second) = (product(0xD251_1F53, c0), product(0xCD9E_8D57, c2))
      (c0, c1) = (second.high ^ c1 ^ k0, second.low)
      (c2, c3) = (first.high ^ c3 ^ k1, first.low)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
  }
}

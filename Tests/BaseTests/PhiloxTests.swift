import Base
import TestSupport
import Testing

@Suite struct PhiloxTests {
  /// `philox4x32 10` of `kat_vectors`, published with Random123 (Salmon et al., SC'11).
  @Test(arguments: [
    (
      SIMD4<UInt32>(repeating: 0), SIMD2<UInt32>(repeating: 0),
      SIMD4<UInt32>(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)
    ),
    (
      SIMD4(repeating: UInt32.max), SIMD2(repeating: UInt32.max),
      SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd)
    ),
    (
      SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), SIMD2(0xa409_3822, 0x299f_31d0),
      SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1)
    ),
  ])
  func publishedAnswers(
    counter: SIMD4<UInt32>, key: SIMD2<UInt32>, expected: SIMD4<UInt32>
  ) {
    #expect(Philox.block(counter: counter, key: key) == expected)
  }

  /// Where each part of the stream's identity stands: changing it would change every run.
  @Test func counterAndKeyOfAStream() {
    let stream = RandomStream(
      seed: 0x299f_31d0_a409_3822, purpose: .shuffle, step: 0x12_3456_789a)
    let expected = Philox.block(
      counter: SIMD4(7, 0x8000_0001, 0x3456_789a, 0x12 << 8 | 2),
      key: SIMD2(0xa409_3822, 0x299f_31d0))
    #expect(stream.bits(sample: 0x8000_0001, block: 7) == expected)
  }

  @Test func purposesKeepTheirNumbers() {
    #expect(RandomPurpose.allCases.map(\.rawValue) == Array(1...16))
    #expect(RandomPurpose.initialization.rawValue == 1)
    #expect(RandomPurpose.criticNoise.rawValue == 3)
    #expect(RandomPurpose.drawing.rawValue == 9)
    #expect(RandomPurpose.labelSmoothing.rawValue == 10)
    #expect(RandomPurpose.dropout.rawValue == 11)
    #expect(RandomPurpose.scoring.rawValue == 13)
    #expect(RandomPurpose.conditions.rawValue == 14)
    #expect(RandomPurpose.realAugmentation.rawValue == 15)
    #expect(RandomPurpose.criticAugmentation.rawValue == 16)
  }
}

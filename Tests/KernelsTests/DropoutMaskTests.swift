import Base
import Kernels
import TestSupport
import Testing

@Suite struct DropoutMaskTests {
  private func mask(_ count: Int, rate: Double, step: Int = 1, sample: Int = 2) -> [Float] {
    withOutput(count) {
      DropoutMask.fill(
        $0, rate: rate, stream: RandomStream(seed: 4, purpose: .dropout, step: step), sample: sample
      )
    }
  }

  @Test func factorsOfARate() {
    for rate in [0, 0.25, 0.3, 0.9] {
      let mask = mask(20_000, rate: rate)
      #expect(mask.allSatisfy { $0 == 0 || $0 == Float(1 / (1 - rate)) })
      let dropped = Double(mask.count { $0 == 0 }) / 20_000
      // Five deviations.
      expectClose(dropped, rate, absolute: 5 * (rate * (1 - rate) / 20_000).squareRoot())
    }
  }

  /// Value i depends on the stream, the sample and i alone.
  @Test func masksAreNumbered() {
    let whole = mask(101, rate: 0.5)
    for count in [0, 1, 2, 3, 5, 100] {
      expectSameBits(mask(count, rate: 0.5), whole[0..<count])
    }
    #expect(mask(101, rate: 0.5, step: 2) != whole)
    #expect(mask(101, rate: 0.5, sample: 3) != whole)
    // A value dropped at one rate is dropped at every higher one.
    let higher = mask(101, rate: 0.7)
    #expect(zip(whole, higher).allSatisfy { $0 != 0 || $1 == 0 })
  }
}

import Base
import Foundation
import Testing

@Suite struct NumberTests {
  @Test func zerosGoBeforeTheDigits() {
    #expect(7.padded(to: 3) == "007" && 0.padded(to: 2) == "00" && 0.padded(to: 0) == "0")
    #expect(1234.padded(to: 3) == "1234")
    #expect(UInt32(0xBEEF).padded(to: 8, radix: 16) == "0000beef")
  }

  @Test func theMedianIsInTheMiddle() {
    #expect([3].median == 3 && [9, 1, 4].median == 4 && [9, 1, 4, 2].median == 3)
  }

  @Test func secondsGoForward() {
    let begin = monotonicSeconds()
    let seconds = secondsTaken { usleep(20_000) }
    // A sleep is never shorter, and on a busy machine longer.
    #expect(seconds >= 0.02 && seconds < 60)
    let all = monotonicSeconds() - begin
    #expect(all >= seconds && all < 60)
  }
}

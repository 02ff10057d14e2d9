import Base
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
    var isDone = false
    let seconds = secondsTaken { isDone = true }
    #expect(isDone && seconds >= 0 && seconds < 60)
  }
}

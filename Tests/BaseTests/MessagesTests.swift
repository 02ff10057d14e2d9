import Base
import Testing

@Suite struct MessagesTests {
  @Test func controlCharactersAreEscaped() {
    #expect(
      Messages.shown("x\u{1B}[2J\r\u{7F}\u{9B}\u{202E}é\0")
        == #"x\u{1B}[2J\u{D}\u{7F}\u{9B}\u{202E}é\u{0}"#)
    let table = "layer  shape\n  conv  3x3\n"
    #expect(Messages.shown(table) == table)
    // Of a CRLF, which is one Character, the line break stays.
    #expect(Messages.shown("a\r\nb") == "a\\u{D}\nb")
  }

  @Test func longLinesLoseTheirMiddle() {
    let name = String(repeating: "n", count: 100_000)
    let shown = Messages.shown("\(name): damaged: the cause\nsecond line")
    #expect(shown.utf8.count < 2000)
    #expect(shown.contains(" ... (100020 bytes) ... "))
    #expect(shown.hasSuffix("n: damaged: the cause\nsecond line"))
    let control = Messages.shown(String(repeating: "\0", count: 100_000))
    #expect(control.utf8.count < 10_000)
  }
}

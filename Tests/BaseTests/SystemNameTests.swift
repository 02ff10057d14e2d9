import Base
import Testing

@Suite struct SystemNameTests {
  /// UTF-8 is as it is; other bytes come back as they were, also where a name has the characters
  /// that stand for bytes.
  @Test(
    arguments: [
      ([], ""), (Array("caf\u{E9} 猫".utf8), "caf\u{E9} 猫"),
      ([0x63, 0xE9], "c\u{10F7E9}"), ([0xE9, 0x63], "\u{10F7E9}c"),
      // A character that is cut off, and an overlong one.
      ([0xE7, 0x8C], "\u{10F7E7}\u{10F78C}"), ([0xC0, 0xAF], "\u{10F7C0}\u{10F7AF}"),
      (Array("\u{10F7E9}".utf8), "\u{10F7F4}\u{10F78F}\u{10F79F}\u{10F7A9}"),
      ([0xFF] + Array("猫".utf8) + [0x80], "\u{10F7FF}猫\u{10F780}"),
    ] as [([UInt8], String)])
  func everyNameHasItsText(name: [UInt8], text: String) {
    #expect(SystemName.text(name) == text)
    #expect(SystemName.bytes(text) == name)
    let length = SystemName.withCString(text) { characters in
      var length = 0
      while characters[length] != 0 {
        #expect(UInt8(bitPattern: characters[length]) == name[length])
        length += 1
      }
      return length
    }
    #expect(length == name.count)
  }

  @Test func messagesShowBytes() {
    #expect(Messages.shown(SystemName.text([0x61, 0xE9, 0x2F, 0x80])) == "a\\xE9/\\x80")
  }
}

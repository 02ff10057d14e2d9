import Base
import Testing

@Suite struct TextTableTests {
  @Test func numbersStandAtTheRightAndTextsAtTheLeft() {
    var table = TextTable([.text("layer"), .number("parameters"), .number("MFLOP"), .text("way")])
    table.add(["conv", "1,024", "0.524", "im2col"])
    table.add(["a longer one", "7", "12.000", ""])
    #expect(
      table.text == """
        layer         parameters   MFLOP  way
        conv               1,024   0.524  im2col
        a longer one           7  12.000
        """)
  }

  /// The further lines of a cell stand under its first.
  @Test func cellsMayHaveSeveralLines() {
    var table = TextTable([.text(""), .text("layer"), .number("n")])
    table.add(["0", "conv\n    padding", "12"])
    table.add(["10", "", ""])
    #expect(table.lines == ["    layer         n", "0   conv         12", "        padding", "10"])
  }

  @Test func withoutTitlesThereIsNoHeader() {
    var table = TextTable([.number(""), .text("")])
    table.add(["9", "x"])
    table.add(["10", "y"])
    #expect(table.lines == [" 9  x", "10  y"])
    #expect(TextTable([.text("")]).lines == [])
  }
}

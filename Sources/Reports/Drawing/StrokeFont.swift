/// A small typeface for plots: 5 x 7 dots, drawn as strokes from dot to dot.
///
/// Joining neighbouring dots by round antialiased strokes gives letters of any size and direction
/// that look drawn rather than pixelated, from a table of a few hundred bytes.
package enum StrokeFont {
  /// The printable ASCII characters from the space on.
  ///
  /// Three hexadecimal digits are a column of
  /// dots from the left, bit 0 its top; rows 0 to 6 stand on the base line, 7 and 8 hang below it.
  private static let glyphs: [String] = [
    "", "05f", "007000007", "01407f01407f014", "02402a07f02a012", "023013008064062",
    "036049056020050", "007", "01c022041", "04102201c", "02a01c07f01c02a", "00800803e008008",
    "1000c0", "008008008008", "060060", "060010008004003", "03e04104104103e", "04207f040",
    "042061051049046", "022041049049036", "01801401207f010", "027045045045039", "03c04a049049030",
    "001071009005003", "036049049049036", "00604904902901e", "036036", "056036", "008014022041",
    "014014014014014", "041022014008", "002001051009006", "03204907904103e", "07c01201101207c",
    "07f049049049036", "03e041041041022", "07f04104102201c", "07f049049049041", "07f009009009001",
    "03e04104904907a", "07f00800800807f", "04107f041", "02004004103f001", "07f008014022041",
    "07f040040040040", "07f00200c00207f", "07f00400801007f", "03e04104104103e", "07f009009009006",
    "03e04105102105e", "07f009019029046", "026049049049032", "00100107f001001", "03f04004004003f",
    "01f02004002001f", "03f04003804003f", "063014008014063", "003004078004003", "061051049045043",
    "07f041041", "003004008010060", "04104107f", "004002001002004", "040040040040040",
    "001002004", "020054054054078", "07f044044044038", "038044044044028", "03804404404407f",
    "038054054054018", "00807e009001002", "0381441441440fc", "07f008004004078", "04407d040",
    "1001040fd", "07f010028044", "04107f040", "07c004078004078", "07c008004004078",
    "038044044044038", "1fc044044044038", "0380440440441fc", "07c008004004008", "048054054054024",
    "00403f044040020", "03c04004002007c", "01c02004002001c", "03c04003004003c", "044028010028044",
    "03c1401401400fc", "04406405404c044", "008036041", "07f", "041036008", "008004008010008",
  ]

  /// Dots from the top of a capital to the base line.
  package static let capHeight = 6.0
  /// Dots between letters, from the last column of one to the first of the next.
  private static let letterGap = 2.0
  private static let spaceWidth = 2.5
  /// An exponent's size and how far it is raised, in dots of the main text.
  static let exponentSize = 0.75
  static let exponentRise = 3.0

  /// The strokes of a line of text, in dots, the top left at (0, 0).
  ///
  /// `10^-3` stands for a power of ten: digits and signs after a `^` between digits are raised.
  /// Characters beyond ASCII become `?`.
  ///
  /// - Parameter text: The line.
  /// - Returns: The strokes (a single dot is one of length 0) and the width.
  package static func layout(_ text: String) -> (strokes: [Segment], width: Double) {
    var strokes: [Segment] = []
    var x = 0.0
    var end = 0.0
    for run in runs(of: text) {
      let size = run.isRaised ? exponentSize : 1
      let base = capHeight - (run.isRaised ? exponentRise : 0)
      for character in run.text {
        if character == " " {
          x += spaceWidth + 1
          continue
        }
        let columns = columns(of: character)
        for (first, second) in joints(columns) {
          strokes.append(
            Segment(
              x0: x + first.x * size, y0: base + (first.y - capHeight) * size,
              x1: x + second.x * size, y1: base + (second.y - capHeight) * size))
        }
        end = x + Double(columns.count - 1) * size
        x = end + letterGap * size
      }
    }
    return (strokes, end)
  }

  /// The parts of a line: what stands on the base line, and exponents, which are raised.
  static func runs(of text: String) -> [(text: String, isRaised: Bool)] {
    var runs: [(text: String, isRaised: Bool)] = []
    var isRaised = false
    var previous: Character = " "
    for character in text {
      defer { previous = character }
      if character == "^", previous.isNumber {
        isRaised = true
        continue
      }
      if isRaised && !(character.isNumber || character == "-" || character == "+") {
        isRaised = false
      }
      if let last = runs.last, last.isRaised == isRaised {
        runs[runs.count - 1].text.append(character)
      } else {
        runs.append((String(character), isRaised))
      }
    }
    return runs
  }

  private static func columns(of character: Character) -> [Int] {
    let code = Int(character.asciiValue ?? UInt8(ascii: "?")) - 32
    let glyph = glyphs.indices.contains(code) ? glyphs[code] : glyphs[31]
    var digits = Substring(glyph)
    var columns: [Int] = []
    while !digits.isEmpty {
      columns.append(Int(digits.prefix(3), radix: 16) ?? 0)
      digits = digits.dropFirst(3)
    }
    return columns
  }

  /// Pairs of dots that a stroke joins.
  ///
  /// Neighbours beside and below each other; diagonal ones unless a corner dot joins them. A dot
  /// without neighbours is joined to itself.
  private static func joints(
    _ columns: [Int]
  ) -> [(first: (x: Double, y: Double), second: (x: Double, y: Double))] {
    func isSet(_ x: Int, _ y: Int) -> Bool {
      columns.indices.contains(x) && (0..<9).contains(y) && columns[x] >> y & 1 == 1
    }
    var pairs: [(first: (x: Double, y: Double), second: (x: Double, y: Double))] = []
    for x in columns.indices {
      for y in 0..<9 where isSet(x, y) {
        var others: [(Int, Int)] = []
        if isSet(x + 1, y) { others.append((x + 1, y)) }
        if isSet(x, y + 1) { others.append((x, y + 1)) }
        for down in [-1, 1] where isSet(x + 1, y + down) {
          if !isSet(x + 1, y) && !isSet(x, y + down) { others.append((x + 1, y + down)) }
        }
        if others.isEmpty { others.append((x, y)) }
        pairs += others.map { ((Double(x), Double(y)), (Double($0.0), Double($0.1))) }
      }
    }
    return pairs
  }
}

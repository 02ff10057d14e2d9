import Configuration
import Testing

@Suite struct ResolvedTests {
  /// Reads what a program might, and gives the resolved text.
  private func resolve(_ text: String, _ assignments: String...) throws -> String {
    var document = try ConfigurationDocument(text: text, name: "x.yaml")
    for assignment in assignments { try document.override(assignment) }
    let root = document.root()
    _ = try root.string("name")
    _ = try root.optionalInteger("seed")
    let data = try root.section("data")
    _ = try data.choice("source", default: "idx", of: ["idx", "cifar10"])
    _ = try data.numberPair("range", default: (-1, 1))
    _ = try data.boolean("flip", default: false)
    let generator = try root.section("generator")
    _ = try generator.integers("input", count: 1...3)
    for item in try generator.items("layers") { try read(item) }
    _ = try root.section("objective").optionalSection("gradientPenalty")?.number(
      "weight", default: 10)
    let optimizer = try root.section("optimizer").item("generator", default: "adam")
    _ = try optimizer.options.number("learningRate", default: 1e-4)
    _ = try optimizer.options.number("beta1", default: 1e-5)
    try root.finish()
    return root.resolvedYAML()
  }

  private func read(_ item: ConfigurationItem) throws {
    switch item.name {
    case "conv2d":
      _ = try item.options.integer("channels")
      _ = try item.options.boolean("bias", default: true)
    case "residual":
      for branch in ["main", "shortcut"] {
        for item in try item.options.items(branch) { try read(item) }
      }
    case "relu": break
    default: throw item.unknownName(known: ["conv2d", "residual", "relu"])
    }
  }

  private let text = """
    width: 16
    generator:
      layers:
      - conv2d: {bias: false, channels: 4*width}
      - relu
      - residual:
          main:
          - conv2d: {channels: width}
          - relu: {}
          shortcut: []
      input: [100, 1, 1]
    name: an example
    objective:
      gradientPenalty:
    data: {range: [0, 255.5], source: idx}
    """

  @Test func writesDefaultsProductsAndTheOrderOfReading() throws {
    #expect(
      try resolve(text) == """
        name: an example
        data: {source: idx, range: [0, 255.5], flip: false}
        generator:
          input: [100, 1, 1]
          layers:
          - conv2d: {channels: 64, bias: false}
          - relu
          - residual:
              main:
              - conv2d: {channels: 16, bias: true}
              - relu
              shortcut: []
        objective: {}
        optimizer:
          generator: {adam: {learningRate: 0.0001, beta1: 1.0e-05}}
        width: 16

        """)
  }

  @Test func readingItAgainChangesNothing() throws {
    let once = try resolve(
      text, "objective.gradientPenalty.weight=0.1", "seed=7", "name='a: \"b\"'")
    #expect(once.contains("objective:\n  gradientPenalty: {weight: 0.1}\n"))
    #expect(once.contains("name: \"a: \\\"b\\\"\"\nseed: 7\n"))
    #expect(try resolve(once) == once)
    let absent = try resolve("name: x\ngenerator: {input: [1], layers: []}")
    #expect(absent.contains("  layers: []\n"))
    #expect(try resolve(absent) == absent)
  }

  @Test func longMappingsBecomeBlocks() throws {
    let long = String(repeating: "x", count: 60)
    func resolve(_ text: String) throws -> String {
      let root = try reader(text)
      for section in ["a", "b"] {
        _ = try root.section(section).string("x")
        _ = try root.section(section).string("z")
      }
      for item in try root.items("items") {
        _ = try item.options.string("x")
        _ = try item.options.string("z")
      }
      let item = try root.item("item")
      _ = try item.options.string("x")
      _ = try item.options.string("z")
      return root.resolvedYAML()
    }
    let options = "{x: \(long), z: \(long)}"
    let once = try resolve(
      "a: \(options)\nb: {x: 1, z: 2}\nitems: [{name: \(options)}]\nitem: {name: \(options)}")
    #expect(
      once == """
        a:
          x: \(long)
          z: \(long)
        b: {x: "1", z: "2"}
        items:
        - name:
            x: \(long)
            z: \(long)
        item:
          name:
            x: \(long)
            z: \(long)

        """)
    #expect(try resolve(once) == once)
  }

  @Test func emptyDocument() throws {
    #expect(try reader("{}").resolvedYAML() == "{}\n")
    #expect(try reader("width: 2").resolvedYAML() == "width: 2\n")
  }

  @Test(arguments: [
    0.1, 1e-4, 1e-5, 1.5e-7, 1e15, 1e16, 1e22, 123_456_789.25, -0.0, .leastNonzeroMagnitude,
    1.0 / 3,
    .greatestFiniteMagnitude, .leastNormalMagnitude, 9_007_199_254_740_992, -2,
  ])
  func numbersRoundTripExactly(_ value: Double) throws {
    let root = try reader("{}")
    _ = try root.number("a", default: value)
    let text = root.resolvedYAML()
    #expect(try reader(text).number("a").bitPattern == value.bitPattern)
    // What YAML 1.1 takes for a number: an exponent only behind a dot.
    #expect(!text.contains("e") || text.contains("."))
  }

  @Test(arguments: [
    "", " ", "a", "a b", " a", "a ", "true", "No", "NULL", "~", "64", "1e5", "0x10", ".5", ".inf",
    "1 epoch", "2001-12-14", "12:30:45", "a: b", "a #b", "#a", "- a", "-", "[a]", "{a", "a, b",
    "\"", "'", "\\", "a\\nb", "a\nb", "a\r\nb", "\t", "\u{7}", "\u{0}", "\u{7F}", "\u{85}",
    "\u{2028}", "a\u{FEFF}", "\u{FFFE}", "müßig", "日本", "😀", "*a", "&a", "!a", "%a", "@a", "`a",
    "|", ">", "?", "? a", "=", "<<", "---", "...", "a---", "./data", "../data", "/data/x-1.gz",
    "~/data", "y", "width", "4*width", "e\u{301}",
  ])
  func textsRoundTrip(_ value: String) throws {
    let root = try reader("{}")
    _ = try root.string("a", default: value)
    _ = try root.section("s").string("a", default: value)
    for again in [try reader(root.resolvedYAML())] {
      // Byte for byte: Swift's == takes a composed and a decomposed letter for the same.
      #expect(try Array(again.string("a").utf8) == Array(value.utf8))
      #expect(try Array(again.section("s").string("a").utf8) == Array(value.utf8))
      #expect(again.resolvedYAML() == root.resolvedYAML())
    }
  }

  @Test func plainTextsStayPlain() {
    for text in ["a", "a b", "1 epoch", "./data", "/data/x-1.gz", "wgan-gp_2.0"] {
      #expect(quotedIfNeeded(text) == text)
    }
    #expect(quotedIfNeeded("64") == "\"64\"")
    #expect(quotedIfNeeded("off") == "\"off\"")
  }
}

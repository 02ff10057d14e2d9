import Base
import Configuration
import Testing

@Suite struct ConfigurationReaderTests {
  // MARK: - Integers

  @Test(arguments: [("64", 64), ("-3", -3), ("+5", 5), ("0", 0), ("1_000_000", 1_000_000)])
  func readsIntegers(_ text: String, _ value: Int) throws {
    #expect(try reader("a: \(text)").integer("a") == value)
    #expect(try reader("a: \(text)").optionalInteger("a") == value)
  }

  @Test(arguments: [
    ("abc", "'abc'"), ("0", "0"), ("9", "9"), ("\"5\"", "'5'"), ("1.0", "1.0"), ("1e2", "1e2"),
    ("007", "007"), ("0_7", "'0_7'"), ("0x4", "0x4"), ("--4", "'--4'"), ("4_", "'4_'"),
    ("4__4", "'4__4'"),
    ("true", "'true'"), ("", "nothing"), ("[1]", "a list of 1"), ("[]", "an empty list"),
    ("{b: 1}", "a mapping"), ("99999999999999999999", "99999999999999999999"), ("٣", "'٣'"),
    ("!!str 5", "'5'"),
  ])
  func refusesIntegers(_ text: String, _ found: String) throws {
    let root = try reader("s:\n  a: \(text)")
    #expect(
      message { try root.section("s").integer("a", in: 1...8) }
        == "x.yaml:2: s.a: expected an integer from 1 to 8, found \(found)")
  }

  @Test func describesIntegerRanges() throws {
    let root = try reader("a: x")
    let prefix = "x.yaml:1: a: expected an integer"
    #expect(message { try root.integer("a") } == "\(prefix), found 'x'")
    #expect(
      message { try root.integer("a", in: 1...Int.max) } == "\(prefix), at least 1, found 'x'")
    #expect(message { try root.integer("a", in: Int.min...9) } == "\(prefix), at most 9, found 'x'")
  }

  @Test func missingValuesAndDefaults() throws {
    let root = try reader("training:\n  x: 1\n", "new.x=1")
    let training = try root.section("training")
    #expect(
      message { try training.integer("batch", in: 1...8) }
        == "x.yaml:2: training.batch: missing; expected an integer from 1 to 8")
    #expect(try training.integer("batch", default: 4, in: 1...8) == 4)
    #expect(
      message { try root.section("other").boolean("b") }
        == "x.yaml: other.b: missing; expected true or false")
    // The assignment of a neighbour is not to blame.
    #expect(
      message { try root.section("new").string("y") }
        == "x.yaml: new.y: missing; expected a text")
    #expect(message { try root.string("y") } == "x.yaml: y: missing; expected a text")
  }

  @Test func missingValuesNameTheirTypo() throws {
    let root = try reader("training:\n  x: 1\n  bacth: 4\ncritc: {w: 1}\n", "training.shrads=2")
    let training = try root.section("training")
    #expect(
      message { try training.integer("batch", in: 1...8) }
        == "x.yaml:3: training.batch: missing; expected an integer from 1 to 8; "
        + "did you write 'bacth' for 'batch'?")
    #expect(
      message { try training.integer("shards", in: 1...8) }
        == "command line: training.shrads=2: training.shards: missing; expected an integer from "
        + "1 to 8; did you write 'shrads' for 'shards'?")
    #expect(
      message { try root.section("critic").items("layers") }
        == "x.yaml:4: critic.layers: missing; expected a list of names, with options or without; "
        + "did you write 'critc' for 'critic'?")
    // What has been asked for is no typo.
    _ = try training.integer("bacth")
    #expect(
      message { try training.integer("batch", in: 1...8) }
        == "x.yaml:2: training.batch: missing; expected an integer from 1 to 8")
  }

  @Test func errorsAboutParametersAreLocated() throws {
    let training = try reader("training:\n  batch: 9\n", "training.shards=4").section("training")
    let located = { (parameter: String?) in
      message {
        try training.locatingErrors { throw Fault("found 9, expected 8", parameter: parameter) }
      }
    }
    #expect(located("batch") == "x.yaml:2: training.batch: found 9, expected 8")
    #expect(located("shards") == "command line: training.shards=4: found 9, expected 8")
    #expect(located("threads") == "x.yaml:2: training.threads: found 9, expected 8")
    #expect(located(nil) == "not a ConfigurationError: found 9, expected 8")
    #expect("\(Fault("found 9, expected 8", parameter: "batch"))" == "batch: found 9, expected 8")
    #expect(try training.locatingErrors { 3 } == 3)
  }

  @Test func optionalValues() throws {
    let root = try reader("a:\nb: ~\nc: null\nd: 2\n")
    for key in ["a", "b", "c", "e"] {
      #expect(try root.optionalInteger(key) == nil)
      #expect(try root.optionalNumber(key) == nil)
      #expect(try root.optionalString(key) == nil)
      #expect(try root.optionalSection(key) == nil)
      #expect(!root.contains(key))
    }
    #expect(try root.optionalInteger("d", in: 1...2) == 2)
    #expect(try root.optionalNumber("d", in: 1...2) == 2)
    #expect(try root.optionalString("d") == "2")
    #expect(root.contains("d"))
    #expect(message { try root.optionalInteger("d", in: 3...4) }.hasSuffix("found 2"))
    #expect(message { try root.optionalNumber("d", above: 2) }.hasSuffix("above 2, found 2"))
    try root.finish()
  }

  @Test func errorsOfOverridesSayTheAssignment() throws {
    let root = try reader(
      "training: {batch: 1}", "training.batch=0", "training.shape=[1, x]", "layers=[5]",
      "name=\(String(repeating: "n", count: 100))", "text=\"a\\nb\"")
    let training = try root.section("training")
    #expect(
      message { try training.integer("batch", in: 1...1_048_576) }
        == "command line: training.batch=0: expected an integer from 1 to 1048576, found 0")
    #expect(
      message { try training.integers("shape") }
        == "command line: training.shape=[1, x]: training.shape.1: expected an integer, found 'x'")
    let long = String(repeating: "n", count: 77)
    #expect(
      message { try root.integer("name") }
        == "command line: name=\(long.dropLast(5))...: expected an integer, found '\(long)...'")
    #expect(
      message { try root.integer("text") }
        == "command line: text=\"a\\nb\": expected an integer, found 'a\\nb'")
  }

  // MARK: - Multiples of width

  @Test(arguments: [
    ("width", 16), ("4*width", 64), ("width*4", 64), ("4 * width", 64), ("\"2 *width\"", 32),
    ("0*width", 0), ("3", 3),
  ])
  func multiplesOfWidth(_ text: String, _ value: Int) throws {
    let root = try reader("a: \(text)\nb: [\(text)]\nwidth: 16\n")
    #expect(try root.integer("a") == value)
    #expect(try root.integers("b") == [value])
    try root.finish()
    #expect(root.resolvedYAML() == "a: \(value)\nb: [\(value)]\nwidth: 16\n")
  }

  @Test(arguments: [
    ("4*widht", "'4*widht'"), ("width*width", "'width*width'"), ("2*3*width", "'2*3*width'"),
    ("4width", "'4width'"), ("1.5*width", "'1.5*width'"), ("2*width", "'2*width' = 32"),
    ("1000000000000000000*width", "'1000000000000000000*width'"), ("width*", "'width*'"),
  ])
  func refusesMultiples(_ text: String, _ found: String) throws {
    let root = try reader("a: \(text)\nwidth: 16\n")
    #expect(
      message { try root.integer("a", in: 1...20) }
        == "x.yaml:1: a: expected an integer from 1 to 20, found \(found)")
  }

  @Test func multiplesNeedAWidth() throws {
    let root = try reader("s:\n  a: 4*width\n")
    #expect(
      message { try root.section("s").integer("a") }
        == "x.yaml:2: s.a: '4*width' needs the top-level key 'width', which is missing")
    let wrong = try reader("a: 4*width\nwidth: b\n")
    let expected = "x.yaml:2: width: expected an integer from 1 to 65536, found 'b'"
    #expect(message { try wrong.integer("a") } == expected)
    #expect(message { try reader("width: b\n\n").finish() }.hasSuffix("found 'b'"))
    #expect(
      message { try reader("a: width\nwidth: 2*width").integer("a") }
        == "x.yaml:2: width: expected an integer from 1 to 65536, found '2*width'")
    #expect(
      message { try reader("a: width\nwidth: 2", "width=0").integer("a") }
        == "command line: width=0: expected an integer from 1 to 65536, found 0")
  }

  @Test func widthIsKnownAtTheRootOnly() throws {
    try reader("width: 16").finish()
    let root = try reader("s: {width: 16}")
    _ = try root.section("s")
    #expect(
      message { try root.finish() } == "x.yaml:1: s.width: unknown key; none is known here")
    // A width that the program reads itself stays where it was read.
    let read = try reader("width: 16\na: 2*width")
    #expect(try read.integer("width", in: 1...64) == 16)
    #expect(try read.integer("a") == 32)
    #expect(read.resolvedYAML() == "width: 16\na: 32\n")
  }

  // MARK: - Numbers

  @Test(arguments: [
    ("0.5", 0.5), ("1e-4", 1e-4), ("1.0e-4", 1e-4), ("10", 10), (".5", 0.5), ("-2.", -2),
    ("+1E3", 1000), ("-0.0", -0.0),
  ])
  func readsNumbers(_ text: String, _ value: Double) throws {
    let number = try reader("a: \(text)").number("a")
    #expect(number.bitPattern == value.bitPattern)
  }

  @Test(arguments: [
    (".inf", "'.inf'"), ("-.inf", "'-.inf'"), (".nan", "'.nan'"), ("nan", "nan"), ("inf", "inf"),
    ("1e999", "1e999"), ("0x1p3", "0x1p3"), ("1.2.3", "'1.2.3'"), ("\"1\"", "'1'"), ("e", "'e'"),
    ("", "nothing"), ("[1]", "a list of 1"), ("1,5", "'1,5'"),
  ])
  func refusesNumbers(_ text: String, _ found: String) throws {
    let root = try reader("a: \(text)")
    #expect(
      message { try root.number("a") } == "x.yaml:1: a: expected a finite number, found \(found)")
  }

  @Test func numberRanges() throws {
    let root = try reader("a: 0.5\nb: 0\n")
    let limit = Double.greatestFiniteMagnitude
    #expect(try root.number("a", in: 0.5...0.5) == 0.5)
    #expect(try root.number("b", in: 0...1) == 0)
    #expect(try root.number("a", above: 0.25) == 0.5)
    func expected(_ range: ClosedRange<Double>, above: Double? = nil, key: String = "a") -> String {
      message { try root.number(key, in: range, above: above) }
    }
    #expect(expected(0...0.25) == "x.yaml:1: a: expected a number from 0 to 0.25, found 0.5")
    #expect(expected(1...limit) == "x.yaml:1: a: expected a number, at least 1, found 0.5")
    #expect(
      expected((-limit)...0.0001) == "x.yaml:1: a: expected a number, at most 0.0001, found 0.5")
    #expect(
      expected(0...1, above: 0, key: "b")
        == "x.yaml:2: b: expected a number above 0 and at most 1, found 0")
    #expect(
      expected((-limit)...limit, above: 0, key: "b")
        == "x.yaml:2: b: expected a number above 0, found 0")
    #expect(
      message { try reader("a: 1e999").number("a", in: 0...Double.infinity) }
        == "x.yaml:1: a: expected a number, at least 0, found 1e999")
    #expect(try root.number("c", default: 0.1, in: 0...1) == 0.1)
    #expect(
      message { try root.number("d", above: 0) }
        == "x.yaml: d: missing; expected a number above 0")
  }

  // MARK: - Texts, choices, booleans

  @Test func texts() throws {
    let root = try reader("a: some text\nb: \"\"\nc: 64\nd: true\ne: 'null'\nf:\ng: [1]\n")
    #expect(try root.string("a") == "some text")
    #expect(try root.string("b") == "")
    #expect(try root.string("c") == "64")
    #expect(try root.string("d") == "true")
    #expect(try root.string("e") == "null")
    #expect(try root.string("h", default: "x") == "x")
    #expect(message { try root.string("f") } == "x.yaml:6: f: expected a text, found nothing")
    #expect(message { try root.string("g") } == "x.yaml:7: g: expected a text, found a list of 1")
  }

  @Test func choices() throws {
    let words = ["reused", "fresh"]
    let root = try reader("a: fresh\nb: fersh\nc: 5\nd: [fresh]\n")
    #expect(try root.choice("a", of: words) == "fresh")
    #expect(try root.choice("z", default: "reused", of: words) == "reused")
    let expected = "expected one of reused, fresh"
    #expect(
      message { try root.choice("b", of: words) }
        == "x.yaml:2: b: \(expected), found 'fersh'; did you mean 'fresh'?")
    #expect(message { try root.choice("c", of: words) } == "x.yaml:3: c: \(expected), found 5")
    #expect(
      message { try root.choice("d", of: words) } == "x.yaml:4: d: \(expected), found a list of 1")
    #expect(message { try root.choice("y", of: words) } == "x.yaml: y: missing; \(expected)")
  }

  private enum Batch: String, CaseIterable { case reused, fresh, none }

  @Test func choicesOfAnEnumeration() throws {
    let root = try reader("a: fresh\nb: fersh\nc: none\n")
    #expect(try root.choice("a") == Batch.fresh)
    #expect(try root.choice("z", default: Batch.reused) == .reused)
    let some = [Batch.reused, .fresh]
    #expect(try root.choice("a", of: some) == .fresh)
    #expect(
      message { _ = try root.choice("b") as Batch }
        == "x.yaml:2: b: expected one of reused, fresh, none, found 'fersh'; did you mean 'fresh'?")
    #expect(
      message { try root.choice("c", of: some) }
        == "x.yaml:3: c: expected one of reused, fresh, found 'none'")
    #expect(
      message { _ = try root.choice("y") as Batch }
        == "x.yaml: y: missing; expected one of reused, fresh, none")
  }

  @Test func booleans() throws {
    let root = try reader("a: true\nb: false\nc: yes\nd: 'true'\ne: 1\nf: True\n")
    #expect(try root.boolean("a"))
    #expect(try !root.boolean("b"))
    #expect(try root.boolean("z", default: true))
    for (key, line, found) in [("c", 3, "'yes'"), ("d", 4, "'true'"), ("e", 5, "1")] {
      #expect(
        message { try root.boolean(key) }
          == "x.yaml:\(line): \(key): expected true or false, found \(found)")
    }
    #expect(message { try root.boolean("f") }.hasSuffix("found 'True'"))
  }

  // MARK: - Lists

  @Test func numberPairs() throws {
    let root = try reader("a: [-1, 0.5]\nb: [1]\nc: [0, x]\nd: 1\n")
    #expect(try root.numberPair("a") == (-1, 0.5))
    #expect(try root.numberPair("z", default: (0, 1)) == (0, 1))
    let expected = "expected two numbers, such as [-1, 1]"
    #expect(message { try root.numberPair("b") } == "x.yaml:2: b: \(expected), found a list of 1")
    #expect(
      message { try root.numberPair("c") } == "x.yaml:3: c.1: expected a finite number, found 'x'")
    #expect(message { try root.numberPair("d") } == "x.yaml:4: d: \(expected), found 1")
    #expect(message { try root.numberPair("y") } == "x.yaml: y: missing; \(expected)")
  }

  @Test func integerLists() throws {
    let root = try reader("a: [100, 1, 1]\nb: []\nc: [1,\n 0]\n")
    #expect(try root.integers("a", count: 1...3, in: 1...100) == [100, 1, 1])
    #expect(try root.integers("b") == [])
    #expect(try root.integers("z", default: [2], count: 1...1) == [2])
    func expected(_ key: String, _ count: ClosedRange<Int>) -> String {
      message { try root.integers(key, count: count, in: 1...100) }
    }
    #expect(
      expected("a", 1...2) == "x.yaml:1: a: expected a list of 1 to 2 integers, found a list of 3")
    #expect(
      expected("b", 1...1) == "x.yaml:2: b: expected a list of 1 integer, found an empty list")
    #expect(
      expected("b", 1...Int.max)
        == "x.yaml:2: b: expected a list of at least 1 integer, found an empty list")
    #expect(
      expected("c", 0...Int.max) == "x.yaml:4: c.1: expected an integer from 1 to 100, found 0")
    #expect(expected("y", 0...Int.max) == "x.yaml: y: missing; expected a list of integers")
  }

  @Test func numberLists() throws {
    let root = try reader("mean: [0.5, 1, -2]\nshort: [1]\nword: [1, a, 2]\nzero: [1, 0, 1]")
    #expect(try root.numbers("mean", count: 3...3) == [0.5, 1, -2])
    #expect(try root.numbers("none", default: [7], count: 1...1) == [7])
    #expect(
      message { try root.numbers("short", count: 3...3) }
        == "x.yaml:2: short: expected a list of 3 numbers, found a list of 1")
    #expect(
      message { try root.numbers("word", count: 3...3) }
        == "x.yaml:3: word.1: expected a finite number, found 'a'")
    #expect(
      message { try root.numbers("zero", count: 3...3, in: -9...9, above: 0) }
        == "x.yaml:4: zero.1: expected a number above 0 and at most 9, found 0")
  }

  @Test func listsOfItems() throws {
    let text = """
      branches:
      - [relu, conv2d: {channels: 4}]
      - - conv2d:
            channels: 5
        - tanh
      """
    let root = try reader(text)
    let lists = try root.itemLists("branches")
    #expect(lists.map { $0.map(\.name) } == [["relu", "conv2d"], ["conv2d", "tanh"]])
    #expect(lists[1][0].options.path == "branches.1.0.conv2d")
    #expect(try lists[0][1].options.integer("channels") == 4)
    #expect(
      message { try root.finish() }.hasPrefix(
        "x.yaml:4: branches.1.0.conv2d.channels: unknown key"))
    #expect(try lists[1][0].options.integer("channels") == 5)
    try root.finish()
    // What is read back is the same.
    let resolved = root.resolvedYAML()
    let again = try reader(resolved)
    let found = try again.itemLists("branches")
    for item in found.joined() where item.name == "conv2d" {
      _ = try item.options.integer("channels")
    }
    #expect(again.resolvedYAML() == resolved, "\(resolved)")
    #expect(found.map { $0.map(\.name) } == lists.map { $0.map(\.name) })
    #expect(
      message { try reader("branches: [relu]").itemLists("branches") }
        == "x.yaml:1: branches.0: expected a list of lists of names, with options or without, "
        + "found 'relu'")
    #expect(message { try reader("a: 1").itemLists("branches") }.contains("branches: missing"))
  }

  @Test func itemsAndTheirOptions() throws {
    let root = try reader(
      """
      layers:
      - relu
      - conv2d: {channels: 64}
      - tanh:
      - "flatten"
      none: []
      optimizer: {adam: {beta1: 0.5}}
      simple: sgd
      """)
    let items = try root.items("layers")
    #expect(items.map(\.name) == ["relu", "conv2d", "tanh", "flatten"])
    #expect(items.map(\.path) == ["layers.0", "layers.1", "layers.2", "layers.3"])
    #expect(items[1].options.path == "layers.1.conv2d")
    #expect(try items[1].options.integer("channels") == 64)
    #expect(try root.items("none").isEmpty)
    let adam = try root.item("optimizer")
    #expect(adam.name == "adam")
    #expect(try adam.options.number("beta1") == 0.5)
    #expect(try root.item("simple").name == "sgd")
    #expect(try root.item("other", default: "rmsProp").name == "rmsProp")
    try root.finish()
    #expect(items[1].fail("too wide").message == "x.yaml:3: layers.1.conv2d: too wide")
    #expect(
      items[0].unknownName(known: ["elu", "prelu"]).message
        == "x.yaml:2: layers.0: unknown name 'relu'; did you mean 'elu'? (known: elu, prelu)")
    #expect(
      items[1].options.fail("kernel", "too large").message
        == "x.yaml:3: layers.1.conv2d.kernel: too large")
  }

  @Test(arguments: [
    ("5: [1]", "x.yaml:2: layers.0.5: expected a mapping of options, found a list of 1"),
    ("relu: 5", "x.yaml:2: layers.0.relu: expected a mapping of options, found 5"),
    ("{}", "found an empty mapping; is the indentation right?"),
    ("conv2d:\n  channels: 3", "found the keys conv2d, channels; is the indentation right?"),
    ("", "name: {option: value}', found nothing"),
    ("''", "name: {option: value}', found ''"),
    ("[relu]", "name: {option: value}', found a list of 1"),
  ])
  func refusesItems(_ text: String, _ expected: String) throws {
    let root = try reader("layers:\n- \(text)\n")
    let error = message { try root.items("layers") }
    #expect(error.hasPrefix("x.yaml:2: layers.0"))
    #expect(error.hasSuffix(expected))
  }

  @Test func itemsNeedAList() throws {
    let expected = "expected a list of names, with options or without"
    let root = try reader("layers: relu\n")
    #expect(message { try root.items("layers") } == "x.yaml:1: layers: \(expected), found 'relu'")
    #expect(message { try root.items("z") } == "x.yaml: z: missing; \(expected)")
    #expect(
      message { try root.item("z") }
        == "x.yaml: z: missing; expected a name, with options or without")
  }

  // MARK: - Sections and finish

  @Test func sections() throws {
    let root = try reader("a: {x: 1}\nb:\nc: {}\nd: 5\n")
    #expect(try root.section("a") === root.section("a"))
    #expect(try root.section("b").integer("x", default: 7) == 7)
    #expect(try root.section("z").path == "z")
    #expect(try root.optionalSection("c") != nil)
    #expect(
      message { try root.section("d") } == "x.yaml:4: d: expected a mapping, found 5")
    #expect(
      message { try root.optionalSection("d") } == "x.yaml:4: d: expected a mapping, found 5")
  }

  @Test func finishFindsUnknownKeys() throws {
    let root = try reader("training:\n  batch: 1\n  bacth: 2\nother: {x: 1}\n")
    let training = try root.section("training")
    _ = try training.integer("batch")
    _ = try training.integer("criticSteps", default: 5)
    #expect(
      message { try training.finish() }
        == "x.yaml:3: training.bacth: unknown key; did you mean 'batch'? "
        + "(known: batch, criticSteps)")
    // A child that nobody asked for, before the children of what was read.
    #expect(
      message { try root.finish() }
        == "x.yaml:4: other: unknown key (known: training, width)")
    _ = try root.section("other").integer("x")
    #expect(message { try root.finish() }.hasPrefix("x.yaml:3: training.bacth: unknown key"))
  }

  @Test func finishLooksIntoItems() throws {
    let root = try reader(
      "layers:\n- relu\n- conv2d: {kernle: 3}\n- relu: {x: 1}\no: {adam: {y: 1}}")
    let items = try root.items("layers")
    _ = try items[1].options.integer("kernel", default: 3)
    #expect(
      message { try root.finish() } == "x.yaml:5: o: unknown key (known: layers, width)")
    let optimizer = try root.item("o")
    #expect(message { try root.finish() }.contains("layers.1.conv2d.kernle: unknown key; did you"))
    #expect(message { try items[1].options.integer("kernle") } == "no error, but: 3")
    #expect(
      message { try root.finish() } == "x.yaml:4: layers.2.relu.x: unknown key; none is known here")
    _ = try items[2].options.integer("x")
    #expect(
      message { try root.finish() } == "x.yaml:5: o.adam.y: unknown key; none is known here")
    _ = try optimizer.options.integer("y")
    try root.finish()
  }

  @Test func finishFindsAssignments() throws {
    let root = try reader("training: {batch: 1}", "training.bach=2", "trainig.batch=1")
    _ = try root.section("training").integer("batch")
    #expect(
      message { try root.finish() }
        == "command line: trainig.batch=1: trainig: unknown key; did you mean 'training'? "
        + "(known: training, width)")
    #expect(
      message { try root.section("training").finish() }
        == "command line: training.bach=2: unknown key; did you mean 'batch'? (known: batch)")
  }

  @Test func anAssignmentToAnUnknownKeyIsToBlame() throws {
    let root = try reader("batch: 1\nx: 1\n", "x=2")
    _ = try root.integer("batch")
    #expect(message { try root.finish() }.hasPrefix("command line: x=2: unknown key"))
  }

  @Test func readingTwiceIsRecordedOnce() throws {
    let root = try reader("a: 1\nb: 2\n")
    _ = try root.integer("a")
    _ = try root.integer("b")
    _ = try root.number("a")
    #expect(root.resolvedYAML() == "a: 1\nb: 2\n")
  }

  @Test func containsDoesNotCountAsReading() throws {
    let root = try reader("epochs: 1\niterations: 2\n")
    if root.contains("iterations") {
      _ = try root.integer("iterations")
    }
    #expect(root.contains("epochs"))
    #expect(
      message { try root.finish() }
        == "x.yaml:1: epochs: has no effect together with the other keys here; remove it")
  }

  @Test func failNamesThePlace() throws {
    let root = try reader("a:\n  b: 1\n", "a.c=2")
    let section = try root.section("a")
    #expect(section.fail("b", "too small").message == "x.yaml:2: a.b: too small")
    #expect(section.fail("c", "too small").message == "command line: a.c=2: too small")
    #expect(section.fail("d", "is needed").message == "x.yaml:2: a.d: is needed")
    #expect(section.fail(nil, "is odd").message == "x.yaml:2: a: is odd")
    #expect(root.fail(nil, "is odd").message == "x.yaml: is odd")
    #expect("\(root.fail(nil, "two\nlines"))" == "x.yaml: two\\nlines")
  }
}

import Configuration
import Foundation
import Testing

@Suite struct ConfigurationDocumentTests {
  private func parse(_ text: String) -> String {
    message { try ConfigurationDocument(text: text, name: "x.yaml") }
  }

  /// The message for a file with these bytes, its path written as `PATH`.
  private func read(_ bytes: Data) throws -> String {
    let path = NSTemporaryDirectory() + "configuration-\(UUID().uuidString).yaml"
    try bytes.write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    return message { try ConfigurationDocument(path: path).root().integer("a") }
      .replacingOccurrences(of: path, with: "PATH")
  }

  @Test func readsAFile() throws {
    #expect(try read(Data("a: 3\n".utf8)) == "no error, but: 3")
    #expect(try read(Data("\u{FEFF}a: 3\r\n".utf8)) == "no error, but: 3")
  }

  /// What nothing is left of goes too, but a layer stays.
  @Test func removesValues() throws {
    let text =
      "a: {b: 1, c: 2}\nd: {e: {f: 3}}\nlayers: [{conv: {size: 4, bias: no}}, {relu: {g: 5}}]\n"
    func left(_ paths: String...) throws -> [String: String] {
      var document = try ConfigurationDocument(text: text, name: "x.yaml")
      document.remove(paths)
      return document.leaves
    }
    let all = try left()
    #expect(all.count == 6)
    #expect(try left("a.b") == all.filter { $0.key != "a.b" })
    #expect(try left("a.b", "a.c", "d.e.f").keys.sorted().first == "layers.0.conv.bias")
    #expect(
      try left("layers.0.conv.bias", "layers.1.relu.g") == [
        "a.b": "1", "a.c": "2", "d.e.f": "3", "layers.0.conv.size": "4", "layers.1": "relu",
      ])
    #expect(try left("a.x", "x.y", "layers.7.conv", "a.b.c") == all)
  }

  @Test func aByteOrderMarkIsNoPartOfTheFirstKey() throws {
    #expect(try reader("\u{FEFF}a: 3\n").integer("a") == 3)
  }

  @Test func refusesWhatIsNoFileOfText() throws {
    #expect(
      message { try ConfigurationDocument(path: "no/such.yaml") } == "no/such.yaml: no such file")
    #expect(
      message { try ConfigurationDocument(path: "/") }
        == "/: is a folder; a YAML file is expected")
    #expect(try read(Data([0x61, 0x3a, 0x20, 0xff])) == "PATH: is not UTF-8 text")
    #expect(try read(Data()) == "PATH: is empty")
  }

  @Test func refusesWhatIsNoMapping() {
    #expect(parse("# only a comment\n") == "x.yaml: is empty")
    let expected = "x.yaml: expected a mapping (key: value) at the top level, found"
    #expect(parse("- a\n- b\n") == "\(expected) a list of 2")
    #expect(parse("hello") == "\(expected) 'hello'")
    #expect(parse("~") == "\(expected) nothing")
    #expect(parse("? [a]\n: 1\n") == "x.yaml:1: a key has to be a word")
  }

  @Test func syntaxErrorsNameTheLine() {
    #expect(
      parse("a: 1\nb: [1, 2\nc: 3\n")
        == "x.yaml:3: not valid YAML: did not find expected ',' or ']'"
        + " (while parsing a flow sequence that starts in line 2)")
    #expect(
      parse("a: 1\nb: \u{1}\n") == "x.yaml:2: not valid YAML: control characters are not allowed"
    )
    #expect(parse("a: 1\nb: *c\n") == "x.yaml:2: not valid YAML: found undefined alias")
    #expect(
      parse("a: 1\n---\nb: 1\n").hasPrefix("x.yaml:2: not valid YAML: but found another document"))
    #expect(parse("a: 1\nb: !secret 5\n") == "x.yaml:2: the tag !secret is not supported")
  }

  @Test func refusesDuplicateKeys() {
    #expect(
      parse("b: 1\na:\n  c: 1\n  c: 2\n")
        == "x.yaml:3: the key 'c' appears more than once in the mapping, here first")
    #expect(
      parse("a: 1\nb: 2\na: 1\nb: 2\n")
        == "x.yaml:1: the keys 'a', 'b' appear more than once in the mapping, here first")
    #expect(parse("a: {b: 1, \"b\": 2}").contains("'b' appears"))
    // Yams takes these for different keys: an integer and a text.
    #expect(parse("a: 1\n1: 1\n!!str 1: 2\n") == "x.yaml:3: the key '1' appears twice")
  }

  @Test func anchorsAndAliasesAreCopied() throws {
    let root = try reader("a: &options {x: 1}\nb: *options\n")
    #expect(try root.section("b").integer("x") == 1)
    #expect(try root.section("a").integer("x") == 1)
    try root.finish()
  }

  @Test func refusesToGrowWithoutLimit() {
    var text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    for i in 1...9 {
      let aliases = [String](repeating: "*a\(i - 1)", count: 10).joined(separator: ", ")
      text += "a\(i): &a\(i) [\(aliases)]\n"
    }
    #expect(parse(text).hasSuffix("more than 100000 values"))
    let deep = String(repeating: "[", count: 70) + String(repeating: "]", count: 70)
    #expect(parse("a: \(deep)") == "x.yaml:1: nested more than 64 levels deep")
  }

  // MARK: - Assignments

  @Test func overridesValues() throws {
    let root = try reader(
      "training: {batch: 128, shards: 8}\n", "training.batch=64", "data.path=a=b c",
      "data.range=[0, 1]", "name=\"7\"", "training.epochs = 5", "training.batch=32")
    #expect(try root.section("training").integer("batch") == 32)
    #expect(try root.section("training").integer("shards") == 8)
    #expect(try root.section("data").string("path") == "a=b c")
    #expect(try root.section("data").numberPair("range") == (0, 1))
    #expect(try root.string("name") == "7")
  }

  @Test func overridesIntoLists() throws {
    let text = """
      layers:
      - conv2d: {channels: 64, kernel: 4}
      - leakyReLU
      - dropout:
      shape: [3, 28, 28]
      """
    let root = try reader(
      text, "layers.0.conv2d.channels=32", "layers.1.leakyReLU.slope=0.1", "layers.2=relu",
      "shape.0=1")
    let items = try root.items("layers")
    #expect(items.map(\.name) == ["conv2d", "leakyReLU", "relu"])
    #expect(try items[0].options.integer("channels") == 32)
    #expect(try items[0].options.integer("kernel") == 4)
    #expect(try items[1].options.number("slope") == 0.1)
    #expect(try root.integers("shape") == [1, 28, 28])
    try root.finish()
  }

  @Test func overridesCreateSections() throws {
    let root = try reader("a: 1\nb:\nc: ~\n", "b.x=1", "c.x.y=2", "d.x.y=3")
    #expect(try root.section("b").integer("x") == 1)
    #expect(try root.section("c").section("x").integer("y") == 2)
    #expect(try root.section("d").section("x").integer("y") == 3)
  }

  @Test(arguments: [
    ("training.batch", "'training.batch': expected KEY=VALUE, such as training.batch=64"),
    ("=5", "'=5': expected KEY=VALUE, such as training.batch=64"),
    ("a..b=5", "'a..b=5': expected KEY=VALUE, such as training.batch=64"),
    ("a b=5", "'a b=5': expected KEY=VALUE, such as training.batch=64"),
    ("batch.x=1", "batch.x=1: batch is 64, not a mapping"),
    ("name.x=1", "name.x=1: name is 'n', not a mapping"),
    ("layers.2=relu", "layers.2=relu: layers is a list and has entries 0 to 1; it has no '2'"),
    ("layers.-1=x", "layers.-1=x: layers is a list and has entries 0 to 1; it has no '-1'"),
    ("layers.00=x", "layers.00=x: layers is a list and has entries 0 to 1; it has no '00'"),
    ("layers.x=1", "layers.x=1: layers is a list and has entries 0 to 1; it has no 'x'"),
    ("empty.0=1", "empty.0=1: empty is a list and is empty; it has no '0'"),
    ("layers.0.conv3d.x=1", "layers.0.conv3d.x=1: layers.0 is 'conv2d', not 'conv3d'"),
    ("layers.1.tanh.x=1", "layers.1.tanh.x=1: layers.1 is 'relu', not 'tanh'"),
    (
      "name=[1",
      "name=[1: the value is not valid YAML: did not find expected ',' or ']'"
        + " (while parsing a flow sequence that starts in line 1)"
    ),
  ])
  func refusesAssignments(_ assignment: String, _ expected: String) throws {
    let text = "batch: 64\nname: n\nlayers: [{conv2d: {channels: 1}}, relu]\nempty: []\n"
    #expect(message { try reader(text, assignment) } == "command line: \(expected)")
  }
}

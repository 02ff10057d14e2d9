import Configuration
import Foundation
import Testing

@Suite struct PathTests {
  private let home = ProcessInfo.processInfo.environment["HOME"] ?? ""

  /// On the command line a path is what stands behind the sign; quotes and lists are YAML.
  @Test(arguments: [
    "a # b", "*x", "@x", "{b}", "a: b", "x ", "- y", "%", "yes", "0x10", "&a", "!t", "a\\tb", "#",
  ])
  func pathsAreTakenAsTheyAre(path: String) throws {
    let root = try reader("data: {path: x}\n", "data.path=\(path)", "output.directory=\(path)")
    #expect(try root.section("data").path("path") == path)
    #expect(try root.section("output").path("directory", default: "runs") == path)
    // What is written down reads back as this.
    let again = try reader(root.resolvedYAML())
    #expect(try again.section("data").path("path") == path)
  }

  @Test func quotesAndLists() throws {
    let root = try reader(
      "data: {path: x}\n", "data.path=\"a\\tb\"", "b.path=' c'", "c.path=[a, \"b#\"]", "d.path=*x")
    #expect(try root.section("data").path("path") == "a\tb")
    #expect(try root.section("b").path("path") == " c")
    #expect(try root.section("c").paths("path") == ["a", "b#"])
    #expect(try root.section("d").paths("path") == ["*x"])
    let single = try reader("data: {}\n", "data.path=[x]")
    #expect(
      message { try single.section("data").path("path") }
        == "command line: data.path=[x]: expected a path, found a list; put a name that begins "
        + "with [ in quotes")
    let null = try reader("data: {}\n", "data.path=null", "data.cache=null")
    #expect(
      message { try null.section("data").path("path") }
        == "command line: data.path=null: expected a path, found nothing; write ./null for a file "
        + "of this name")
    #expect(try null.section("data").optionalPath("cache") == nil)
    // Other values stay YAML.
    #expect(
      message { try reader("name: n\n", "name=*x") }
        == "command line: name=*x: the value is not valid YAML: found undefined alias")
  }

  @Test func tildeIsTheHome() throws {
    let root = try reader(
      "a: {path: ~/x}\nb: {cache: ~/y}\nc: {path: [~/z, w~]}\n", "d.path=~", "e.directory=~/o")
    #expect(try root.section("a").path("path") == "\(home)/x")
    #expect(try root.section("b").optionalPath("cache") == "\(home)/y")
    #expect(try root.section("c").paths("path") == ["\(home)/z", "w~"])
    #expect(try root.section("d").path("path") == home)
    #expect(try root.section("e").path("directory") == "\(home)/o")
    #expect(root.resolvedYAML().contains("path: \(home)/x"))
    let other = try reader("a: {path: ~anna/x}\n")
    #expect(
      message { try other.section("a").path("path") }
        == "x.yaml:1: a.path: ~anna/x: the homes of other users are not looked up; write the whole "
        + "path, or ./~anna/x for a name that begins with ~")
  }
}

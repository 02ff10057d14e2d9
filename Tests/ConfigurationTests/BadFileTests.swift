import Configuration
import Foundation
import TestSupport
import Testing

/// Configurations that would take much time or memory are refused in one line; damaged ones are
/// ReaderTests'.
@Suite struct BadFileTests {
  /// Yams walks through all that a key means, which a short file can make a billion values.
  @Test(.timeLimit(.minutes(1))) func aliasesInKeysAreBounded() {
    for (open, close) in [("? ", "\n: 1"), ("{", ": 1}"), ("", " : 1")] {
      var text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
      for level in 1...9 {
        let aliases = [String](repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
        text += "a\(level): &a\(level) [\(aliases)]\n"
      }
      let found = message(of: {
        try ConfigurationDocument(text: text + "\(open)*a9\(close)\n", name: "x")
      })
      #expect(found?.hasSuffix("could mean more than 100000 values") == true, "\(found ?? "")")
    }
  }

  @Test(.timeLimit(.minutes(1))) func largeDocumentsAreBounded() throws {
    let keys = (0..<99_000).map { "k\($0):\n" }.joined()
    #expect(try ConfigurationDocument(text: keys, name: "x").leaves.count == 99_000)
    let long = "name: \(String(repeating: "n", count: 10 << 20))\n"
    #expect(
      message(of: { try ConfigurationDocument(text: long, name: "x") })
        == "x: \(long.utf8.count) bytes; at most 1048576 are expected")
    var document = try ConfigurationDocument(text: "a: 1\n", name: "x")
    let path = [String](repeating: "k", count: 50_000).joined(separator: ".")
    #expect(
      message(of: { try document.override("\(path)=1") })?.hasSuffix(
        "50000 keys deep; at most 64 are expected") == true)
  }
}

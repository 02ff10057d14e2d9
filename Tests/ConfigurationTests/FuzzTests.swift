import Configuration
import Foundation
import TestSupport
import Testing

/// Damaged configurations and assignments are refused in one line; nothing crashes or hangs.
@Suite struct FuzzTests {
  private static let configurations = [
    "configs/mnist-dcgan-conditional.yaml", "configs/glyphs.yaml", "configs/toy-8gaussians.yaml",
  ]

  private func files() throws -> [[UInt8]] {
    let text = "a: &a {x: [1, *b], y: 'z'}\n? b\n: *a\nc: |\n  text\n"
    return try Self.configurations.map {
      Array(try Data(contentsOf: URL(fileURLWithPath: repositoryFile($0))))
    } + [Array(text.utf8)]
  }

  @Test func documents() throws {
    let result = try fuzz(try files(), count: 3000, name: "x.yaml") { path in
      let document = try ConfigurationDocument(path: path)
      _ = document.leaves
      let root = document.root()
      _ = try root.section("training").integer("batch", default: 1, in: 1...1024)
    }
    #expect(result.complaints.isEmpty, "\(result.complaints.prefix(3))")
    #expect(result.loaded > 100 && result.refused > 500, "\(result.loaded), \(result.refused)")
  }

  @Test func assignments() throws {
    let texts = [
      "training.batch=64", "data.range=[0, 1]", "generator.layers.0.conv2d={kernel: 4}", "a=&b *b",
    ]
    var mutator = Mutator(seed: 7)
    var refused = 0
    for index in 0..<6000 {
      let bytes = mutator.damaged(Array(texts[index % texts.count].utf8))
      var document = try ConfigurationDocument(
        text: "training: {batch: 1}\ngenerator: {layers: [conv2d]}\n", name: "x")
      do { try document.override(String(decoding: bytes, as: UTF8.self)) } catch {
        refused += 1
        let text = "\(error)"
        #expect(text.hasPrefix("command line: ") && !text.contains("\n"), "\(index): \(text)")
      }
    }
    #expect((1000..<5500).contains(refused), "\(refused)")
  }

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

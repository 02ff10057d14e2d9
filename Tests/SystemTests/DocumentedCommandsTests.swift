import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// The command lines of README.md and docs: their commands and options are the program's.
  @Suite struct DocumentedCommandsTests {
    /// Lines of fenced or indented code that start the program: the words behind its name.
    private static func commandLines(_ file: String) throws -> [[String]] {
      let text = try String(contentsOfFile: repositoryFile(file), encoding: .utf8)
      var isCode = false
      var lines: [[String]] = []
      for line in text.replacingOccurrences(of: "\\\n", with: " ").split(separator: "\n") {
        if line.hasPrefix("```") { isCode.toggle() }
        let words = line.prefix { $0 != "#" }.split(separator: " ").map(String.init)
        guard isCode || line.hasPrefix("    "),
          let program = words.firstIndex(where: { isProgram($0) })
        else { continue }
        lines.append(Array(words[(program + 1)...]))
      }
      return lines
    }

    private static func isProgram(_ word: String) -> Bool {
      word == "wgangp-dist" || word == ".build/release/wgangp-dist"
    }

    @Test(arguments: ["README.md", "docs/commands.md"])
    func commandsAndOptionsExist(file: String) throws {
      let lines = try Self.commandLines(file).filter { !$0.isEmpty }
      #expect(lines.count > 1, "\(file): \(lines.count) command lines")
      var helps: [[String]: String] = [:]
      for words in lines {
        guard let first = words.first, !first.hasPrefix("-") else { continue }
        let hasSubcommand = first == "data" && words.count > 1 && !words[1].hasPrefix("-")
        let command = Array(words.prefix(hasSubcommand ? 2 : 1))
        if helps[command] == nil {
          let outcome = try Program.run(command + ["--help"])
          #expect(outcome.status == 0, "\(file): \(words): \(outcome)")
          #expect(
            outcome.output.contains("wgangp-dist \(command.joined(separator: " "))"),
            "\(file): \(words)")
          helps[command] = outcome.output
        }
        for option in words where option.hasPrefix("--") {
          let name = option.prefix { $0 != "=" && $0 != "," && $0 != ")" }
          #expect(helps[command]?.contains(name) == true, "\(file): \(name) in \(words)")
        }
      }
    }
  }
}

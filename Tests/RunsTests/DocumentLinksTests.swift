import Foundation
import TestSupport
import Testing

/// What documents and messages lead to is there: files, and the headings behind `#`.
@Suite struct DocumentLinksTests {
  /// The paths of the documents, from the repository's root.
  private static func documents() throws -> [String] {
    var paths = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "launch/README.md"]
    let files = try #require(FileManager.default.enumerator(atPath: repositoryFile("docs")))
    for case let path as String in files where path.hasSuffix(".md") {
      paths.append("docs/\(path)")
    }
    return paths.sorted()
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOfFile: repositoryFile(path), encoding: .utf8)
  }

  /// The names by which headings are reached: small letters, digits and hyphens.
  private static func anchors(_ path: String) throws -> Set<String> {
    var found: Set<String> = []
    var isCode = false
    for line in try text(path).split(separator: "\n") {
      if line.hasPrefix("```") { isCode.toggle() }
      guard !isCode, line.hasPrefix("#") else { continue }
      let title = line.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
      let kept = title.filter { $0.isLetter || $0.isNumber || " -_".contains($0) }
      found.insert(kept.replacingOccurrences(of: " ", with: "-"))
    }
    return found
  }

  /// What is wrong with a link, seen from the folder of the document that has it.
  private static func fault(_ link: String, from document: String) throws -> String? {
    let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    let folder = (document as NSString).deletingLastPathComponent
    let path =
      parts[0].isEmpty
      ? document
      : ((folder as NSString).appendingPathComponent("\(parts[0])") as NSString)
        .standardizingPath
    guard FileManager.default.fileExists(atPath: repositoryFile(path)) else {
      return "\(document): \(link): no such file"
    }
    guard parts.count == 2, path.hasSuffix(".md") else { return nil }
    return try anchors(path).contains("\(parts[1])") ? nil : "\(document): \(link): no such heading"
  }

  @Test func documentsLead() throws {
    var count = 0
    for document in try Self.documents() {
      for match in try Self.text(document).matches(of: /\]\(([^)\s]+)\)/) {
        let link = String(match.1)
        guard !link.contains("://") else { continue }
        let fault = try Self.fault(link, from: document)
        #expect(fault == nil)
        count += 1
      }
    }
    #expect(count > 50, "\(count) links")
  }

  /// `docs/troubleshooting.md#w-grows` in a message, and all others in the sources.
  @Test func messagesLead() throws {
    let folder = repositoryFile("Sources")
    let files = try #require(FileManager.default.enumerator(atPath: folder))
    var count = 0
    for case let path as String in files where path.hasSuffix(".swift") {
      for match in try Self.text("Sources/\(path)").matches(of: /docs\/[a-z-]+\.md(#[a-z0-9-]+)?/) {
        let fault = try Self.fault("\(match.0)", from: "README.md")
        #expect(fault == nil, "Sources/\(path)")
        count += 1
      }
    }
    #expect(count > 2, "\(count) links")
  }

  /// The monitor puts the name of a failure's section behind `#`.
  @Test(arguments: ["critic-wins", "w-grows", "gradient-vanishes", "samples-alike"])
  func monitorLeads(section: String) throws {
    #expect(try Self.text("Sources/Runs/Recording/TrainingMonitor.swift").contains(section))
    #expect(try Self.anchors("docs/troubleshooting.md").contains(section))
  }
}

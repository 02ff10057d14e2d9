import Base
import Collectives
import Configuration
import Foundation
import Recipe
import Reports
import Storage

/// A run's configuration beside the file that it began with: what the command line, or somebody
/// since, has changed.
enum PublishedConfiguration {
  /// What is found.
  struct Comparison {
    var settings: [RunPage.Setting]
    /// What the settings are compared with; nil where nothing is known.
    var published: String?
    /// Why they are not.
    var note: String?
  }

  /// The settings of a run, in the order of its `config.yaml`.
  ///
  /// - Parameter run: The run's folder.
  /// - Returns: The settings, and what they are compared with.
  /// - Throws: Where `config.yaml` cannot be read.
  static func settings(of run: RunDirectory) throws -> Comparison {
    let document = try ConfigurationDocument(path: run.configuration)
    let leaves = document.orderedLeaves
    func plain(_ note: String?) -> Comparison {
      Comparison(settings: leaves.map { .init(key: $0.path, value: $0.text) }, note: note)
    }
    switch source(of: run) {
    case .none: return plain(nil)
    case .missing(let path):
      return plain("\(path) is not there: nothing to compare config.yaml with")
    case .file(let path):
      let name = path ?? "the built-in default"
      guard let published = try? resolved(path) else {
        return plain("\(name) cannot be read now: nothing to compare config.yaml with")
      }
      return Comparison(settings: compare(leaves, with: published), published: name)
    }
  }

  private enum Source {
    /// nil for the built-in default.
    case file(String?)
    case missing(String)
    case none
  }

  /// The file of the command line that began the run.
  private static func source(of run: RunDirectory) -> Source {
    guard let bytes = try? FileSystem.readFile(run.environment),
      let environment = try? JSONDecoder().decode(RunEnvironment.self, from: Data(bytes))
    else { return .none }
    let words = environment.command
    guard words.dropFirst().first == "train" else { return .none }
    let option = "--config"
    var path = words.first { $0.hasPrefix(option + "=") }.map { String($0.dropFirst(9)) }
    if let place = words.firstIndex(of: option), words.indices.contains(place + 1) {
      path = words[place + 1]
    }
    guard let path else {
      // The weights' own configuration, with its sizes written out.
      return words.contains { $0 == "--from" || $0.hasPrefix("--from=") } ? .none : .file(nil)
    }
    return FileSystem.exists(path) ? .file(path) : .missing(path)
  }

  /// All values of a file with its defaults, without taking memory for networks.
  private static func resolved(_ path: String?) throws -> [(path: String, text: String)] {
    let document = try ConfigurationDocument.named(path)
    let yaml = try MemoryLedger.planning {
      try RunConfiguration(document).resolved(communicator: PlannedCommunicator(size: 1)).yaml
    }
    return try ConfigurationDocument(text: yaml, name: "the configuration").orderedLeaves
  }

  /// Marks what differs; what only the file has comes last.
  private static func compare(
    _ leaves: [(path: String, text: String)], with published: [(path: String, text: String)]
  ) -> [RunPage.Setting] {
    let there = Dictionary(published.map { ($0.path, $0.text) }) { _, last in last }
    let here = Set(leaves.map(\.path))
    return leaves.map { path, text in
      .init(key: path, value: text, published: there[path] == text ? nil : there[path] ?? "-")
    }
      + published.filter { !here.contains($0.path) }.map {
        .init(key: $0.path, value: "-", published: $0.text)
      }
  }
}

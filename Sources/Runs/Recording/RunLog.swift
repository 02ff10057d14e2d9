import Base
import Foundation
import Storage
import Synchronization

/// The run's `run.log`: when the run began, went on and ended, where and why, a line each.
///
/// It is what remains of a job whose output is gone. A line is one append to the file, and what
/// cannot be written is lost: a log is no reason to end a run.
package struct RunLog: Sendable {
  /// What a line tells; its first word behind the date.
  package enum Event: String, Sendable, CaseIterable {
    case started, resumed, stopped, done, failed, stalled, warning
    /// What a warning was about is over.
    case recovered

    /// Whether it is told by the way: the run neither begins nor ends by it.
    var isRemark: Bool { self == .warning || self == .recovered }
  }

  /// A line that has been read.
  package struct Entry: Equatable, Sendable {
    /// As the file has it, in UTC.
    package var date: String
    package var event: Event
    package var text: String
  }

  private let path: String

  package init(_ directory: RunDirectory) { path = directory.log }

  /// Adds a line.
  package func add(_ event: Event, _ text: String) {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    let date = ISO8601DateFormatter().string(from: Date())
    guard let file = try? OutputFile(path: path, mode: .append) else { return }
    let bytes = Array("\(date) \(event.rawValue): \(line)\n".utf8)
    try? bytes.withUnsafeBytes { try file.write($0) }
    try? file.close()
  }

  /// Adds what begins to go wrong, or no longer does.
  ///
  /// - Parameters:
  ///   - change: Which of them, with its text.
  ///   - iteration: When that was seen.
  package func add(_ change: TrainingMonitor.Change, iteration: Int) {
    switch change {
    case .begins(let text): add(.warning, "iteration \(iteration): \(text)")
    case .ends(let text): add(.recovered, "iteration \(iteration): \(text)")
    }
  }

  /// Adds the reason for which a watchdog ends the job, unless another rank has done so already; to
  /// a file that is there only, since other machines may not see the run's folder.
  package func addStall(_ text: String) {
    guard FileSystem.exists(path), entries().last?.event != .stalled else { return }
    add(.stalled, text)
  }

  /// The lines that can be read, the oldest first.
  package func entries() -> [Entry] {
    guard let bytes = try? FileSystem.readFile(path) else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ", maxSplits: 2)
      guard words.count == 3, words[1].hasSuffix(":"),
        let event = Event(rawValue: String(words[1].dropLast()))
      else { return nil }
      return Entry(date: String(words[0]), event: event, text: String(words[2]))
    }
  }
}

/// The log in which a watchdog's thread leaves why it ends the job, as soon as the run has one.
final class LastWords: Sendable {
  private let storage = Mutex<RunLog?>(nil)

  var log: RunLog? {
    get { storage.withLock { $0 } }
    set { storage.withLock { $0 = newValue } }
  }

  func write(_ text: String) { log?.addStall(text) }
}

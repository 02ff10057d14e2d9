import Base
import Foundation
import Storage

/// Why a run is not going on, what is lost, and how to go on: from its folder alone.
package struct RunStory {
  /// What a run's folder says of the run.
  package enum State: Equatable, Sendable {
    case running, done, stopped, failed, stalled
    /// Ended without a word: killed, or its machine was lost.
    case vanished
    case neverStarted

    /// As people say it.
    var words: String {
      switch self {
      case .running, .done, .stopped, .failed, .stalled: "\(self)"
      case .vanished: "ended without a word"
      case .neverStarted: "not begun"
      }
    }
  }

  package let state: State
  /// Lines for people.
  package let lines: [String]

  /// Reads a run's folder, and writes nothing.
  ///
  /// - Parameter path: The folder.
  /// - Throws: `Fault` where it is no run's.
  package init(_ path: String) throws {
    let run = RunDirectory(path)
    guard FileSystem.exists(run.configuration) else {
      throw Fault("\(path): expected the folder of a run, found no config.yaml in it")
    }
    let entries = RunLog(run).entries()
    let last = entries.last { !$0.event.isRemark }
    let holder = RunLease.holder(of: path)
    state = Self.state(of: run, entries)
    var lines: [String] = []
    if let begin = entries.last(where: { $0.event == .started || $0.event == .resumed }) {
      lines.append("\(begin.event.rawValue) \(begin.date): \(begin.text)")
    }
    let holderName = holder.map { $0.name } ?? "a process"
    switch state {
    case .running: lines.append("it is running: \(holderName)")
    case .done: lines.append("done \(last?.date ?? ""): \(last?.text ?? "")")
    case .stopped: lines.append("stopped \(last?.date ?? ""): \(last?.text ?? "")")
    case .failed: lines.append("failed \(last?.date ?? ""): \(last?.text ?? "")")
    case .stalled: lines.append("stalled \(last?.date ?? ""): \(last?.text ?? "")")
    case .vanished:
      lines.append(
        holder?.isReleased == true
          ? "ended without a line in run.log"
          : "ended without a word: killed (SIGKILL, out of memory, a batch system's limit), or its "
            + "machine was lost; or it runs on another machine still: \(holderName)")
    case .neverStarted: lines.append("it has not begun: no line in run.log")
    }
    if let origin = try RunOrigin.of(run) {
      let step = origin.iteration.map { " after iteration \($0)" } ?? ""
      lines.append("begun with the weights of \(origin.path)\(step)")
    }
    lines += try Self.progress(run)
    if state != .done && state != .running {
      lines.append("go on: wgangp-dist train --run \(shellQuoted(path)) --continue")
    }
    self.lines = lines
  }

  /// How a run is, by its log and whether it is held here.
  static func state(of run: RunDirectory, _ entries: [RunLog.Entry]) -> State {
    let last = entries.last { !$0.event.isRemark }
    guard last?.event != .done else { return .done }
    guard !RunLease.isHeldHere(run.path) else { return .running }
    switch last?.event {
    case nil: return .neverStarted
    case .started, .resumed: return .vanished
    case .stopped: return .stopped
    case .failed, .warning, .recovered: return .failed
    case .stalled: return .stalled
    case .done: return .done
    }
  }

  /// How far the run is, and how far its newest whole checkpoint.
  private static func progress(_ run: RunDirectory) throws -> [String] {
    let rows = (try? FileSystem.readFile(run.metrics)).map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n").dropFirst()
    }
    let done = rows?.last.flatMap { Int($0.prefix { $0 != "," }) } ?? 0
    let store = CheckpointStore(directory: run.checkpoints, keep: 1)
    let found = try store.latestValid()
    let saved =
      found.path.flatMap { CheckpointStore.step(ofName: FileSystem.name(of: $0)) } ?? 0
    var lines = found.notes
    lines.append(
      "metrics.csv ends at iteration \(done), the newest whole checkpoint is "
        + (found.path == nil ? "none" : "of iteration \(saved)")
        + (done > saved ? ": \(done - saved) iterations are computed again" : ""))
    return lines
  }
}

import Base
import EventMessages
import Foundation
import Pictures
import Storage
import SwiftProtobuf
import Synchronization

/// A file of events as TensorBoard reads it: `events.out.tfevents.SECONDS.HOST.PROCESS`.
///
/// A run that goes on begins a file of its own, whose first event tells TensorBoard that steps from
/// there on count anew. Events are gathered in memory and appended about once a second. Any thread
/// may add some.
package final class EventLog: Sendable {
  private struct State {
    var file: OutputFile?
    var pending: [UInt8] = []
    var lastFlush: Double
  }

  private let state: Mutex<State>
  package let path: String
  private static let flushInterval = 1.0

  /// Begins a file.
  ///
  /// - Parameters:
  ///   - folder: Where it goes; it is made.
  ///   - start: Iterations done; what older files have of later ones is not shown.
  /// - Throws: `Fault` if the system refuses.
  package init(folder: String, start: Int) throws {
    try FileSystem.createDirectory(folder)
    // TensorBoard reads files in the order of their names.
    let stem =
      "\(folder)/events.out.tfevents.\(Int(Date().timeIntervalSince1970).padded(to: 10))."
      + "\(ProcessInfo.processInfo.hostName).\(getpid())"
    var path = stem
    var number = 1
    while FileSystem.exists(path) {
      path = "\(stem).\(number)"
      number += 1
    }
    self.path = path
    state = Mutex(
      State(file: try OutputFile(path: path, mode: .append), lastFlush: monotonicSeconds()))
    try add(step: 0) { $0.fileVersion = "brain.Event:2" }
    try add(step: start + 1) { $0.sessionLog.status = .start }
    try flush()
  }

  deinit {
    // Errors cannot leave from here: who wants to know calls `close()`.
    try? flush()
  }

  /// Adds numbers by their tags, such as `train/w_distance`.
  package func add(_ scalars: [(tag: String, value: Double)], step: Int) throws {
    try add(step: step) { event in
      event.summary.value = scalars.map { scalar in
        .with {
          $0.tag = scalar.tag
          $0.simpleValue = Float(scalar.value)
        }
      }
    }
  }

  /// Adds a picture.
  ///
  /// - Parameters:
  ///   - png: The bytes of its PNG file.
  ///   - picture: The picture.
  ///   - tag: Its name.
  ///   - step: Iterations done.
  /// - Throws: `Fault` if the system refuses.
  package func add(png: [UInt8], of picture: Picture, tag: String, step: Int) throws {
    try add(step: step, tag: tag) {
      $0.image.width = Int32(picture.width)
      $0.image.height = Int32(picture.height)
      $0.image.colorspace = Int32(picture.channels)
      $0.image.encodedImageString = Data(png)
    }
  }

  /// Adds a text, which TensorBoard reads as Markdown.
  package func add(text: String, tag: String, step: Int) throws {
    try add(step: step, tag: tag) {
      $0.metadata.pluginData.pluginName = "text"
      $0.metadata.dataClass = .tensor
      $0.tensor.dtype = .dtString
      $0.tensor.tensorShape.dim = [.with { $0.size = 1 }]
      $0.tensor.stringVal = [Data(text.utf8)]
    }
  }

  /// Adds how values are distributed.
  package func add(_ histogram: EventHistogram, tag: String, step: Int) throws {
    try add(step: step, tag: tag) { $0.histo = histogram.message }
  }

  /// Adds what a run is told apart from others by: numbers where they are any, else words.
  package func addHyperparameters(_ values: [String: String], group: String) throws {
    let data = try TensorBoardHParamsPluginData.with {
      $0.sessionStartInfo.groupName = group
      $0.sessionStartInfo.startTimeSecs = Date().timeIntervalSince1970
      $0.sessionStartInfo.hparams = values.mapValues { text -> Google_Protobuf_Value in
        guard let number = Double(text) else { return .init(stringValue: text) }
        return .init(numberValue: number)
      }
    }.serializedData()
    try addPlugin("hparams", data, tag: "_hparams_/session_start_info")
  }

  /// Says that the run that hyperparameters were added of is over.
  ///
  /// - Parameter isDone: Whether it came to its end.
  /// - Throws: `Fault` if the system refuses.
  package func endSession(isDone: Bool) throws {
    let data = try TensorBoardHParamsPluginData.with {
      // Status: success, or unknown for one that may go on.
      $0.sessionEndInfo.status = isDone ? 1 : 0
      $0.sessionEndInfo.endTimeSecs = Date().timeIntervalSince1970
    }.serializedData()
    try addPlugin("hparams", data, tag: "_hparams_/session_end_info")
  }

  private func addPlugin(_ name: String, _ content: Data, tag: String) throws {
    try add(step: 0, tag: tag) {
      $0.metadata.pluginData.pluginName = name
      $0.metadata.pluginData.content = content
    }
  }

  private func add(
    step: Int, tag: String, _ fill: (inout TensorBoardSummary.Value) -> Void
  ) throws {
    var value = TensorBoardSummary.Value()
    value.tag = tag
    fill(&value)
    try add(step: step) { $0.summary.value = [value] }
  }

  private func add(step: Int, _ fill: (inout TensorBoardEvent) -> Void) throws {
    var event = TensorBoardEvent()
    event.wallTime = Date().timeIntervalSince1970
    event.step = Int64(step)
    fill(&event)
    let record = try EventRecords.record(event)
    try state.withLock { state in
      precondition(state.file != nil, "\(path): an event after close")
      state.pending += record
      if monotonicSeconds() - state.lastFlush >= Self.flushInterval { try Self.flush(&state) }
    }
  }

  /// Writes the events gathered so far to the file.
  package func flush() throws { try state.withLock { try Self.flush(&$0) } }

  private static func flush(_ state: inout State) throws {
    state.lastFlush = monotonicSeconds()
    guard let file = state.file, !state.pending.isEmpty else { return }
    defer { state.pending.removeAll(keepingCapacity: true) }
    try state.pending.withUnsafeBytes { try file.write($0) }
  }

  /// Writes what is left, to the device, and closes the file; closing twice does nothing.
  package func close() throws {
    try state.withLock { state in
      try Self.flush(&state)
      guard let file = state.file else { return }
      state.file = nil
      try file.synchronize()
      try file.close()
    }
  }
}

import Collectives
import EventMessages
import Foundation
import Reports
import RunSupport
import Runs
import Storage
import TestSupport
import Testing

/// Event files that a run writes for TensorBoard.
@Suite(.serialized) struct EventTests {
  private static let asked = [
    "output.tensorboard=true", "output.histogramEvery=2 iterations",
    "output.sampleEvery=2 iterations", "evaluation.every=2 iterations",
    "evaluation.scores=[diversity]",
  ]

  private func train(
    _ folder: String, run: String, _ overrides: [String],
    observer: ((IterationReport) -> Bool)? = nil
  ) throws {
    var options = TrainingOptions()
    try FileSystem.writeAtomically(tinyConfiguration, to: "\(folder)/tiny.yaml")
    options.configuration = "\(folder)/tiny.yaml"
    options.overrides = overrides
    options.runFolder = run
    options.version = "test"
    let training = try TrainingRun(options, communicator: SoloCommunicator())
    training.observer = observer
    try training.execute()
  }

  private func resume(_ run: String, _ overrides: [String]) throws {
    var options = TrainingOptions()
    options.resume = run
    options.overrides = overrides
    try execute(options)
  }

  /// A run's event files in the order in which TensorBoard reads them.
  private func files(_ run: String) throws -> [[TensorBoardEvent]] {
    try FileSystem.listDirectory("\(run)/tensorboard").sorted().map { name in
      let path = "\(run)/tensorboard/\(name)"
      return try EventRecords.events(in: FileSystem.readFile(path), path: path)
    }
  }

  /// The rows of a table by the names of its columns, without units.
  private func rows(_ path: String) throws -> [[String: Double]] {
    let lines = String(decoding: try FileSystem.readFile(path), as: UTF8.self)
      .split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
    let names = lines[0].map { $0.components(separatedBy: " (")[0] }
    return lines.dropFirst().map { line in
      Dictionary(
        zip(names, line.map { Double($0) ?? .nan }), uniquingKeysWith: { $1 })
    }
  }

  private func scalars(_ events: [TensorBoardEvent], _ tag: String) -> [Int: Float] {
    var found: [Int: Float] = [:]
    for event in events {
      for value in event.summary.value where value.tag == tag {
        found[Int(event.step)] = value.simpleValue
      }
    }
    return found
  }

  @Test func eventsAreTheTablesAndPictures() throws {
    try withTemporaryFolder { folder in
      let run = "\(folder)/run"
      try train(folder, run: run, Self.asked)
      let events = try #require(try files(run).first)
      for (group, table) in [("train", "metrics.csv"), ("scores", "evaluation.csv")] {
        let rows = try rows("\(run)/\(table)")
        #expect(!rows.isEmpty)
        for row in rows {
          let iteration = Int(row["iteration"] ?? -1)
          for (name, value) in row where name != "iteration" {
            let found = scalars(events, "\(group)/\(name)")[iteration]
            #expect(found.map { abs(Double($0) - value) <= 1e-6 * abs(value) } == true, "\(name)")
          }
        }
      }
      let pictures = events.filter { $0.summary.value.first?.tag == "samples" }
      #expect(pictures.map(\.step) == [2, 4])
      let last = try FileSystem.readFile("\(run)/samples/iteration-000004.png")
      #expect(pictures.last?.summary.value[0].image.encodedImageString == Data(last))
      let weights = events.filter {
        $0.summary.value.first?.tag == "weights/critic/main.0.weight"
      }
      #expect(weights.map(\.step) == [2, 4] && weights[0].summary.value[0].histo.num == 32)
      let text = events.first { $0.summary.value.first?.tag == "configuration/text_summary" }
      let yaml = text?.summary.value[0].tensor.stringVal.first ?? Data()
      #expect(String(decoding: yaml, as: UTF8.self).contains("    name: tiny\n"))
    }
  }

  /// Neither are they there where nobody asked, nor do they move a bit of training.
  @Test func nothingElseChanges() throws {
    try withTemporaryFolder { folder in
      try train(folder, run: "\(folder)/with", Self.asked + ["checks.hashEvery=1 iterations"])
      let tags = try files("\(folder)/with")[0].flatMap { $0.summary.value.map(\.tag) }
      #expect(!tags.contains { $0.contains("hash") }, "no quantity")
      try train(folder, run: "\(folder)/without", [])
      #expect(!FileSystem.exists("\(folder)/without/tensorboard"))
      for file in ["generator", "critic", "optimizer"] {
        let path = "checkpoints/step-00000004/\(file).safetensors"
        #expect(
          try FileSystem.readFile("\(folder)/with/\(path)")
            == FileSystem.readFile("\(folder)/without/\(path)"))
      }
      #expect(
        message { try train(folder, run: "\(folder)/x", ["output.histogramEvery=1 epoch"]) }?
          .contains("expected output.tensorboard: true too") == true)
    }
  }

  /// A run that was stopped is not over: its session's status is unknown.
  @Test(arguments: [(2, 0), (4, 1)])
  func sessionsEndWithTheirRun(last: Int, status: Int32) throws {
    try withTemporaryFolder { folder in
      let run = "\(folder)/run"
      try train(folder, run: run, Self.asked) { $0.iteration < last || last == 4 }
      let end = try files(run)[0].flatMap(\.summary.value).last {
        $0.tag == "_hparams_/session_end_info"
      }
      let content = try #require(end).metadata.pluginData.content
      let session = try TensorBoardHParamsPluginData(serializedBytes: content).sessionEndInfo
      #expect(Int32(session.status) == status)
    }
  }

  @Test func aRunThatGoesOnHasEachStepOnce() throws {
    try withTemporaryFolder { folder in
      let run = "\(folder)/run"
      try train(folder, run: run, Self.asked + ["training.iterations=3"])
      try resume(run, ["training.iterations=4"])
      let files = try files(run)
      try #require(files.count == 2)
      #expect(files[1][1].sessionLog.status == .start && files[1][1].step == 4)
      #expect(scalars(files[0], "train/critic_loss").keys.sorted() == [1, 2, 3])
      #expect(scalars(files[1], "train/critic_loss").keys.sorted() == [4])
      guard let python = findPython(importing: "tensorboard") else {
        print("skipped: no Python with tensorboard to read event files with")
        return
      }
      let script = repositoryFile("Tests/RunsTests/events.py")
      let (status, text) = try runPython(python, script, run)
      #expect(status == 0 && text.contains("all of metrics.csv"), "\(text)")
    }
  }
}

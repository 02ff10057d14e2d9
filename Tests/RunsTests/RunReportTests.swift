import Base
import Collectives
import Foundation
import Pictures
import Reports
import RunSupport
import Runs
import Storage
import TestSupport
import Testing

/// `report.html` of runs' folders.
@Suite struct RunReportTests {
  private static func train(_ folder: String, _ overrides: [String] = []) throws -> RunDirectory {
    try FileSystem.writeAtomically(tinyConfiguration, to: "\(folder)/tiny.yaml")
    var options = TrainingOptions()
    options.configuration = "\(folder)/tiny.yaml"
    options.overrides = overrides
    options.runFolder = "\(folder)/run"
    options.version = "test"
    try TrainingRun(options, communicator: SoloCommunicator()).execute()
    return RunDirectory("\(folder)/run")
  }

  private static func page(_ runs: [String], _ folder: String) throws -> (String, notes: [String]) {
    let path = "\(folder)/page.html"
    let notes = try RunReport(runs, version: "test").write(to: path)
    return (String(decoding: try FileSystem.readFile(path), as: UTF8.self), notes)
  }

  /// The page at a run's end; and all other files are those of a run without one.
  @Test func aRunEndsWithAPage() throws {
    try withTemporaryFolder { folder in
      let run = try Self.train(folder, ["output.sampleEvery=2 iterations"])
      let text = String(decoding: try FileSystem.readFile(run.report), as: UTF8.self)
      #expect(text.contains("<span class=\"state\">done</span>"))
      for word in [
        "Samples after iteration 2", "Samples after iteration 4", ">Reals<", "rank", "all 4 iter",
      ] { #expect(text.contains(word), "\(word)") }
      try FileSystem.createDirectory("\(folder)/plain")
      let plain = try Self.train(
        "\(folder)/plain", ["output.sampleEvery=2 iterations", "output.report=false"])
      #expect(!FileSystem.exists(plain.report))
      // Both folders are called `run`: whole paths tell them apart.
      let both = try Self.page([run.path, plain.path], folder).0
      #expect(both.contains(">\(run.path)</a>") && both.contains(">\(plain.path)</a>"))
      let names = try FileSystem.listDirectory(run.path).filter { $0 != "report.html" }
      #expect(try Set(names) == Set(FileSystem.listDirectory(plain.path)))
      for name in [
        "checkpoints/latest/generator.safetensors", "checkpoints/latest/optimizer.safetensors",
        "samples/iteration-000004.png", "samples/reals-and-samples.png",
      ] {
        #expect(
          try FileSystem.readFile("\(run.path)/\(name)")
            == FileSystem.readFile("\(plain.path)/\(name)"), "\(name)")
      }
    }
  }

  /// What the command line changed is marked, beside what the file says.
  @Test func settingsAreComparedWithTheirFile() throws {
    try withTemporaryFolder { folder in
      // The tests' own command line is none of `train`.
      let run = try Self.train(folder, ["seed=9", "training.iterations=1"])
      #expect(try !Self.page([run.path], folder).0.contains("What differs from"))
      let environment = String(decoding: try FileSystem.readFile(run.environment), as: UTF8.self)
      var object = try #require(
        JSONSerialization.jsonObject(with: Data(environment.utf8)) as? [String: Any])
      func began(_ words: String...) throws {
        object["command"] = ["wgangp-dist", "train"] + words
        let data = try JSONSerialization.data(withJSONObject: object)
        try FileSystem.writeAtomically([UInt8](data), to: run.environment)
      }
      try began("--config", "\(folder)/tiny.yaml", "seed=9", "training.iterations=1")
      let (text, notes) = try Self.page([run.path], folder)
      #expect(notes.isEmpty)
      #expect(text.contains("<code>seed</code></th><td><mark>9</mark></td><td>3</td>"))
      #expect(text.components(separatedBy: "<mark>").count == 5, "two values, in two tables")
      try began("--config=\(folder)/tiny.yaml")
      #expect(try Self.page([run.path], folder).0.contains("<mark>9</mark>"))
      try began("--config", "\(folder)/none.yaml")
      #expect(
        try Self.page([run.path], folder).notes == [
          "\(run.path): \(folder)/none.yaml is not there: nothing to compare config.yaml with"
        ])
      // The built-in default differs in nearly all.
      try began()
      #expect(try Self.page([run.path], folder).0.contains("the built-in default"))
    }
  }

  @Test func damagedFilesAreLinesOfThePage() throws {
    try withTemporaryFolder { folder in
      let run = try Self.train(folder, ["output.sampleEvery=2 iterations"])
      try FileSystem.writeAtomically("iteration,w_distance\n1,x\n", to: run.metrics)
      try FileSystem.writeAtomically("no table\n", to: run.evaluation)
      try FileSystem.writeAtomically("no picture", to: "\(run.samples)/iteration-000002.png")
      let (text, notes) = try Self.page([run.path], folder)
      #expect(notes.contains("\(run.path): metrics.csv:2: field 2 is no number"), "\(notes)")
      #expect(notes.contains { $0.contains("evaluation.csv:1: expected a header") }, "\(notes)")
      #expect(
        notes.contains { $0.contains("iteration-000002.png: not a readable PNG") }, "\(notes)")
      #expect(notes.count == 3 && text.components(separatedBy: "class=\"note\"").count == 4)
      #expect(text.contains("Samples after iteration 4") && text.contains("no iteration yet"))
      // The newest one that can be read is shown.
      try FileSystem.writeAtomically("no picture", to: "\(run.samples)/iteration-000004.png")
      try FileManager.default.removeItem(atPath: "\(run.samples)/iteration-000002.png")
      try FileManager.default.copyItem(
        atPath: "\(run.samples)/reals-and-samples.png", toPath: "\(run.samples)/epoch-0001.png")
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 0)],
        ofItemAtPath: "\(run.samples)/epoch-0001.png")
      #expect(try Self.page([run.path], folder).0.contains("Samples after epoch 1"))
      // Of a run that has only begun.
      for path in [run.metrics, run.evaluation, run.samples, run.log, run.environment] {
        try FileSystem.removeTree(path)
      }
      let empty = try Self.page([run.path], folder)
      #expect(
        empty.notes == ["\(run.path): metrics.csv is not there: the run has no iteration yet"])
      #expect(empty.0.contains("<span class=\"state\">not begun</span>"))
      let none = message { _ = try RunReport([folder], version: "") }
      #expect(none == "\(folder): expected the folder of a run, found no config.yaml in it")
      #expect(throws: (any Error).self) {
        try RunReport(Array(repeating: run.path, count: 51), version: "")
      }
    }
  }

  /// Pictures beyond the room are left out evenly, with the first and the last in the page.
  @Test func picturesHaveABound() throws {
    try withTemporaryFolder { folder in
      let run = try Self.train(folder)
      var state: UInt64 = 7
      let pixels = (0..<256 * 256).map { _ -> UInt8 in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
      }
      // 65 kB each: noise does not pack.
      let image = Picture(width: 256, height: 256, channels: 1, pixels: pixels)
      for number in 1...30 {
        try PNG.write(image, to: "\(run.samples)/epoch-\(number < 10 ? "000" : "00")\(number).png")
      }
      let text = try Self.page([run.path], folder).0
      #expect((17...19).contains { text.contains("\($0) of the run's 31 pictures") })
      #expect(text.contains("Samples after epoch 30") && text.utf8.count < 2_000_000)
      // One that has no room by itself.
      let wide = Picture(
        width: 256 * 20, height: 256, channels: 1,
        pixels: Array(repeating: pixels, count: 20).flatMap { $0 })
      try PNG.write(wide, to: "\(run.samples)/epoch-0031.png")
      let (small, notes) = try Self.page([run.path], folder)
      #expect(notes.contains { $0.contains("bytes, too many for a page") }, "\(notes)")
      #expect(small.utf8.count < 2_000_000)
    }
  }
}

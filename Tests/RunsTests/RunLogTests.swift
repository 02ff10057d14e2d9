import RunSupport
import Runs
import Storage
import TestSupport
import Testing

@Suite struct RunLogTests {
  /// What was wrong and what no longer is are lines of two kinds, and neither is a run's end.
  @Test func warningsAndTheirEnds() throws {
    try withTemporaryFolder { folder in
      let run = RunDirectory(folder)
      try FileSystem.writeAtomically("name: x\n", to: run.configuration)
      let log = RunLog(run)
      log.add(.started, "1 rank")
      log.add(.begins("the loss explodes"), iteration: 7)
      log.add(.ends("the loss no longer explodes"), iteration: 99)
      #expect(try RunStory(folder).state == .vanished)
      log.add(.stopped, "after iteration 120")
      log.add(.ends("the gradient is back"), iteration: 121)
      let text = String(decoding: try FileSystem.readFile(run.log), as: UTF8.self)
      let lines = text.split(separator: "\n").map { $0.drop { $0 != " " }.dropFirst() }
      #expect(
        lines == [
          "started: 1 rank", "warning: iteration 7: the loss explodes",
          "recovered: iteration 99: the loss no longer explodes", "stopped: after iteration 120",
          "recovered: iteration 121: the gradient is back",
        ])
      #expect(
        log.entries().map(\.event) == [.started, .warning, .recovered, .stopped, .recovered])
      let story = try RunStory(folder)
      #expect(story.state == .stopped)
      #expect(story.lines.contains { $0.hasSuffix(": after iteration 120") }, "\(story.lines)")
    }
  }

  /// All ranks see a stall; the log has it once.
  @Test func aStallIsOneLine() throws {
    try withTemporaryFolder { folder in
      let log = RunLog(RunDirectory(folder))
      log.addStall("rank 1 is missing")
      #expect(log.entries().isEmpty)
      log.add(.started, "2 ranks")
      log.addStall("rank 1 is missing")
      log.addStall("rank 1 is missing, says rank 0")
      #expect(log.entries().map(\.text) == ["2 ranks", "rank 1 is missing"])
      try FileSystem.writeAtomically("name: x\n", to: RunDirectory(folder).configuration)
      #expect(try RunStory(folder).state == .stalled)
    }
  }

  /// What is lost, and how to go on, unless somebody does.
  @Test func aRunThatIsHeldGoesOnByItself() throws {
    try withTemporaryFolder { folder in
      let run = RunDirectory("\(folder)/run")
      let lease = try run.create()
      try FileSystem.writeAtomically("name: x\n", to: run.configuration)
      RunLog(run).add(.started, "1 rank")
      try FileSystem.writeAtomically("iteration,loss\n1,2\n2,2\n3,2\n", to: run.metrics)
      let running = try RunStory(run.path)
      #expect(running.state == .running)
      #expect(!running.lines.contains { $0.hasPrefix("go on: ") }, "\(running.lines)")
      lease.release()
      let ended = try RunStory(run.path)
      #expect(ended.state == .vanished)
      #expect(
        ended.lines.suffix(2) == [
          "metrics.csv ends at iteration 3, the newest whole checkpoint is none: 3 iterations are "
            + "computed again",
          "go on: wgangp-dist train --run \(run.path) --continue",
        ])
    }
  }

  /// A page tells both among its warnings.
  @Test func pagesHaveTheEnds() throws {
    try withTemporaryFolder { folder in
      let run = RunDirectory("\(folder)/run")
      try FileSystem.createDirectory(run.path)
      try FileSystem.writeAtomically("name: x\n", to: run.configuration)
      RunLog(run).add(.begins("the loss explodes"), iteration: 7)
      RunLog(run).add(.ends("the loss no longer explodes"), iteration: 99)
      _ = try RunReport([run.path], version: "test").write(to: "\(folder)/page.html")
      let page = String(decoding: try FileSystem.readFile("\(folder)/page.html"), as: UTF8.self)
      #expect(page.contains("<li>iteration 7: the loss explodes</li>"))
      #expect(page.contains("<li>iteration 99: the loss no longer explodes</li>"))
    }
  }
}

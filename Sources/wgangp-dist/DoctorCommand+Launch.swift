import ArgumentParser
import Base
import Benchmarks
import Collectives
import Foundation
import Runs

extension DoctorCommand {
  /// What `--launch --json` prints of a finding: a line of JSON each, as they are found.
  ///
  /// An empty `inTheWay` and empty `notes` are what the text calls `ok`.
  private struct Line: Encodable {
    let name: String
    let found: String
    let notes: [String]
    let inTheWay: [String]

    init(_ finding: LaunchFinding) {
      name = finding.name
      found = finding.value
      notes = finding.notes
      inTheWay = finding.obstacles
    }
  }

  /// Looks at what a long job needs, line by line, and ends with status 1 where something is in the
  /// way.
  ///
  /// In this order: program, configuration, data, processor, cores, space; then, where program and
  /// configuration are the same on all ranks, interconnect, exchange and ranks, which are timed.
  /// All ranks call every check; rank 0 prints, each line at once. docs/commands.md has what each
  /// line looks at.
  ///
  /// - Throws: `ExitCode` 1, on rank 0's word: it alone has seen the space.
  func checkLaunch() throws {
    try Job.run(isJSON: json, needsAllTasks: true) { communicator in
      var hasObstacle = false
      func tell(_ finding: LaunchFinding) {
        hasObstacle = hasObstacle || !finding.obstacles.isEmpty
        guard communicator.rank == 0 else { return }
        StandardOutput.print((json ? try? JSONLine.text(Line(finding)) : nil) ?? finding.text)
        // What comes takes seconds.
        fflush(nil)
      }
      var options = TrainingOptions()
      options.configuration = config
      options.overrides = overrides
      options.runFolder = runFolder
      options.version = ProgramVersion.number
      let check = try LaunchCheck(options, communicator: communicator)
      tell(try check.program())
      tell(try check.configurationFinding())
      // Ranks that would build other networks would wait for one another for ever.
      let canExchange = !hasObstacle
      tell(try check.data())
      tell(try check.processor())
      for finding in try check.cores() { tell(finding) }
      if let finding = try check.space() { tell(finding) }
      if canExchange {
        let measurement = try LaunchMeasurement(check.configuration, communicator: communicator)
        for finding in try measurement.interconnect() { tell(finding) }
        tell(measurement.ranks())
      } else if communicator.rank == 0, !json {
        StandardOutput.print("not timed: the ranks do not run the same")
      }
      // Rank 0's word counts: it has seen the space too.
      guard communicator.rank == 0 else { return }
      if json, hasObstacle { throw ExitStatus.failure }
      guard !json else { return }
      StandardOutput.print(
        hasObstacle ? "something is in the way of a run" : "nothing is in the way of a run")
      if hasObstacle { throw ExitStatus.failure }
    }
  }
}

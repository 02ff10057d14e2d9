import ArgumentParser
import Base
import Storage

/// How much a command tells beside its result, and where else: `--quiet`, `--verbose`, `--log`.
///
/// `Job.run` applies them before anything else is told. The result itself is printed at every
/// volume. docs/commands.md, Messages, has what each shows.
struct MessageOptions: ParsableArguments {
  /// Warnings and errors only; a log gets everything all the same.
  @Flag(
    name: .long,
    help: "Only warnings and errors beside the result: no progress and no notices.")
  var quiet = false

  /// Details too, some of which the ranks gather: `Job` compares their command lines first.
  @Flag(
    name: .long,
    help: """
      Also what is read, loaded and written, ranks with their hosts and cores, memory, and every \
      iteration.
      """)
  var verbose = false

  /// A file that is added to, never written over; rank 0 writes, each line behind its time.
  ///
  /// nil for none.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Add all that is told to the end of this file too, each line behind the time (UTC).",
      valueName: "file"), completion: .file())
  var log: String?

  /// Refuses both volumes at once, and a file without a name.
  ///
  /// - Throws: `ValidationError`, which ends with status 64.
  func validate() throws {
    guard !(quiet && verbose) else {
      throw ValidationError("--quiet and --verbose: expected one of them")
    }
    guard log?.isEmpty != true else {
      throw ValidationError("--log: expected a path, found an empty word")
    }
  }

  /// As `Messages` takes it: normal unless one of both is given.
  var volume: Messages.Volume { quiet ? .quiet : verbose ? .verbose : .normal }

  /// Logs all that is told from now on, on the rank that speaks, where that was asked for.
  ///
  /// The first line is the command line, behind a `+`. A file that cannot be opened is a warning:
  /// the work does not depend on it.
  func openLog() {
    guard let log, Messages.isSpeaker else { return }
    do {
      let file = try MessageLog(path: log)
      Messages.setLog { file.add($0) }
      Messages.log("+ " + CommandLine.arguments.map(shellQuoted).joined(separator: " "))
    } catch {
      Messages.warning("\(error); nothing is logged there")
    }
  }
}

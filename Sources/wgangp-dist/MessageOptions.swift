import ArgumentParser
import Base
import Storage

/// How much a command tells beside its result, and where else.
struct MessageOptions: ParsableArguments {
  @Flag(
    name: .long,
    help: "Only warnings and errors beside the result: no progress and no notices.")
  var quiet = false

  @Flag(
    name: .long,
    help: """
      Also what is read, loaded and written, ranks with their hosts and cores, memory, and every \
      iteration.
      """)
  var verbose = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Add all that is told to the end of this file too, each line behind the time (UTC).",
      valueName: "file"), completion: .file())
  var log: String?

  func validate() throws {
    guard !(quiet && verbose) else {
      throw ValidationError("--quiet and --verbose: expected one of them")
    }
    guard log?.isEmpty != true else {
      throw ValidationError("--log: expected a path, found an empty word")
    }
  }

  var volume: Messages.Volume { quiet ? .quiet : verbose ? .verbose : .normal }

  /// Logs all that is told from now on, on the rank that speaks, where that was asked for.
  ///
  /// A file that cannot be opened is a warning: the work does not depend on it.
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

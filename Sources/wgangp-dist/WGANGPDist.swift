import ArgumentParser
import Base
import Foundation

/// The program: reads the command line, runs one command, and ends with a status (`ExitStatus`).
///
/// A command's result goes to standard output (`StandardOutput`), all that is wrong to standard
/// error, a line each from one rank (`Messages`). Commands reach the ranks through `Job`; help
/// texts and wrong options need no MPI, so they are answered before it starts.
@main
struct WGANGPDist: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wgangp-dist",
    abstract: "Train Wasserstein GANs with gradient penalty data-parallel over MPI.",
    discussion: """
      mpirun -n 4 wgangp-dist train                 the default run, half a minute
      mpirun -n 4 wgangp-dist train --config FILE   a configuration from configs/
      wgangp-dist train --resume runs/NAME          go on, on any allowed rank count

      Every command runs with and without mpirun. The same configuration gives the same bits on \
      every allowed number of ranks and threads.

      Exit status: 0 done; 1 an error, whose line says what; 64 a wrong option; 75 stopped in \
      order, train --continue goes on; 74 stalled, likewise.
      """,
    version: ProgramVersion.text,
    subcommands: [
      TrainCommand.self, SampleCommand.self, PlotCommand.self, ReportCommand.self,
      EvaluateGroup.self,
      DescribeCommand.self, ImportCommand.self, ExportCommand.self, VerifyCommand.self,
      ReplayCommand.self, WhyCommand.self,
      BenchCommand.self, DataCommand.self,
      DoctorCommand.self,
    ])

  /// Parses, runs, and writes what is left of the result.
  ///
  /// First of all standard streams that are closed are opened, so that no file gets their numbers;
  /// then a `~` in an argument becomes the home folder, since shells leave it alone behind `=` and
  /// in quotes. An `ExitCode` that a command throws has been explained already; any other error, a
  /// parser's or one of writing the result, goes to `end`.
  static func main() {
    Descriptor.openStandardStreams()
    do {
      let arguments = try UserArguments.expandingHome(CommandLine.arguments.dropFirst())
      var command = try parseAsRoot(arguments)
      try command.run()
      try StandardOutput.finish()
    } catch let exit as ExitCode {
      Self.exit(withError: exit)
    } catch {
      end(error)
    }
  }

  /// Answers `--help`, `--version` and wrong use: once, however many ranks there are.
  ///
  /// Rank 0, by the launcher's word, prints: help and version on standard output with status 0,
  /// anything else in one line on standard error, with 64 for wrong use and 1 for a result that
  /// could not be written. The other ranks print nothing, and wait five seconds before they end
  /// with a status other than 0.
  ///
  /// - Parameter error: What the parser or `StandardOutput.finish` threw; help is an error of its
  ///   own there.
  private static func end(_ error: any Error) -> Never {
    // Nobody reads a help text to its end who has sent it to `head`.
    signal(SIGPIPE, SIG_IGN)
    let status = exitCode(for: error)
    guard Messages.isSpeaker else {
      // mpirun ends all ranks when the first one fails: that is to be rank 0, when it has spoken.
      if !status.isSuccess { sleep(5) }
      Foundation.exit(status.rawValue)
    }
    guard status.isSuccess else {
      Messages.error(wrongUse(error))
      Foundation.exit(status.rawValue)
    }
    do {
      StandardOutput.print(fullMessage(for: error))
      try StandardOutput.finish()
    } catch {
      Messages.error("\(error)")
      Foundation.exit(ExitStatus.failure.rawValue)
    }
    Foundation.exit(0)
  }

  /// What is wrong with a command line, and whose help tells more, in one line as all errors are.
  ///
  /// The parser's sentences become clauses with semicolons. Other errors keep their text, in one
  /// line.
  ///
  /// - Parameter error: As the parser threw it.
  /// - Returns: `unknown option '--x'; wgangp-dist train --help lists the options`.
  private static func wrongUse(_ error: any Error) -> String {
    // As the parser says it: `See 'wgangp-dist train --help' for more information.`
    let help = fullMessage(for: error).components(separatedBy: "See '").last?
      .components(separatedBy: "' for more").first
    var text = message(for: error).split(whereSeparator: \.isNewline)
      .map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
    if text.hasSuffix(".") { text.removeLast() }
    for (sentence, clause) in [
      (". Did you mean", "; did you mean"), (". Please provide one of", "; expected one of"),
    ] {
      text = text.replacingOccurrences(of: sentence, with: clause)
    }
    guard exitCode(for: error) == .validationFailure, let help, let first = text.first else {
      return text
    }
    let end = text.hasSuffix("?") ? "" : ";"
    return "\(first.lowercased())\(text.dropFirst())\(end) \(help) lists the options"
  }
}

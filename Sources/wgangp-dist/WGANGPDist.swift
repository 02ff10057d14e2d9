import ArgumentParser
import Base
import Foundation

@main
struct WGANGPDist: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wgangp-dist",
    abstract: "Train Wasserstein GANs with gradient penalty data-parallel over MPI.",
    discussion: """
      mpirun -n 4 wgangp-dist train                    the built-in example, about a minute
      mpirun -n 4 wgangp-dist train --config FILE      a configuration from configs/
      wgangp-dist train --resume runs/NAME             go on where a run stopped, on any allowed \
      rank count

      Every command runs with and without mpirun. The same configuration gives the same bits on \
      every allowed number of ranks and threads.
      """,
    version: programVersion,
    subcommands: [
      TrainCommand.self, SampleCommand.self, PlotCommand.self, EvaluateGroup.self,
      DescribeCommand.self, ImportCommand.self, ExportCommand.self, VerifyCommand.self,
      ReplayCommand.self, WhyCommand.self,
      BenchCommand.self, DataCommand.self,
      DoctorCommand.self,
    ])

  static func main() {
    Descriptor.openStandardStreams()
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let exit as ExitCode {
      Self.exit(withError: exit)
    } catch {
      end(error)
    }
  }

  /// Answers `--help`, `--version` and wrong use: once, however many ranks there are.
  private static func end(_ error: any Error) -> Never {
    let status = exitCode(for: error)
    guard Messages.isSpeaker else {
      // mpirun ends all ranks when the first one fails: that is to be rank 0, when it has spoken.
      if !status.isSuccess { sleep(5) }
      Foundation.exit(status.rawValue)
    }
    let text = fullMessage(for: error)
    if status.isSuccess {
      Descriptor.write(text + "\n", to: 1)
    } else {
      let label = "Error: "
      Messages.error(text.hasPrefix(label) ? String(text.dropFirst(label.count)) : text)
    }
    Foundation.exit(status.rawValue)
  }
}

import ArgumentParser

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
    version: "0.1.0",
    subcommands: [
      TrainCommand.self, SampleCommand.self, PlotCommand.self, EvaluateCommand.self,
      VerifyCommand.self, BenchCommand.self, DataCommand.self, DoctorCommand.self,
    ])
}

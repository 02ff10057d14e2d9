import ArgumentParser
import Base
import Foundation
import Sampling

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure how well a generator covers the modes of a toy data set.",
    discussion: """
      For mixtures of Gaussians: how many modes are hit, and the share of samples within four \
      standard deviations of a mode. Takes a run's folder (its newest whole checkpoint) or a \
      checkpoint's.
      """)

  @Argument(help: ArgumentHelp("A run's folder, or a checkpoint's.", valueName: "path"))
  var path: String

  @Option(name: .long, help: "Samples to draw.")
  var samples = 10_000

  @Option(name: .customLong("step"), help: "Which of the run's checkpoints, by its step number.")
  var iteration: Int?

  @Option(name: .long, help: "Of the noise (default: the run's).")
  var seed: UInt64?

  func validate() throws {
    guard (1...100_000_000).contains(samples) else {
      throw ValidationError("--samples must be in 1 ... 100000000")
    }
  }

  func run() throws {
    try Job.run { communicator in
      try communicator.agree {
        guard communicator.rank == 0 else { return }
        let trained = try TrainedModel(path, iteration: iteration)
        for note in trained.notes { Messages.warning(note) }
        let found = try trained.modeCoverage(samples: samples, seed: seed)
        print(
          "modes hit    \(found.modesHit) of \(found.modes) (\(found.leastSamples) of "
            + "\(found.samples) samples or more; \(found.modesTouched) with any)")
        print(
          "on a mode    \(String(format: "%.2f", 100 * found.share)) % of the samples (within 4 "
            + "standard deviations)")
      }
    }
  }
}

import ArgumentParser

/// The command `evaluate`, for scores and the networks that they compare by.
///
/// `evaluate PATH` is `evaluate run PATH`: without a subcommand's name the first argument is a run.
struct EvaluateGroup: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure scores of a trained generator, or of samples of any program.",
    discussion: """
      wgangp-dist evaluate runs/NAME                         scores of a run's newest checkpoint
      wgangp-dist evaluate --reals FOLDER --samples FOLDER   of two sets of pictures
      wgangp-dist evaluate train-classifier                  trains a network to compare by

      `evaluate run --help` lists the options of the first two.
      """,
    subcommands: [EvaluateCommand.self, TrainClassifierCommand.self],
    defaultSubcommand: EvaluateCommand.self)
}

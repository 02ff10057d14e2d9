import ArgumentParser
import Base
import Configuration
import Recipe
import Runs

/// The command `evaluate train-classifier`: trains a classifier on all ranks; rank 0 writes its two
/// files.
///
/// Each epoch's loss, accuracy and seconds are a notice; the result is the description's path, with
/// `--json` the figures too. `ClassifierRun` trains, docs/configuration.md, Classifiers, has the
/// keys.
///
/// A request to stop ends it without them, with 1: it takes minutes, and has no checkpoints.
struct TrainClassifierCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train-classifier",
    abstract: "Train a small classifier, by whose features scores compare images.",
    discussion: """
      Writes a feature network: NAME.yaml, its description, and NAME.safetensors, its weights; the \
      same bytes on any allowed number of ranks. Accuracy is that on the test part of the data, or \
      where there is none on a tenth of the samples, which is held out.

      Without --config it is the one for drawn digits that the program has built in.
      """)

  /// nil for configs/classifiers/glyphs.yaml as it was built in.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "What to train, such as configs/classifiers/mnist.yaml.", valueName: "file"),
    completion: .file())
  var config: String?

  /// `NAME.yaml`, with the weights beside it as `NAME.safetensors`; both are written over.
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The description (default: NAME.yaml).", valueName: "file"),
    completion: .file())
  var output: String?

  @Flag(name: .long, help: "Print one line of JSON.")
  var json = false

  @OptionGroup(title: "Messages")
  var messages: MessageOptions

  @Argument(
    help: ArgumentHelp(
      "Overrides, such as width=16 or training.epochs=3.", valueName: "key=value"))
  var overrides: [String] = []

  /// Agrees on the configuration, trains on all ranks, writes on rank 0.
  ///
  /// - Throws: `ExitCode` 1, after the error has been printed: of a request to stop, or of what
  ///   diverges.
  func run() throws {
    StopSignal.install()
    try Job.run(messages, isJSON: json, needsAllTasks: true) { communicator in
      let document = try communicator.agree {
        var document = try ConfigurationDocument.classifier(config)
        for assignment in overrides { try document.override(assignment) }
        return document
      }
      try communicator.requireSame(document)
      let run = try ClassifierRun(document, communicator: communicator)
      var report = try run.train()
      if let output { report.output = output }
      try run.write(report)
      guard communicator.rank == 0 else { return }
      StandardOutput.print(
        try json
          ? JSONLine.text(report) : "wrote \(report.output) and its weights beside it")
    }
  }
}

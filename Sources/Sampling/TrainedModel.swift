import Base
import Collectives
import Configuration
import Datasets
import Foundation
import Networks
import Recipe
import Scores
import Storage
import Training

/// The networks of a run as a checkpoint has them, on one rank: for sampling and evaluation.
package struct TrainedModel {
  package let configuration: RunConfiguration
  package let model: Model
  /// The run's folder; nil where a file of weights was given.
  package let run: RunDirectory?
  /// The checkpoint's folder, or the file of the generator's weights.
  package let source: String
  /// Iterations after which the checkpoint was taken; nil for a file.
  package let iteration: Int?
  /// Whether the critic's weights were read too.
  package let hasCritic: Bool
  /// One line for each newer checkpoint that is damaged and was passed over.
  package let notes: [String]

  /// Finds and reads a checkpoint.
  ///
  /// - Parameters:
  ///   - path: A run's folder (its newest whole checkpoint is taken), a checkpoint's folder (its
  ///     configuration lies two levels up), or a safetensors file of a generator's state dict.
  ///   - checkpoint: Which of a run's checkpoints.
  ///   - configurationFile: Instead of the run's own; needed with a file.
  ///   - overrides: Such as `data.path=FOLDER`.
  ///   - usesAverage: Whether the averaged parameters of the generator are taken where there are
  ///     any, as the run's own pictures do; nil for what `evaluation.weights` says.
  ///   - needsCritic: Whether the critic's weights are read too.
  /// - Throws: Where there is no checkpoint, or it is of another configuration.
  package init(
    _ path: String, checkpoint: CheckpointChoice = .newest, configurationFile: String? = nil,
    overrides: [String] = [], usesAverage: Bool? = true,
    needsCritic: (RunConfiguration, Model) -> Bool = { _, _ in false }
  ) throws {
    let place = try Self.place(path, checkpoint)
    run = place.run
    source = place.source
    notes = place.notes
    guard let file = configurationFile ?? place.run?.configuration, FileSystem.exists(file) else {
      throw Fault(
        configurationFile.map { "\($0): no such file" }
          ?? "\(path): has no config.yaml two levels up; give the configuration by --config FILE")
    }
    var document = try ConfigurationDocument(path: file)
    try document.apply(overrides)
    configuration = try RunConfiguration(document)
    model = try configuration.makeModel(communicator: SoloCommunicator())
    guard !place.isFile else {
      self.iteration = nil
      guard !needsCritic(configuration, model) else {
        throw Fault(
          "\(path): is the generator's weights only, but the critic's are needed; give the "
            + "checkpoint's folder")
      }
      hasCritic = false
      try model.generator.load(SafetensorsFile(path: path))
      try Self.requireFinite(model.generator, path)
      return
    }
    self.iteration = CheckpointStore.step(ofName: FileSystem.name(of: place.source))
    hasCritic = needsCritic(configuration, model)
    let networks = [model.generator] + (hasCritic ? [model.critic] : [])
    let usesAverage = usesAverage ?? (configuration.evaluation.drawing.weights == .average)
    for network in networks {
      let average = "\(source)/\(network.name)_ema.safetensors"
      let path =
        usesAverage && FileSystem.exists(average)
        ? average : "\(source)/\(network.name).safetensors"
      try network.load(SafetensorsFile(path: path))
      try Self.requireFinite(network, path)
    }
  }

  /// Refuses weights of which nothing can be drawn: a picture of them would look like one.
  private static func requireFinite(_ network: Network, _ path: String) throws {
    let values = network.arena.values
    let count = values.count { !$0.isFinite }
    guard count > 0 else { return }
    throw Fault(
      "\(path): \(count) of \(values.count) weights are not finite: training had diverged; take an "
        + "earlier checkpoint by --step")
  }

  /// Opens the data set that the run was trained on.
  package func openDataset() throws -> any Dataset {
    try configuration.data.open()
  }

  // MARK: - Finding it

  private struct Place {
    var source: String
    var run: RunDirectory?
    var isFile = false
    var notes: [String] = []
  }

  private static func place(_ path: String, _ checkpoint: CheckpointChoice) throws -> Place {
    guard FileSystem.exists(path) else { throw Fault("\(path): no such file or folder") }
    if !FileSystem.isDirectory(path) {
      try refuse(checkpoint, path, "a file")
      return Place(source: path, isFile: true)
    }
    let run = RunDirectory(path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path)
    if FileSystem.exists(run.configuration) {
      let store = CheckpointStore(directory: run.checkpoints, keep: 1)
      return try place(in: store, checkpoint, of: run)
    }
    guard FileSystem.exists("\(path)/generator.safetensors") else {
      throw Fault(
        "\(path): expected a run's folder (with config.yaml) or a checkpoint's (with "
          + "generator.safetensors), found neither")
    }
    try refuse(checkpoint, path, "a checkpoint")
    // `latest` is a link: its own name tells no step.
    let folder = URL(fileURLWithPath: path).resolvingSymlinksInPath()
    let parent = RunDirectory(
      folder.deletingLastPathComponent().deletingLastPathComponent().path)
    return Place(
      source: folder.path, run: FileSystem.exists(parent.configuration) ? parent : nil)
  }

  /// The chosen one of a run's checkpoints.
  private static func place(
    in store: CheckpointStore, _ checkpoint: CheckpointChoice, of run: RunDirectory
  ) throws -> Place {
    switch checkpoint {
    case .best: return Place(source: try store.best(), run: run)
    case .step(let step):
      let folder = store.path(step: step)
      guard FileSystem.exists("\(folder)/DONE") else {
        let steps = try store.names().compactMap(CheckpointStore.step(ofName:)).map(String.init)
        throw Fault(
          "\(run.path): has no checkpoint of step \(step); there are "
            + (steps.isEmpty ? "none" : steps.joined(separator: ", ")))
      }
      try store.verify(folder)
      return Place(source: folder, run: run)
    case .newest:
      let found = try store.latestValid()
      guard let folder = found.path else { throw Fault("\(run.path): has no whole checkpoint") }
      return Place(source: folder, run: run, notes: found.notes)
    }
  }

  private static func refuse(
    _ checkpoint: CheckpointChoice, _ path: String, _ what: String
  ) throws {
    guard checkpoint != .newest else { return }
    throw Fault(
      "\(path): is \(what); --step chooses among the checkpoints of a run's folder")
  }
}

extension TrainedModel {
  /// Measures scores of the checkpoint's generator.
  ///
  /// - Parameters:
  ///   - names: Which; nil for those that the run's configuration names and all others that apply
  ///     to the run. Options are those of the run's configuration, where it has any.
  ///   - samples: How many to draw; nil for the most that one of the scores wants.
  ///   - seed: Of their noise; nil for the run's.
  ///   - statistics: What batch norm normalizes with; nil for what `evaluation.statistics` says.
  ///   - communicator: All ranks, which call this together with the same model; nil for this one
  ///     alone.
  /// - Returns: What was measured.
  /// - Throws: Where a score is unknown or does not apply, and where none applies.
  package func evaluate(
    scores names: [String]? = nil, samples: Int? = nil, seed: UInt64? = nil,
    statistics: SampleStatistics? = nil, communicator: (any Communicator)? = nil
  ) throws -> Evaluation.Result {
    let communicator = communicator ?? SoloCommunicator()
    let (evaluation, team) = try communicator.agree {
      (
        try makeEvaluation(names, samples),
        try ScoreTeam(communicator, threads: configuration.training.threads)
      )
    }
    let drawing = configuration.evaluation.drawing
    let generator = SampleGenerator(
      model, configuration, seed: seed, statistics: statistics ?? drawing.statistics,
      standingBatches: drawing.standingBatches)
    return try evaluation.measure(
      generator, asksCritic: hasCritic,
      data: .init(openDataset, heldOut: configuration.data.openHeldOut),
      networks: configuration.scoreSubject.networks, team: team)
  }

  private func makeEvaluation(_ names: [String]?, _ samples: Int?) throws -> Evaluation {
    let subject = configuration.scoreSubject
    let own = configuration.evaluation.scores
    let ownNames = own.map { type(of: $0).name }
    let chosen =
      names ?? ownNames + ScoreCatalog.defaults(of: subject).filter { !ownNames.contains($0) }
    guard !chosen.isEmpty else {
      throw Fault("evaluate: \(ScoreCatalog.refusal(of: subject) ?? "no scores")")
    }
    if let twice = chosen.indices.first(where: { chosen[..<$0].contains(chosen[$0]) }) {
      throw Fault("--scores: \(chosen[twice]) is there twice")
    }
    let scores = try chosen.map { name in
      try own.first { type(of: $0).name == name }
        ?? ScoreCatalog.score(ConfigurationItem(name: name, source: "--scores"), subject)
    }
    let wanted = scores.map(\.wantedSamples.evaluation).max() ?? 1
    return Evaluation(scores: scores, samples: samples ?? wanted)
  }
}

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
  /// Its values, with the overrides.
  package let document: ConfigurationDocument
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
    let place = try CheckpointPlace(path, checkpoint)
    run = place.run
    source = place.source
    notes = place.notes
    let file = try configurationFile ?? place.configuration(of: path)
    guard FileSystem.exists(file) else { throw Fault("\(file): no such file") }
    var document = try ConfigurationDocument(path: file)
    try document.apply(overrides)
    self.document = document
    var configuration = try RunConfiguration(document)
    if configuration.data.arrays != nil, let record = place.run?.data, FileSystem.exists(record) {
      configuration.data.record = try ArrayRecord(path: record)
    }
    self.configuration = configuration
    model = try configuration.makeModel(communicator: SoloCommunicator())
    iteration = place.iteration
    hasCritic = needsCritic(configuration, model)
    let networks = [model.generator] + (hasCritic ? [model.critic] : [])
    let usesAverage = usesAverage ?? (configuration.evaluation.drawing.weights == .average)
    for network in networks {
      let path = try place.file(of: network.name, averaged: usesAverage)
      try network.load(SafetensorsFile(path: path))
      try Self.requireFinite(network, path)
    }
  }

  /// Where the weights were read, and a hash of them: ranks that have another one cannot go on
  /// together.
  package var identity: String {
    let networks = [model.generator] + (hasCritic ? [model.critic] : [])
    return source
      + networks.map { ", \($0.name) \($0.parameterHash.padded(to: 8, radix: 16))" }
      .joined()
  }

  /// Refuses weights of which nothing can be drawn: a picture of them would look like one.
  private static func requireFinite(_ network: Network, _ path: String) throws {
    let values = network.arena.values
    let count = values.count { !$0.isFinite }
    guard count > 0 else { return }
    throw Fault(
      "\(path): \(count) of \(values.count) weights are not finite: training had diverged",
      advice: "take an earlier checkpoint by --step")
  }

  /// What is known of the run's arrays, where its data are any; without the run's record from the
  /// files themselves.
  func arrays() throws -> (settings: ArraySettings, record: ArrayRecord)? {
    guard let settings = configuration.data.arrays else { return nil }
    if let record = configuration.data.record { return (settings, record) }
    return (settings, try configuration.data.openArrays(settings).record)
  }

  /// Opens the data set that the run was trained on.
  package func openDataset() throws -> any Dataset {
    try configuration.data.open()
  }
}

extension TrainedModel {
  /// Measures scores of the checkpoint's generator.
  ///
  /// - Parameters:
  ///   - names: Which; nil for those that the run's configuration names and all others that apply
  ///     to the run. Options are those of the run's configuration, where it has any.
  ///   - features: The feature network of scores that name none; nil for the data's own.
  ///   - samples: How many to draw; nil for the most that one of the scores wants.
  ///   - seed: Of their noise; nil for the run's.
  ///   - statistics: What batch norm normalizes with; nil for what `evaluation.statistics` says.
  ///   - communicator: All ranks, which call this together with the same model; nil for this one
  ///     alone.
  /// - Returns: What was measured.
  /// - Throws: Where a score is unknown or does not apply, and where none applies.
  package func evaluate(
    scores names: [String]? = nil, features: String? = nil, samples: Int? = nil,
    seed: UInt64? = nil,
    statistics: SampleStatistics? = nil, communicator: (any Communicator)? = nil
  ) throws -> Evaluation.Result {
    let communicator = communicator ?? SoloCommunicator()
    let (evaluation, team) = try communicator.agree {
      (
        try makeEvaluation(names, features, samples),
        try ScoreTeam(communicator, threads: configuration.training.threads)
      )
    }
    let drawing = configuration.evaluation.drawing
    let generator = SampleGenerator(
      model, configuration, seed: seed, statistics: statistics ?? drawing.statistics,
      standingBatches: drawing.standingBatches, dataset: openDataset)
    return try evaluation.measure(
      generator, asksCritic: hasCritic,
      data: .init(openDataset, heldOut: { try configuration.data.openHeldOut() }),
      networks: configuration.scoreSubject.networks, team: team)
  }

  /// Measures the Inception Score as it was published.
  ///
  /// - Parameters:
  ///   - published: How; the generator has its running statistics there.
  ///   - features: The file of another network than the protocol's; nil for that.
  ///   - samples: How many to draw; nil for the protocol's.
  ///   - seed: Of their noise; nil for the run's.
  ///   - statistics: What batch norm normalizes with; nil for running statistics.
  ///   - communicator: All ranks, which call this together with the same model; nil for this one
  ///     alone.
  /// - Returns: What was measured.
  /// - Throws: Where samples are no images in colour, and where the network cannot be had.
  package func evaluate(
    following published: InceptionProtocol, features: String? = nil, samples: Int? = nil,
    seed: UInt64? = nil, statistics: SampleStatistics? = nil,
    communicator: (any Communicator)? = nil
  ) throws -> Evaluation.Result {
    let communicator = communicator ?? SoloCommunicator()
    var subject = configuration.scoreSubject
    let networks = FeatureNetworks.following(published, file: features)
    subject.networks = networks
    let (evaluation, team) = try communicator.agree {
      let score = try ScoreCatalog.score(
        ConfigurationItem(name: InceptionScore.name, source: "--protocol"), subject)
      return (
        Evaluation(
          scores: [score], samples: samples ?? published.samples, published: published),
        try ScoreTeam(communicator, threads: configuration.training.threads)
      )
    }
    return try evaluation.measure(
      SampleGenerator(
        model, configuration, seed: seed, statistics: statistics ?? .running),
      asksCritic: false,
      data: .init(openDataset, heldOut: { try configuration.data.openHeldOut() }),
      networks: networks,
      team: team)
  }

  private func makeEvaluation(
    _ names: [String]?, _ features: String?, _ samples: Int?
  ) throws -> Evaluation {
    var subject = configuration.scoreSubject
    if let features { subject.networks?.standard = features }
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

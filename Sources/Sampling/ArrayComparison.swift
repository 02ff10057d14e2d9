import Base
import Collectives
import Configuration
import Datasets
import Recipe
import Scores

/// Scores of arrays of any program, compared with reals.
package struct ArrayComparison {
  package let reals: ArrayDataset
  package let samples: ArrayDataset
  private let configuration: RunConfiguration
  private let scores: [any Score]

  /// Reads both sets.
  ///
  /// - Parameters:
  ///   - reals: A file.
  ///   - samples: A file in the same layout.
  ///   - configuration: Its `data` says what the files hold, its `evaluation` what is measured.
  ///   - names: Which scores; nil for those of the configuration.
  /// - Throws: `Fault` where a file cannot be read or the sets differ in their sizes.
  package init(
    reals: String, samples: String, _ configuration: RunConfiguration, scores names: [String]? = nil
  ) throws {
    guard let settings = configuration.data.arrays else {
      throw Fault("--config: expected a configuration with data.source array")
    }
    let first = try Self.open(reals, settings, configuration.data, statistics: nil)
    self.reals = first
    self.samples = try Self.open(
      samples, settings, configuration.data, statistics: first.record.statistics)
    guard first.units.sizes == self.samples.units.sizes else {
      throw Fault(
        "\(samples): samples of \(self.samples.units.sizes), but \(reals) has some of "
          + "\(first.units.sizes)")
    }
    self.configuration = configuration
    let own = configuration.evaluation.scores
    scores =
      try names?.map { name in
        try own.first { type(of: $0).name == name }
          ?? ScoreCatalog.score(
            ConfigurationItem(name: name, source: "--scores"), configuration.scoreSubject)
      } ?? own
    guard !scores.isEmpty else {
      throw Fault(
        "evaluate: \(ScoreCatalog.refusal(of: configuration.scoreSubject) ?? "no scores")")
    }
    if let names, let twice = names.indices.first(where: { names[..<$0].contains(names[$0]) }) {
      throw Fault("--scores: \(names[twice]) is there twice")
    }
  }

  private static func open(
    _ path: String, _ settings: ArraySettings, _ data: RunConfiguration.DataSection,
    statistics: [Double]?
  ) throws -> ArrayDataset {
    var settings = settings
    settings.paths = [path]
    let arrays = try HeldArrays(settings, limit: data.limit)
    return try ArrayDataset(
      settings, arrays,
      statistics: statistics ?? ArrayDataset.findStatistics(settings, arrays))
  }

  /// Measures; all ranks call it together.
  ///
  /// - Parameters:
  ///   - seed: Of what scores choose at random.
  ///   - communicator: All ranks, each with the same sets.
  /// - Returns: What was measured, on as many samples as there are reals at most.
  /// - Throws: Where a score cannot be measured.
  package func evaluate(
    seed: UInt64 = 0, communicator: any Communicator = SoloCommunicator()
  ) throws -> Evaluation.Result {
    let begin = monotonicSeconds()
    let count = min(samples.count, reals.count)
    let team = try communicator.agree {
      try ScoreTeam(communicator, threads: configuration.training.threads)
    }
    func set(_ dataset: ArrayDataset, _ count: Int) -> SampleSet {
      SampleSet(count: count, shape: dataset.shape) { dataset.samples(Array($0)) }
    }
    func arrays(_ dataset: ArrayDataset) -> ArraySet {
      ArraySet(count: count) { dataset.row(at: $0) }
    }
    let sets = ArraySets(
      samples: arrays(samples), reals: arrays(reals), units: reals.units,
      conditionNames: reals.conditionNames)
    let input = ScoreInput(
      samples: set(samples, count), reals: set(reals, count), seed: seed,
      trainingSet: { [reals] in set(reals, reals.count) }, arrays: { sets },
      trainClassifier: { try TwoClassNetwork.train($0, team) }, team: team)
    return try Evaluation(scores: scores, samples: count).measure(input, since: begin)
  }
}

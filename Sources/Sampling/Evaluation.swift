import Base
import Collectives
import Datasets
import Scores

/// Measures scores on samples of a generator, the same at every call.
///
/// Sample i is the one that the run's pictures and `sample` show, for noise that training never
/// draws; nothing that training depends on moves.
package struct Evaluation {
  private let scores: [any Score]
  private let samples: Int
  private let published: InceptionProtocol?

  /// - Parameters:
  ///   - scores: What to measure.
  ///   - samples: Samples that each score takes.
  ///   - published: Whose labels a conditional generator is asked for; nil for its classes in turn.
  package init(scores: [any Score], samples: Int, published: InceptionProtocol? = nil) {
    self.scores = scores
    self.samples = samples
    self.published = published
  }

  /// What was measured at one moment.
  package struct Result {
    package let setting: ScoreSetting
    /// Each score, the values of its columns, and the seconds that it took: of the first one that
    /// asks for samples, reals or features with those that they took.
    package let scores: [(score: any Score, values: [Double], seconds: Double)]
    /// For drawing and measuring.
    package let seconds: Double
    /// Of quantities, where the score of that name was measured.
    package let histograms: HistogramReport?

    package var samples: Int { setting.samples }
    /// Of the samples' noise.
    package var seed: UInt64 { setting.seed }

    /// All values, in the order of the columns.
    package var values: [Double] { scores.flatMap(\.values) }

    /// The values of the score of that name; nil where it was not measured.
    package subscript(name: String) -> [Double]? {
      scores.first { type(of: $0.score).name == name }?.values
    }

    /// A few words a score: `diversity 0.93, 24 of 25 modes, 91.2 % on one`.
    package var summary: String {
      scores.map { $0.score.summary($0.values) }.joined(separator: ", ")
    }

    /// What `evaluate` prints of the scores.
    package var report: [String] {
      scores.flatMap { $0.score.report($0.values, setting) }
    }
  }

  /// Draws samples and measures.
  ///
  /// A conditional generator's samples have its classes in turn, conditions of the data, or a
  /// protocol's labels. All ranks of the team call it together, each with its own networks of the
  /// same values: each draws and measures its part, and what comes out is the same on all of them
  /// and on any number of them.
  ///
  /// All ranks call it together, and one measures: the others' statistics of batches count too.
  ///
  /// - Parameters:
  ///   - generator: Draws the samples, and the reals they are compared with.
  ///   - asksCritic: Whether the critic's weights are those of the generator's checkpoint.
  ///   - data: What they are compared with.
  ///   - networks: Feature networks.
  ///   - team: The ranks that measure; nil for this one alone.
  /// - Returns: The values.
  /// - Throws: What a pass throws, and where the data cannot be read: on all ranks.
  package func measure(
    _ generator: SampleGenerator, asksCritic: Bool = true, data: Data,
    networks: FeatureNetworks? = nil, team: ScoreTeam? = nil
  ) throws -> Result {
    let begin = monotonicSeconds()
    let team = try team ?? ScoreTeam(SoloCommunicator())
    // Before any pass of all ranks: the data may have to be read for it.
    let layout = try layout(generator, data, team)
    return try generator.withStatistics {
      try measure(input(generator, layout, asksCritic, data, networks, team), since: begin)
    }
  }

  /// Measures on samples that are there.
  func measure(_ input: ScoreInput, since begin: Double) throws -> Result {
    let found = try scores.map { score in
      let begin = monotonicSeconds()
      let values = try score.measure(input)
      precondition(
        values.count == score.columns.count,
        "\(type(of: score).name): \(values.count) values, \(score.columns.count) columns")
      // Ranks on unlike processors may have other last bits.
      let agreed: [Double] = try input.team.once(values.count) {
        _ = $0.update(fromContentsOf: values)
      }
      return (score: score, values: agreed, seconds: monotonicSeconds() - begin)
    }
    let setting = ScoreSetting(
      samples: input.samples.count, reals: input.reals.count, seed: input.seed,
      networkNames: input.networkNames)
    return Result(
      setting: setting, scores: found, seconds: monotonicSeconds() - begin,
      histograms: input.histograms)
  }

  /// The data that samples are compared with; of a run that is evaluated again and again the same
  /// object, which keeps the reals and their features.
  package final class Data {
    let dataset: OpenedDataset
    let heldOut: OpenedDataset
    private var reals: SampleSet?
    private var arrayReals: ArraySet?

    /// - Parameters:
    ///   - dataset: Opens what is trained on; called where a score first asks for reals.
    ///   - heldOut: Opens what is not.
    package init(
      _ dataset: @escaping () throws -> any Dataset, heldOut: @escaping () throws -> any Dataset
    ) {
      self.dataset = OpenedDataset(dataset)
      self.heldOut = OpenedDataset(heldOut)
    }

    /// The reals beside a layout's samples.
    func reals(_ generator: SampleGenerator, _ layout: SampleGenerator.Layout) -> SampleSet {
      if let reals, reals.count == layout.count { return reals }
      let reals = generator.realSet(layout, dataset)
      self.reals = reals
      return reals
    }

    /// The same in the units of their files, of data that are arrays.
    func arrayReals(
      _ generator: SampleGenerator, _ layout: SampleGenerator.Layout, _ dataset: ArrayDataset
    ) -> ArraySet {
      if let arrayReals, arrayReals.count == layout.count { return arrayReals }
      let reals = generator.arrayReals(layout, dataset)
      arrayReals = reals
      return reals
    }
  }

  private func input(
    _ generator: SampleGenerator, _ layout: SampleGenerator.Layout, _ asksCritic: Bool,
    _ data: Data, _ networks: FeatureNetworks?, _ team: ScoreTeam
  ) throws -> ScoreInput {
    let sets = (
      samples: try generator.sampleSet(layout), reals: data.reals(generator, layout)
    )
    return ScoreInput(
      samples: sets.samples, reals: sets.reals, seed: generator.seed,
      trainingSet: {
        generator.wholeSet(try team.communicator.agree { try data.dataset() })
      },
      networks: networks,
      criticScores: asksCritic
        ? generator.criticScores(layout, sets, data.dataset, heldOut: data.heldOut, team) : nil,
      arrays: {
        let dataset = try team.communicator.agree { try data.dataset().asArrays }
        return ArraySets(
          samples: try generator.arraySamples(layout, sets.samples, dataset.units, team),
          reals: data.arrayReals(generator, layout, dataset), units: dataset.units,
          conditionNames: dataset.conditionNames)
      },
      trainClassifier: { try TwoClassNetwork.train($0, team) }, team: team)
  }

  /// What samples are asked to be.
  private func layout(
    _ generator: SampleGenerator, _ data: Data, _ team: ScoreTeam
  ) throws -> SampleGenerator.Layout {
    let classes = generator.condition.classes
    guard let published, classes > 0 else {
      return try team.communicator.agree { try generator.plainLayout(count: samples) }
    }
    let labels = try published.labels(count: samples, classes: classes, seed: generator.seed) {
      let dataset = try team.communicator.agree {
        let dataset = try data.dataset()
        guard dataset.classCount == classes else {
          throw Fault(
            "\(dataset.name): has \(dataset.classCount) classes, expected \(classes): --protocol "
              + "\(published.name) asks for the labels of the training set")
        }
        return dataset
      }
      return (0..<min(samples, dataset.count)).map(dataset.label)
    }
    return SampleGenerator.Layout(
      count: samples, columns: 1, conditions: labels.map { ConditionValues(label: $0) })
  }
}

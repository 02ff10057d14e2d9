import Base
import Collectives

/// The samples that are scored, and what they are compared with.
package final class ScoreInput {
  /// Of the samples' noise; what a score chooses at random follows from it.
  package let seed: UInt64
  /// Of a conditional generator those of its classes in turn.
  package let samples: SampleSet
  /// Reals of the same classes, none twice where there are enough.
  ///
  /// The same ones for all scores and at every evaluation of a run, so that a score may keep what
  /// it computes of them.
  package let reals: SampleSet
  /// All reals that the generator is trained on, on all ranks, which ask together; nil where they
  /// are not at hand.
  package let trainingSet: (() throws -> SampleSet)?
  /// Gives the critic's scores; nil where the critic is not at hand.
  package let criticScores: ((CriticSet) throws -> [Float])?
  /// Gives samples and reals in the units of their files; nil where the data are no arrays.
  private let arrays: (() throws -> ArraySets)?
  /// Trains a classifier of two sets; nil where there is nobody to do it.
  package let trainClassifier: ((TwoClassTask) throws -> TwoClassScores)?
  /// What `Histograms` has found, for who shows more than its columns.
  package var histograms: HistogramReport?
  /// All ranks.
  package let team: ScoreTeam
  private var arraySets: ArraySets?
  private let networks: FeatureNetworks?
  private var extractors: [String: any FeatureExtractor] = [:]

  /// What a critic is asked about.
  package enum CriticSet: Sendable {
    case samples
    /// Reals that it is trained on.
    case training
    /// Reals that it never sees.
    case heldOut
  }

  /// - Parameters:
  ///   - samples: Samples.
  ///   - reals: Reals.
  ///   - seed: Of the samples' noise.
  ///   - trainingSet: All reals of training, in any order.
  ///   - networks: Feature networks.
  ///   - criticScores: The critic's scores of a set, the same on all ranks, which call it together.
  ///   - arrays: Samples and reals in the units of their files, the same on all ranks, which call
  ///     it together.
  ///   - trainClassifier: Trains a classifier, on all ranks together.
  ///   - team: All ranks.
  package init(
    samples: SampleSet, reals: SampleSet, seed: UInt64 = 0,
    trainingSet: (() throws -> SampleSet)? = nil,
    networks: FeatureNetworks? = nil, criticScores: ((CriticSet) throws -> [Float])? = nil,
    arrays: (() throws -> ArraySets)? = nil,
    trainClassifier: ((TwoClassTask) throws -> TwoClassScores)? = nil, team: ScoreTeam
  ) {
    self.samples = samples
    self.reals = reals
    self.seed = seed
    self.trainingSet = trainingSet
    self.networks = networks
    self.criticScores = criticScores
    self.arrays = arrays
    self.trainClassifier = trainClassifier
    self.team = team
  }

  /// The samples, channels last, on all ranks.
  package func sampleValues() throws -> [Float] { try samples.values(team) }

  /// The reals, channels last, on all ranks.
  package func realValues() throws -> [Float] { try reals.values(team) }

  /// Samples and reals as vectors, on all ranks.
  package func vectors() throws -> (samples: Vectors, reals: Vectors) {
    let dimension = samples.shape.elementCount
    return (
      Vectors(try sampleValues(), dimension: dimension),
      Vectors(try realValues(), dimension: dimension)
    )
  }

  /// Samples and reals in the units of their files.
  ///
  /// - Throws: On all ranks, where the data are no arrays.
  package func arrayValues() throws -> ArraySets {
    if let arraySets { return arraySets }
    guard let arrays else { throw Fault("the data are no arrays, which quantities are made of") }
    let found = try arrays()
    arraySets = found
    return found
  }

  /// Quantities of samples and reals, on all ranks.
  ///
  /// - Parameter quantities: Which.
  /// - Returns: Those of each, and what the numbers of a condition are called.
  /// - Throws: On all ranks, where a quantity cannot be made of them.
  package func tables(
    of quantities: [Quantity]
  ) throws -> (samples: QuantityTable, reals: QuantityTable, conditionNames: [String]) {
    let sets = try arrayValues()
    let names = sets.conditionNames
    return (
      try sets.samples.table(quantities, conditionNames: names, team),
      try sets.reals.table(quantities, conditionNames: names, team), names
    )
  }

  /// Features and logits of samples and reals, on all ranks.
  ///
  /// - Parameter name: The network's name.
  /// - Returns: Those of the samples and those of the reals.
  /// - Throws: On all ranks, where the network cannot be had or does not take such images.
  package func features(of name: String) throws -> FeatureSets {
    let extractor = try extractor(name)
    return FeatureSets(
      samples: try samples.extracted(by: extractor, team),
      reals: try reals.extracted(by: extractor, team), count: extractor.featureCount)
  }

  /// The logits of the samples.
  ///
  /// - Parameter name: The network's name.
  /// - Returns: The logits, on all ranks, and how many a sample has.
  /// - Throws: As `features`, and where the network has none.
  package func logits(of name: String) throws -> (values: [Float], classes: Int) {
    let extractor = try extractor(name)
    guard extractor.classCount > 1 else {
      throw Fault("\(extractor.name): has no logits, which the Inception Score is made of")
    }
    return (try samples.extracted(by: extractor, team).logits, extractor.classCount)
  }

  private func extractor(_ name: String) throws -> any FeatureExtractor {
    if let known = extractors[name] { return known }
    let opened = try team.communicator.agree {
      guard let networks else { throw Fault("\(name): there are no feature networks") }
      return try networks.open(name)
    }
    extractors[name] = opened
    return opened
  }

  /// The names that the feature networks in use call themselves, by the names that scores have.
  package var networkNames: [String: String] { extractors.mapValues(\.name) }
}

/// Features of samples and of reals.
package struct FeatureSets {
  package var samples: Vectors
  package var reals: Vectors

  init(samples: Extracted, reals: Extracted, count: Int) {
    self.samples = Vectors(samples.features, dimension: count)
    self.reals = Vectors(reals.features, dimension: count)
  }
}

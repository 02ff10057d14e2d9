import Base
import Datasets
import Scores

/// Samples and reals as scores want them: each rank its part.
extension SampleGenerator {
  /// The samples of a layout, the same ones as `images(layout)`.
  ///
  /// Where a sample depends on those of its batch, all are drawn at once, by all ranks together.
  func sampleSet(_ layout: Layout) throws -> SampleSet {
    let shape = model.generator.outputShape
    guard statistics != .batch else {
      return SampleSet(try images(layout), shape: shape, range: range)
    }
    return SampleSet(
      count: layout.count, shape: shape, range: range, unit: model.generator.memory.shardCapacity
    ) { try images($0, of: layout) }
  }

  /// Samples of a range, which begins at a multiple of a shard's capacity.
  private func images(_ range: Range<Int>, of layout: Layout) throws -> [Float] {
    let conditions = layout.conditions
    let turn = conditions.isEmpty ? 0 : range.lowerBound % conditions.count
    return try images(
      count: range.count, conditions: Array(conditions[turn...] + conditions[..<turn])
    ) { fillNoise(range.lowerBound + $0, $1) }
  }

  /// Reals of the layout's conditions, chosen at random and the same ones at every call; none twice
  /// where there are enough of them.
  ///
  /// - Parameters:
  ///   - layout: How many, and of which conditions.
  ///   - dataset: Opens the data set; called when a score first asks for reals.
  /// - Returns: The reals, not drawn yet.
  func realSet(_ layout: Layout, _ dataset: OpenedDataset) -> SampleSet {
    let choice = RealChoice(layout, seed: seed)
    return SampleSet(
      count: layout.count, shape: model.generator.outputShape, range: range
    ) { part in
      let dataset = try dataset()
      return dataset.samples(choice.indices(of: dataset)[part])
    }
  }

  /// What the critic says of samples, of reals that it is trained on and of reals held out.
  ///
  /// A critic that takes conditions is told those of each sample and real; one of packs gets them
  /// in their order, and those that fill no pack are left out.
  ///
  /// - Parameters:
  ///   - layout: Of the samples.
  ///   - sets: Samples and reals.
  ///   - dataset: Where the reals come from.
  ///   - heldOut: Opens the data set that is not trained on.
  ///   - team: All ranks.
  /// - Returns: Scores of a set on all ranks, which ask together.
  func criticScores(
    _ layout: Layout, _ sets: (samples: SampleSet, reals: SampleSet), _ dataset: OpenedDataset,
    heldOut: OpenedDataset, _ team: ScoreTeam
  ) -> (ScoreInput.CriticSet) throws -> [Float] {
    let choices = (
      training: RealChoice(layout, seed: seed), heldOut: RealChoice(layout, seed: seed)
    )
    return { set in
      switch set {
      case .samples: try scores(of: sets.samples, team) { layout.conditions(at: $0) }
      case .training:
        try scores(of: sets.reals, team) {
          let dataset = try dataset()
          return dataset.conditions(choices.training.indices(of: dataset)[$0])
        }
      case .heldOut:
        try scores(of: realSet(layout, heldOut), team) {
          let dataset = try heldOut()
          return dataset.conditions(choices.heldOut.indices(of: dataset)[$0])
        }
      }
    }
  }

  /// The critic's scores of a set, a part of it on each rank.
  private func scores(
    of set: SampleSet, _ team: ScoreTeam, conditions: (Range<Int>) throws -> [ConditionValues]
  ) throws -> [Float] {
    let members = model.packing.members
    guard set.count >= members else {
      throw Fault("the critic takes packs of \(members) samples, found \(set.count) to score")
    }
    let values = try set.values(team)
    let (size, capacity) = (set.shape.elementCount, model.critic.memory.groupCapacity)
    let slices = ScoreTeam.ranges(
      set.count / members, length: capacity * max(1, 256 / capacity)
    ).map { $0.lowerBound * members..<$0.upperBound * members }
    return try team.gatherInTurn(slices.map { $0.count / members }) { slice, output in
      let part = slices[slice]
      _ = output.update(
        fromContentsOf: try scores(
          of: Array(values[part.lowerBound * size..<part.upperBound * size]),
          conditions: model.critic.conditions == nil ? [] : conditions(part)))
    }
  }

  /// All samples of a data set.
  func wholeSet(_ dataset: any Dataset) -> SampleSet {
    SampleSet(count: dataset.count, shape: dataset.shape, range: range) {
      dataset.samples(Array($0))
    }
  }
}

extension SampleGenerator.Layout {
  /// The conditions of a range of samples; empty for none.
  fileprivate func conditions(at range: Range<Int>) -> [ConditionValues] {
    conditions.isEmpty ? [] : range.map { conditions[$0 % conditions.count] }
  }
}

/// A data set that is opened when it is first asked for.
final class OpenedDataset {
  private let open: () throws -> any Dataset
  private var opened: (any Dataset)?

  init(_ open: @escaping () throws -> any Dataset) { self.open = open }

  func callAsFunction() throws -> any Dataset {
    if let opened { return opened }
    let dataset = try open()
    opened = dataset
    return dataset
  }
}

/// Which reals samples are compared with.
final class RealChoice {
  private let layout: SampleGenerator.Layout
  private let seed: UInt64
  private var chosen: [Int]?

  init(_ layout: SampleGenerator.Layout, seed: UInt64) {
    self.layout = layout
    self.seed = seed
  }

  /// So many tries miss a class of a hundredth of the data once in 20 000 times.
  private static let tries = 1000

  /// The real beside each sample.
  ///
  /// Candidates are drawn until one fits that is not chosen yet; after so many tries, or when all
  /// are chosen, one that is.
  func indices(of dataset: any Dataset) -> [Int] {
    if let chosen { return chosen }
    // Step 1, as reals in pictures: step 0 is the samples' noise.
    let stream = RandomStream(seed: seed, purpose: .sampleNoise, step: 1)
    var isChosen = Set<Int>()
    let indices = (0..<layout.count).map { sample in
      if isChosen.count == dataset.count { isChosen.removeAll() }
      var fallback: Int?
      for attempt in 0..<Self.tries {
        let candidate = stream.integer(below: dataset.count, sample: sample, element: attempt)
        guard fits(candidate, sample, dataset) else { continue }
        if isChosen.insert(candidate).inserted { return candidate }
        fallback = fallback ?? candidate
      }
      return fallback ?? stream.integer(below: dataset.count, sample: sample)
    }
    chosen = indices
    return indices
  }

  private func fits(_ candidate: Int, _ sample: Int, _ dataset: any Dataset) -> Bool {
    guard layout.asksReals, !dataset.condition.isEmpty else { return true }
    return Condition.withTemporary(dataset.condition) { found in
      dataset.copyCondition(at: candidate, into: found)
      return layout.conditions[sample % layout.conditions.count].matches(found)
    }
  }
}

extension Dataset {
  /// Samples one after the other, channels last.
  func samples(_ indices: some Collection<Int>) -> [Float] {
    let size = shape.elementCount
    var values = [Float](repeating: 0, count: indices.count * size)
    values.withUnsafeMutableBufferPointer { values in
      for (place, index) in indices.enumerated() {
        copySample(
          at: index,
          into: UnsafeMutableBufferPointer(rebasing: values[place * size..<(place + 1) * size]))
      }
    }
    return values
  }

  /// The condition of each sample.
  func conditions(_ indices: some Collection<Int>) -> [ConditionValues] {
    indices.map { index in
      Condition.withTemporary(condition) { found in
        copyCondition(at: index, into: found)
        return ConditionValues(
          label: condition.classes > 0 ? found.label : nil, numbers: Array(found.numbers))
      }
    }
  }
}

import Base
import Collectives
import Configuration

/// How samples become inputs of the critic: `critic.pack` and `critic.augment`.
package struct CriticInputSettings {
  /// Samples side by side in an input (`Packing`); 1 for single ones.
  package var pack: Int
  /// What is done to reals and fakes before; empty for nothing.
  package var policies: [DifferentiableAugmentation.Policy]
  private let reader: ConfigurationReader

  /// - Parameter section: `critic`.
  /// - Throws: `ConfigurationError` naming file, line and key.
  init(_ section: ConfigurationReader) throws {
    pack = try section.integer("pack", default: 1, in: 1...1024)
    policies = try Self.policies(section)
    reader = section
  }

  private static func policies(
    _ section: ConfigurationReader
  ) throws -> [DifferentiableAugmentation.Policy] {
    let known = DifferentiableAugmentation.Policy.allCases.map(\.rawValue)
    // Also in one word, as the authors write it: color,translation,cutout.
    let names = try section.strings("augment", default: []).flatMap { $0.split(separator: ",") }
    return try names.map { name in
      guard let policy = DifferentiableAugmentation.Policy(rawValue: String(name)) else {
        throw section.fail(
          "augment", "expected a list of \(known.joined(separator: ", ")), found '\(name)'")
      }
      return policy
    }
  }

  /// What is done to samples of a shape; nil for nothing.
  ///
  /// - Throws: `ConfigurationError` where they are no pictures.
  func augmentation(of shape: Shape) throws -> DifferentiableAugmentation? {
    guard !policies.isEmpty else { return nil }
    guard shape.dimensions == 2, shape.height > 1, shape.width > 1 else {
      throw reader.fail("augment", "expected pictures, found samples of \(shape)")
    }
    return DifferentiableAugmentation(policies, of: shape)
  }

  /// Refuses what packs and augmentation do not go with.
  ///
  /// - Parameters:
  ///   - training: The steps' batches.
  ///   - objective: What is minimized.
  /// - Throws: `ConfigurationError` naming file, line and key.
  func check(_ training: TrainingSettings, _ objective: Objective) throws {
    if !policies.isEmpty {
      if training.hasFixedGenerator {
        throw reader.fail("augment", "expected no training.fixedGenerator with it")
      }
      if case .network? = objective.featureMatching?.features {
        throw reader.fail(
          "augment", "expected features of the critic with it, found those of a network")
      }
    }
    guard pack > 1 else { return }
    let found = "packs of \(pack) samples"
    if training.keepsPartialBatch {
      throw reader.fail("pack", "expected training.lastBatch drop with \(found), found keep")
    }
    if training.hasFixedGenerator {
      throw reader.fail("pack", "expected no training.fixedGenerator with \(found)")
    }
    if objective.classifier != nil || objective.regressor != nil {
      throw reader.fail(
        "pack", "expected no auxiliary classifier or regressor with \(found), which have one score")
    }
    if case .network? = objective.featureMatching?.features {
      throw reader.fail(
        "pack", "expected features of the critic with \(found), found those of a network")
    }
    let plan = try ShardPlan(shards: training.shards, rank: 0, ranks: 1)
    for factor in Set([1, training.generatorBatchFactor]).sorted() {
      let batch = training.batch * factor
      guard plan.cuts(batch: batch, intoMultiplesOf: pack) else {
        let step = factor == 1 ? "" : " of a generator step"
        throw reader.fail(
          "pack",
          "expected every shard's samples in \(found), found a batch of \(batch)\(step) in "
            + "\(training.shards) shards; multiples of \(pack * training.shards) always are")
      }
    }
  }
}

import Base
import Collectives
import Configuration
import Recipe
import Training

/// The memory that a rank's networks, optimizers and exchanges hold while they train, in bytes.
///
/// Counted, not modelled: the networks are built as for a job of so many ranks, on rank 0, which
/// has the copy that checkpoints are written from besides. Not in it: the program with its
/// libraries and MPI, the data set, and pictures.
package struct MemoryEstimate: Sendable, Equatable, Encodable {
  package let ranks: Int
  /// Values between layers, and the inputs and outputs of passes.
  package let values: Int
  /// Gradients between layers.
  package let gradients: Int
  /// A parameter gradient for each shard.
  package let partials: Int
  /// The parameters of all networks.
  package let parameters: Int
  /// The optimizers' moments, and the average of the generator.
  package let moments: Int
  /// What products work in.
  package let scratch: Int
  /// What layers keep for themselves (transformed filters, statistics, masks), and what arrives
  /// from other ranks.
  package let layers: Int
  /// The copy of the state that rank 0 writes checkpoints from.
  package let checkpoint: Int

  package var total: Int {
    values + gradients + partials + parameters + moments + scratch + layers + checkpoint
  }

  /// Builds the networks for rank 0 of a job, and counts.
  ///
  /// - Parameters:
  ///   - document: The configuration.
  ///   - ranks: As many as the configuration's shards allow.
  /// - Throws: As `Model`.
  package init(_ document: ConfigurationDocument, ranks: Int) throws {
    self.ranks = ranks
    let configuration = try RunConfiguration(document)
    let before = MemoryLedger.bytes
    let communicator = PlannedCommunicator(size: ranks)
    let (model, trainer) = try MemoryLedger.planning {
      let model = try configuration.makeModel(communicator: communicator, drawsParameters: false)
      return (model, Trainer(model))
    }
    let trained = MemoryLedger.bytes - before
    let bytes = { (count: Int) in count * MemoryLayout<Float>.stride }
    let context = model.context
    values = bytes(context.valueMemory.count)
    gradients = bytes(context.gradientMemory.count)
    partials = bytes(context.partialMemory.count)
    parameters = bytes(
      ([model.generator, model.critic] + (model.features.map { [$0] } ?? []))
        .reduce(0) { $0 + $1.arena.count })
    moments = bytes(
      (trainer.generatorOptimizer.moments + trainer.criticOptimizer.moments)
        .reduce(trainer.generatorAverage?.values.count ?? 0) { $0 + $1.values.count })
    scratch = bytes(context.scratchCount)
    layers = trained - values - gradients - partials - parameters - moments - scratch
    checkpoint = MemoryLedger.planning {
      let snapshot = Snapshot(trainer)
      return withExtendedLifetime(snapshot) { MemoryLedger.bytes - before - trained }
    }
  }
}

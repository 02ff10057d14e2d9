import Datasets

/// Which batches an iteration takes, and how many iterations a run has.
package struct Schedule: Equatable, Sendable {
  package let batchesPerEpoch: Int
  /// Batches of reals that an iteration takes: 1 where its critic steps share one, else one each.
  package let batchesPerIteration: Int
  package let iterations: Int
  /// The epochs that were asked for, nil where iterations were.
  private let wantedEpochs: Int?

  package init(batchesPerEpoch: Int, training: TrainingSettings) {
    self.batchesPerEpoch = batchesPerEpoch
    let batchesPerIteration = training.reusesReals ? 1 : training.criticSteps
    self.batchesPerIteration = batchesPerIteration
    switch training.length {
    case .iterations(let count):
      iterations = count
      wantedEpochs = nil
    case .epochs(let epochs):
      wantedEpochs = epochs
      iterations = (epochs * batchesPerEpoch + batchesPerIteration - 1) / batchesPerIteration
    }
  }

  /// The number of the batch of reals of a critic step, over all epochs.
  package func batch(iteration: Int, criticStep: Int) -> Int {
    iteration * batchesPerIteration + (batchesPerIteration == 1 ? 0 : criticStep)
  }

  /// Whole epochs that are through after so many iterations.
  package func epochsDone(afterIteration iteration: Int) -> Int {
    max(0, iteration) * batchesPerIteration / batchesPerEpoch
  }

  /// Epochs that the run goes through, the last perhaps in part.
  package var epochs: Int {
    wantedEpochs ?? (iterations * batchesPerIteration + batchesPerEpoch - 1) / batchesPerEpoch
  }
}

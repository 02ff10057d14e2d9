import Collectives

/// Names the random numbers of one forward pass and the backward passes that follow from it.
package struct PassDraw: Sendable, Equatable {
  package var seed: UInt64
  /// The number of the pass in the run: a function of iteration and step, never of history.
  package var number: Int

  package init(seed: UInt64, number: Int) {
    self.seed = seed
    self.number = number
  }
}

/// The samples that are scored, and reals to compare them with.
package final class ScoreInput {
  /// Samples, and reals.
  package let count: Int
  /// `count` samples, channels last, in the data's range; of a conditional generator its classes
  /// in turn.
  package let samples: [Float]
  private let drawReals: () throws -> [Float]
  private var drawnReals: [Float]?

  /// - Parameters:
  ///   - samples: Whole samples.
  ///   - count: How many.
  ///   - reals: Draws as many reals of the same classes, the same ones at every call; called when
  ///     a score first asks.
  package init(samples: [Float], count: Int, reals: @escaping () throws -> [Float]) {
    precondition(count > 0 && samples.count % count == 0, "\(samples.count) values, \(count)")
    self.samples = samples
    self.count = count
    drawReals = reals
  }

  /// `count` reals, channels last.
  ///
  /// The same ones for all scores and at every evaluation of a run, so that a score may keep what
  /// it computes of them.
  ///
  /// - Throws: Where the data cannot be read.
  package func reals() throws -> [Float] {
    if let drawnReals { return drawnReals }
    let reals = try drawReals()
    drawnReals = reals
    return reals
  }
}

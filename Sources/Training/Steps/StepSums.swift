import Collectives

/// What a step sums over the batch.
enum StepSum: Int {
  /// Of scores, penalties and losses; `rightClasses` counts reals.
  case realScores, fakeScores, penalties, realLosses, fakeLosses, classLosses, rightClasses
  /// Of all values of the reals and their squares: for the deviation that DRAGAN's noise has.
  case realValues, realSquares
  /// Of the auxiliary regressor's errors.
  case regressionErrors

  /// `allCases` makes an array at every call.
  static let count = 10
}

extension UnsafeMutableBufferPointer<Double> {
  subscript(sum: StepSum) -> Double {
    get { self[sum.rawValue] }
    nonmutating set { self[sum.rawValue] = newValue }
  }
}

extension UnsafeBufferPointer<Double> {
  subscript(sum: StepSum) -> Double { self[sum.rawValue] }
}

extension ShardSums {
  /// A step's sums over one shard.
  func stepSums(ofShard shard: Int) -> UnsafeMutableBufferPointer<Double> {
    self.shard(shard, count: StepSum.count)
  }
}

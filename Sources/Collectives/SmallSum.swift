import Base

/// The sum over all ranks of a small vector of Doubles whose place is fixed, in the order of the
/// ranks' reduction tree: the same bits on every rank, whichever way they travel.
package protocol SmallSum: AnyObject {
  /// Replaces the vector by the sum.
  func callAsFunction() throws
}

/// Every rank gets every rank's vector, and adds them up itself: one step, but as many vectors as
/// there are ranks.
final class GatheredSum: SmallSum {
  private let vector: UnsafeMutableBufferPointer<Double>
  private let gathered: DoubleStorage
  private let gather: any PreparedAllGather
  private let tree: ReductionTree

  init(
    _ vector: UnsafeMutableBufferPointer<Double>, ranks: Int,
    gather: (UnsafeBufferPointer<Double>, UnsafeMutableBufferPointer<Double>) throws ->
      any PreparedAllGather
  ) rethrows {
    self.vector = vector
    gathered = DoubleStorage(count: ranks * vector.count)
    tree = ReductionTree(leaves: ranks)
    self.gather = try gather(UnsafeBufferPointer(vector), gathered.buffer)
  }

  func callAsFunction() throws {
    try gather()
    tree.sum(gathered.pointer, stride: vector.count, count: vector.count)
    vector.baseAddress?.update(from: gathered.pointer, count: vector.count)
  }
}

/// The sum over a job of one rank.
final class SmallSumOfOne: SmallSum {
  func callAsFunction() throws {}
}

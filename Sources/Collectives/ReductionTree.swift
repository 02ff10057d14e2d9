import Base
import Kernels

/// The one order in which partial sums of the shards are added, whoever computed them.
///
/// With `leaves = odd * 2^k` the tree folds over `odd` blocks from the first to the last, and
/// inside a block of 2^k leaves it halves: ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)).
/// Floating-point addition is not associative: that every sum over the batch follows this tree is
/// why the number of ranks and threads never shows in a result.
package struct ReductionTree: Sendable, Equatable {
  package let leaves: Int
  /// Leaves of a block: the largest power of two that divides `leaves`.
  package let blockLeaves: Int

  package init(leaves: Int) {
    precondition(leaves > 0, "a reduction tree of \(leaves) leaves")
    self.leaves = leaves
    blockLeaves = 1 << leaves.trailingZeroBitCount
  }

  /// The numbers of equal neighbouring parts of which each is a whole subtree: 1, and odd * 2^j up
  /// to `leaves`.
  ///
  /// A job may have these numbers of ranks.
  package var partCounts: [Int] {
    var counts = [leaves / blockLeaves]
    while let last = counts.last, last < leaves { counts.append(last * 2) }
    return counts.first == 1 ? counts : [1] + counts
  }

  /// Calls `add(target, source)` for every addition, in an order in which sums are complete before
  /// they are used; the total ends in leaf 0.
  @inline(__always)
  func forEachAddition(_ add: (_ target: Int, _ source: Int) -> Void) {
    var block = 0
    while block < leaves {
      var distance = 1
      while distance < blockLeaves {
        var target = block
        while target < block + blockLeaves {
          add(target, target + distance)
          target += 2 * distance
        }
        distance *= 2
      }
      if block > 0 { add(0, block) }
      block += blockLeaves
    }
  }

  /// Values that stay in the first-level cache while all leaves pass over them.
  private static let sweep = 1024

  /// Replaces vector 0 by the sum of all: vector i lies `stride` values behind vector i - 1.
  ///
  /// Only the values of `range` are summed. The other vectors are left as scratch.
  package func sum(
    _ vectors: UnsafeMutablePointer<Float>, stride: Int, range: Range<Int>
  ) {
    // A tree of up to eight leaves that only halves is summed in registers.
    if leaves == blockLeaves, leaves <= 8 {
      Elementwise.halvingSum(
        vectors + range.lowerBound, vectors: leaves, stride: stride, count: range.count)
      return
    }
    var first = range.lowerBound
    while first < range.upperBound {
      let count = min(Self.sweep, range.upperBound - first)
      forEachAddition { target, source in
        Elementwise.add(
          FloatBuffer(start: vectors + source * stride + first, count: count),
          to: MutableFloatBuffer(start: vectors + target * stride + first, count: count))
      }
      first += count
    }
  }

  /// Adds vectors of `count` Doubles in the tree's order; the first becomes the sum.
  package func sum(_ vectors: UnsafeMutablePointer<Double>, stride: Int, count: Int) {
    forEachAddition { target, source in
      let (target, source) = (vectors + target * stride, vectors + source * stride)
      for index in 0..<count { target[index] += source[index] }
    }
  }
}

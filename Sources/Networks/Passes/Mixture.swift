import Base
import Kernels

/// A group whose samples lie between those of two others: x = w a + (1 - w) b, one weight a sample.
///
/// An affine layer gives y(x) = w y(a) + (1 - w) y(b) there (`LayerTraits.isAffine`), which takes
/// no product: a third of the forward products of a critic's first layer with a gradient penalty.
///
/// The weights are filled before a pass and only read during it, by all threads.
package struct Mixture: @unchecked Sendable {
  /// Groups a and b, the first two of a pass; the third is between them.
  private let ends: Range<Int>
  private let group: Int
  /// A value a sample.
  private let weights: Tensor

  /// - Parameters:
  ///   - ends: Two groups.
  ///   - group: The one between them.
  ///   - weights: Of the first, a value a sample.
  package init(ends: Range<Int>, group: Int, weights: Tensor) {
    precondition(ends.count == 2 && weights.shape.elementCount == 1, "a mixture of \(ends)")
    self.ends = ends
    self.group = group
    self.weights = weights
  }

  /// The pass without the group in between.
  func ends(of pass: Pass) -> Pass {
    precondition(
      pass.groups == ends.lowerBound..<group + 1, "groups \(pass.groups) with a mixture in \(group)"
    )
    return pass.covering(ends)
  }

  /// Fills the group in between from the others.
  func mix(_ values: Tensor, _ pass: Pass, in context: ExecutionContext) {
    context.forEachSample(pass) { _, index, shard in
      let value = { (group: Int) in values.sample(index, group: group, pass, shard: shard) }
      Elementwise.interpolate(
        FloatBuffer(value(ends.lowerBound)), FloatBuffer(value(ends.lowerBound + 1)),
        weight: weights.sample(index, group: 0, pass, shard: shard)[0], into: value(group))
    }
  }
}

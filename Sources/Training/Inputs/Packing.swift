import Base
import Kernels

/// Samples side by side in one input of the critic: the packs of PacGAN (Lin, Khetan, Fanti and Oh
/// 2018, arXiv:1712.04086), with which a critic sees how alike samples of one batch are.
///
/// A pack has the channels of its members one behind the other, pixel by pixel: m samples of
/// c x h x w are one input of (m c) x h x w, m vectors of n values one of m n. Pack i of a batch
/// holds the samples m i ..< m (i + 1), which are all of one shard.
package struct Packing: Sendable, Equatable {
  /// Samples of a pack, m; 1 for none.
  package let members: Int
  /// Of a sample.
  package let sample: Shape

  /// - Parameters:
  ///   - members: Samples of a pack.
  ///   - sample: The shape of a sample.
  package init(_ members: Int, of sample: Shape) {
    precondition(members > 0, "packs of \(members) samples")
    self.members = members
    self.sample = sample
  }

  /// Of a pack.
  package var shape: Shape {
    var shape = sample
    shape.channels *= members
    return shape
  }

  /// Whether a member's values are neighbours in a pack: always those of vectors.
  package var isContiguous: Bool { members == 1 || sample.pixels == 1 }

  private func columns(_ member: Int) -> Range<Int> {
    member * sample.channels..<(member + 1) * sample.channels
  }

  private func elements(_ member: Int) -> Range<Int> {
    member * sample.elementCount..<(member + 1) * sample.elementCount
  }

  /// The values of a member, where they are neighbours.
  package func part(_ member: Int, of pack: MutableFloatBuffer) -> MutableFloatBuffer {
    precondition(isContiguous, "a part of packs of \(sample)")
    return MutableFloatBuffer(rebasing: pack[elements(member)])
  }

  /// Writes a sample into its place in a pack.
  package func place(_ values: FloatBuffer, as member: Int, in pack: MutableFloatBuffer) {
    if isContiguous {
      _ = part(member, of: pack).update(fromContentsOf: values)
    } else {
      Rearrangement.place(values, inColumns: columns(member), of: pack, width: shape.channels)
    }
  }

  /// Overwrites `values` with a member of a pack: the adjoint of `place`.
  package func take(_ member: Int, of pack: FloatBuffer, into values: MutableFloatBuffer) {
    if isContiguous {
      _ = values.update(fromContentsOf: pack[elements(member)])
    } else {
      Rearrangement.take(columns: columns(member), of: pack, width: shape.channels, into: values)
    }
  }
}

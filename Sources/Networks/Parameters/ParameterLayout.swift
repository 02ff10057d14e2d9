import Base
import Collectives
import Synchronization

/// How a parameter lies in memory compared with PyTorch's tensor of the same name.
package enum ParameterLayout: Sendable, Equatable {
  /// PyTorch's own order.
  case same
  /// PyTorch's (outer, inner, pixels), here (outer, pixels, inner): convolution filters (O, I, H,
  /// W) of H W pixels, and transposed ones (I, O, H, W); of lines and volumes likewise.
  case innerLast(outer: Int, inner: Int, pixels: Int)

  /// Writes PyTorch's order of `source` into `target`.
  package func toPyTorch(_ source: FloatBuffer, into target: MutableFloatBuffer) {
    forEachPair(count: source.count) { target[$1] = source[$0] }
  }

  /// Writes our order of `source`, which has PyTorch's, into `target`.
  package func fromPyTorch(_ source: FloatBuffer, into target: MutableFloatBuffer) {
    forEachPair(count: source.count) { target[$0] = source[$1] }
  }

  private func forEachPair(count: Int, _ body: (_ ours: Int, _ theirs: Int) -> Void) {
    switch self {
    case .same: for index in 0..<count { body(index, index) }
    case .innerLast(let outer, let inner, let pixels):
      precondition(
        count == outer * inner * pixels,
        "\(count) values, expected \(outer) x \(inner) x \(pixels)")
      for o in 0..<outer {
        for i in 0..<inner {
          for p in 0..<pixels { body((o * pixels + p) * inner + i, (o * inner + i) * pixels + p) }
        }
      }
    }
  }
}

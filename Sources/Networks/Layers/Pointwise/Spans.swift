import Base
import Kernels

/// An activation for each span of the channels: `tanh` of the first, `softmax` of the next ten.
///
/// The heads of generators of tables, whose columns are numbers and classes: CTGAN (Xu et al. 2019,
/// arXiv:1907.00503, section 4.4), without its Gumbel noise. A softmax is over the channels of a
/// span at each pixel.
///
/// dx = J dy, J t, and the share d<J d, t>/dx span by span (`Activations`, `Softmax`), all from y.
package final class Spans: Layer {
  /// What a span's values go through.
  package enum Function: String, Sendable, CaseIterable {
    case none, tanh, sigmoid, softmax
  }

  /// Some channels with their function.
  package struct Span: Sendable, Equatable {
    package var function: Function
    package var channels: Int

    package init(_ function: Function, channels: Int) {
      self.function = function
      self.channels = channels
    }
  }

  package let kind = "spans"
  package let inputShape: Shape
  package var outputShape: Shape { inputShape }
  package let traits: LayerTraits
  private let spans: [Span]
  private let context: ExecutionContext

  /// Makes the layer; `spans` have as many channels together as the input.
  package init(_ spans: [Span], inputShape: Shape, context: ExecutionContext) {
    precondition(
      spans.reduce(0) { $0 + $1.channels } == inputShape.channels
        && spans.allSatisfy { $0.channels > 0 }, "spans \(spans) of \(inputShape)")
    self.spans = spans
    self.inputShape = inputShape
    self.context = context
    traits = LayerTraits(
      forwardInPlace: true, backwardInPlace: true, needsOutput: true,
      isCurved: spans.contains { $0.function != .none })
  }

  package var options: [LayerOption] {
    [
      LayerOption("functions", .words(spans.map(\.function.rawValue))),
      LayerOption("channels", .integers(spans.map(\.channels))),
    ]
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    forEachSpan(pass, pass.groups, (x, x, x), into: y) { function, x, _, _, y in
      switch function {
      case .none: Self.copy(x, into: y)
      case .tanh: Activations.apply(.tanh, x, into: y)
      case .sigmoid: Activations.apply(.sigmoid, x, into: y)
      case .softmax: Softmax.apply(x, into: y)
      }
    }
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) {
    if let dx { applyJacobian(to: dy, at: y, into: dx, pass, groups: pass.inputGroups) }
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    if let share {
      forEachSpan(pass, pass.groups, (dy, t, y), into: share) { function, d, t, y, share in
        switch function {
        case .none: share.update(repeating: 0)
        case .tanh: Activations.share(.tanh, d, t, at: y, into: share)
        case .sigmoid: Activations.share(.sigmoid, d, t, at: y, into: share)
        case .softmax: Softmax.share(d, t, at: y, into: share)
        }
      }
    }
    if let jt { applyJacobian(to: t, at: y, into: jt, pass, groups: pass.groups) }
  }

  private func applyJacobian(
    to v: Tensor, at y: Tensor, into out: Tensor, _ pass: Pass, groups: Range<Int>
  ) {
    forEachSpan(pass, groups, (v, y, y), into: out) { function, v, y, _, out in
      switch function {
      case .none: Self.copy(v, into: out)
      case .tanh: Activations.gradient(.tanh, v, at: y, into: out)
      case .sigmoid: Activations.gradient(.sigmoid, v, at: y, into: out)
      case .softmax: Softmax.gradient(v, at: y, into: out)
      }
    }
  }

  private static func copy(_ x: FloatBuffer, into y: MutableFloatBuffer) {
    // In place there is nothing to copy.
    if x.baseAddress != UnsafePointer(y.baseAddress) { _ = y.update(fromContentsOf: x) }
  }

  /// Calls `body` for each span of each pixel of this rank's samples.
  ///
  /// - Parameters:
  ///   - pass: The samples.
  ///   - groups: Their groups.
  ///   - inputs: What is read.
  ///   - output: What is written.
  ///   - body: Takes the span's function, its values of the inputs, and their place in the output.
  private func forEachSpan(
    _ pass: Pass, _ groups: Range<Int>, _ inputs: (Tensor, Tensor, Tensor), into output: Tensor,
    _ body: (Function, FloatBuffer, FloatBuffer, FloatBuffer, MutableFloatBuffer) -> Void
  ) {
    context.forEachShard { shard, _ in
      let target = output.values(pass, shard: shard, groups: groups)
      let a = inputs.0.read(pass, shard: shard, groups: groups)
      let b = inputs.1.read(pass, shard: shard, groups: groups)
      let c = inputs.2.read(pass, shard: shard, groups: groups)
      var first = 0
      while first < target.count {
        for span in self.spans {
          let places = first..<first + span.channels
          body(
            span.function, FloatBuffer(rebasing: a[places]), FloatBuffer(rebasing: b[places]),
            FloatBuffer(rebasing: c[places]), MutableFloatBuffer(rebasing: target[places]))
          first = places.upperBound
        }
      }
    }
  }
}

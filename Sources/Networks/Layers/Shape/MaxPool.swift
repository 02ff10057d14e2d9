import Base
import Kernels

/// The largest value of each window, a channel: PyTorch's `MaxPool1d`, `MaxPool2d` and `MaxPool3d`.
///
/// dx has each dy at the place of its maximum, the first of equal ones row by row, and J t has t
/// from there. Piecewise linear: the Jacobian is a selection that does not depend on x but where
/// two values of a window are equal, so it has no share.
package final class MaxPool: Layer {
  package let kind: String
  package let inputShape: Shape
  package let outputShape: Shape
  package let traits = LayerTraits()
  private let windows: ConvolutionGeometry
  private let context: ExecutionContext

  /// Makes the layer for windows of as many output as input channels, on images of `dimensions`
  /// directions.
  package init(_ windows: ConvolutionGeometry, dimensions: Int, context: ExecutionContext) {
    kind = "maxPool\(dimensions)d"
    self.windows = windows
    self.context = context
    inputShape = windows.inputShape(dimensions)
    outputShape = windows.outputShape(dimensions)
  }

  package var options: [LayerOption] { LayerOption.windows(windows, inputShape.dimensions) }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    context.forEachShard { shard, _ in
      Pooling.maximum(
        self.windows, images: pass.groups.count * pass.samples(inShard: shard),
        x.read(pass, shard: shard), into: y.values(pass, shard: shard))
    }
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) {
    guard let dx else { return }
    let groups = pass.inputGroups
    context.forEachShard { shard, _ in
      Pooling.maximumGradient(
        self.windows, images: groups.count * pass.samples(inShard: shard),
        dy.read(pass, shard: shard, groups: groups),
        input: x.read(pass, shard: shard, groups: groups),
        into: dx.values(pass, shard: shard, groups: groups))
    }
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    guard let jt else { return }
    context.forEachShard { shard, _ in
      Pooling.maximumDirection(
        self.windows, images: pass.groups.count * pass.samples(inShard: shard),
        t.read(pass, shard: shard), input: x.read(pass, shard: shard),
        into: jt.values(pass, shard: shard))
    }
  }
}

import Base
import Kernels

/// The mean of each window, a channel: PyTorch's `AvgPool1d`, `AvgPool2d` and `AvgPool3d`.
///
/// Windows may overlap and reach into the padding; `MeanPool` is the one whose blocks do neither.
package struct AveragePool: FixedLinearMap {
  package let kind: String
  package let inputShape: Shape
  package let outputShape: Shape
  private let windows: ConvolutionGeometry
  private let countsPadding: Bool

  /// Makes a map for windows of as many output as input channels, on images of `dimensions`
  /// directions.
  ///
  /// `countsPadding` tells whether a mean is over the window's size, or over its pixels inside the
  /// image (TensorFlow's).
  package init(_ windows: ConvolutionGeometry, dimensions: Int, countsPadding: Bool) {
    kind = "avgPool\(dimensions)d"
    self.windows = windows
    self.countsPadding = countsPadding
    inputShape = windows.inputShape(dimensions)
    outputShape = windows.outputShape(dimensions)
  }

  package var options: [LayerOption] {
    LayerOption.windows(windows, inputShape.dimensions) + [
      .init("countIncludePad", countsPadding, default: true)
    ]
  }

  package func apply(_ x: FloatBuffer, samples: Int, into y: MutableFloatBuffer) {
    Pooling.mean(windows, images: samples, x, countsPadding: countsPadding, into: y)
  }

  package func applyAdjoint(_ dy: FloatBuffer, samples: Int, into dx: MutableFloatBuffer) {
    Pooling.meanGradient(windows, images: samples, dy, countsPadding: countsPadding, into: dx)
  }
}

import Base
import Kernels

/// The top left pixels: `x[..., :height, :width]`, of a volume `x[..., :depth, :height, :width]`.
package struct Crop: FixedLinearMap {
  package let kind = "crop"
  package let inputShape: Shape
  package let outputShape: Shape

  /// Makes a map to `size` pixels, each number at most the input's.
  package init(inputShape: Shape, size: Extents) {
    self.inputShape = inputShape
    outputShape = Shape(
      channels: inputShape.channels, depth: size.depth, height: size.height, width: size.width,
      dimensions: inputShape.dimensions)
  }

  package var options: [LayerOption] {
    let depth = LayerOption("depth", outputShape.depth, default: inputShape.depth)
    let sizes = [
      depth, LayerOption("height", outputShape.height), LayerOption("width", outputShape.width),
    ]
    return sizes.suffix(inputShape.dimensions)
  }

  package func apply(_ x: FloatBuffer, samples: Int, into y: MutableFloatBuffer) {
    forEachPlanes(samples) { large, small, planes in
      Rearrangement.crop(
        FloatBuffer(rebasing: x[large]), large: Self.rows(inputShape),
        small: Self.rows(outputShape),
        images: planes, into: MutableFloatBuffer(rebasing: y[small]))
    }
  }

  package func applyAdjoint(_ dy: FloatBuffer, samples: Int, into dx: MutableFloatBuffer) {
    if inputShape.depth > outputShape.depth { dx.update(repeating: 0) }
    forEachPlanes(samples) { large, small, planes in
      Rearrangement.pad(
        FloatBuffer(rebasing: dy[small]), large: Self.rows(inputShape),
        small: Self.rows(outputShape), images: planes,
        into: MutableFloatBuffer(rebasing: dx[large]))
    }
  }

  /// Calls `body` for planes that lie one behind the other, in the input and in the output, with
  /// the places of their values: those of a sample, or of all where no plane is left out.
  private func forEachPlanes(
    _ samples: Int, _ body: (_ large: Range<Int>, _ small: Range<Int>, _ planes: Int) -> Void
  ) {
    let planes = outputShape.depth
    let isWhole = inputShape.depth == planes
    let large = inputShape.elementCount / inputShape.depth
    let small = outputShape.elementCount / planes
    for sample in 0..<(isWhole ? 1 : samples) {
      let count = isWhole ? samples * planes : planes
      let first = (sample * inputShape.elementCount, sample * outputShape.elementCount)
      body(
        first.0..<first.0 + count * large, first.1..<first.1 + count * small, count)
    }
  }

  private static func rows(_ shape: Shape) -> (rows: Int, count: Int) {
    (shape.height, shape.width * shape.channels)
  }
}

import Base

/// A convolution of stride 1 with few output channels, computed as the one that runs the other way.
///
/// The patch matrix of a layer from 128 channels to 3 holds every input nine times (3x3), and its
/// product fills three columns of a panel of 16. But y is also the input gradient of a convolution
/// from y's channels to x's, with the filter rotated by half a turn and its channels exchanged:
///
///     w'[c, r, s, k] = w[k, R - 1 - r, S - 1 - s, c],  padding' = kernel - 1 - padding
///
/// whose product has R S K columns (27 of 32) and nothing to gather; dx is its forward pass and dw,
/// rotated, its filter gradient, both with the patches of dy, which are few.
struct MirroredConvolution: Sendable {
  let geometry: ConvolutionGeometry
  /// The convolution from y to x.
  let mirror: ConvolutionGeometry

  /// - Returns: nil where the stride or the padding has no mirror image.
  init?(_ geometry: ConvolutionGeometry) {
    guard let depth = geometry.depth.mirror, let rows = geometry.rows.mirror,
      let columns = geometry.columns.mirror
    else { return nil }
    self.geometry = geometry
    mirror = ConvolutionGeometry(
      depth: depth, rows: rows, columns: columns, inputChannels: geometry.outputChannels,
      outputChannels: geometry.inputChannels)
  }

  /// Whether its products have at most half the multiplications, padding to panels included.
  var saves: Bool {
    2 * mirror.outputPixels * mirror.outputChannels * Panels.panels(mirror.patchCount)
      <= geometry.outputPixels * geometry.patchCount * Panels.panels(geometry.outputChannels)
  }

  /// Scratch values: a filter, and what `Convolution` needs behind it.
  var scratchCount: Int { geometry.filterCount + Convolution.scratchCount(mirror) }

  /// The rotated filter in panels.
  func packFilter(
    _ w: FloatBuffer, into packed: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    let rotated = MutableFloatBuffer(rebasing: scratch[..<geometry.filterCount])
    forEachValue { rotated[$1] = w[$0] }
    Convolution.packFilter(
      mirror, FloatBuffer(rotated), into: packed, channels: 0..<mirror.outputChannels)
  }

  /// y = conv(x, w) + bias, from the packed filter; overwrites y.
  func forward(
    images: Int, input x: FloatBuffer, packedFilter: FloatBuffer, bias: FloatBuffer?,
    output y: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    Convolution.inputGradient(
      mirror, images: images, outputGradient: x, packedFilter: packedFilter, inputGradient: y,
      scratch: scratch)
    if let bias {
      Elementwise.addToRows(
        bias, of: MutableFloatBuffer(rebasing: y[..<(images * geometry.outputCount)]))
    }
  }

  /// dx = the gradient of <dy, conv(x, w)> with respect to x, from the transposed filter;
  /// overwrites dx.
  func inputGradient(
    images: Int, outputGradient dy: FloatBuffer, transposedFilter: FloatBuffer,
    inputGradient dx: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    Convolution.forward(
      mirror, images: images, input: dy, transposedFilter: transposedFilter, bias: nil,
      output: dx, scratch: scratch)
  }

  /// dw = the gradient of <dy, conv(x, w)> with respect to w, or dw += it where `accumulates`.
  func filterGradient(
    images: Int, input x: FloatBuffer, outputGradient dy: FloatBuffer, accumulates: Bool,
    filterGradient dw: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    let rotated = MutableFloatBuffer(rebasing: scratch[..<geometry.filterCount])
    Convolution.filterGradient(
      mirror, images: images, input: dy, outputGradient: x, accumulates: false,
      filterGradient: rotated,
      scratch: MutableFloatBuffer(rebasing: scratch[geometry.filterCount...]))
    forEachValue { dw[$0] = accumulates ? dw[$0] + rotated[$1] : rotated[$1] }
  }

  /// Calls `body` with the place of each value in w and in w'.
  @inline(__always)
  private func forEachValue(_ body: (_ own: Int, _ rotated: Int) -> Void) {
    let g = geometry
    let taps = g.kernelPixels
    for k in 0..<g.outputChannels {
      for tap in 0..<taps {
        for c in 0..<g.inputChannels {
          body(
            (k * taps + tap) * g.inputChannels + c,
            (c * taps + taps - 1 - tap) * g.outputChannels + k)
        }
      }
    }
  }
}

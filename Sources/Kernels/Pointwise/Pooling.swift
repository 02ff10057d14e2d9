import Base

/// Maxima and means over windows of pixels, and what their backward passes need.
///
/// Windows are those of a convolution's geometry with as many outputs as inputs: kernel, stride and
/// padding as there; images are channels last. What lies in the padding takes no part, but a mean
/// may count it. Outputs are overwritten and may not be inputs.
package enum Pooling {
  /// The pixels of a window that are inside the image.
  private struct Window {
    /// The first of them, counted over all images.
    var first: Int
    var planes: Int
    var rows: Int
    var columns: Int
    /// Pixels of a row of the image, and of a plane.
    var rowStride: Int
    var planeStride: Int

    var count: Int { planes * rows * columns }

    @inline(__always)
    func forEachPixel(_ body: (_ pixel: Int) -> Void) {
      for plane in 0..<planes {
        let corner = first + plane * planeStride
        for row in 0..<rows {
          let start = corner + row * rowStride
          for pixel in start..<start + columns { body(pixel) }
        }
      }
    }
  }

  /// Whether every window has a pixel of the image.
  package static func hasNoEmptyWindow(_ g: ConvolutionGeometry) -> Bool {
    [g.depth, g.rows, g.columns].allSatisfy {
      $0.before < $0.kernel && ($0.output - 1) * $0.stride - $0.before < $0.input
    }
  }

  /// Calls `body` with every window of all images and the number of its output pixel.
  @inline(__always)
  private static func forEachWindow(
    _ g: ConvolutionGeometry, images: Int, _ body: (_ output: Int, _ window: Window) -> Void
  ) {
    var output = 0
    for image in 0..<images {
      for slice in 0..<g.outputDepth {
        let planes = inside(g.depth, slice)
        let plane = image * g.inputDepth + planes.lowerBound
        for row in 0..<g.outputHeight {
          let rows = inside(g.rows, row)
          let line = plane * g.inputHeight + rows.lowerBound
          for column in 0..<g.outputWidth {
            let columns = inside(g.columns, column)
            body(
              output,
              Window(
                first: line * g.inputWidth + columns.lowerBound, planes: planes.count,
                rows: rows.count, columns: columns.count, rowStride: g.inputWidth,
                planeStride: g.inputHeight * g.inputWidth))
            output += 1
          }
        }
      }
    }
  }

  /// What of an output's window is not padding, in one direction.
  @inline(__always)
  private static func inside(_ axis: ConvolutionAxis, _ output: Int) -> Range<Int> {
    let first = output * axis.stride - axis.before
    return max(0, first)..<min(axis.input, first + axis.kernel)
  }

  private static func check(
    _ g: ConvolutionGeometry, images: Int, input: Int, output: Int, _ what: String
  ) {
    precondition(
      g.inputChannels == g.outputChannels && hasNoEmptyWindow(g)
        && input == images * g.inputCount && output == images * g.outputCount,
      "\(what) of \(images) images: \(input) and \(output) values for \(g)")
  }

  // MARK: - Maxima

  /// y = the largest x of each window, a channel; NaN where there is one, as in PyTorch.
  package static func maximum(
    _ g: ConvolutionGeometry, images: Int, _ x: FloatBuffer, into y: MutableFloatBuffer
  ) {
    check(g, images: images, input: x.count, output: y.count, "maximum")
    guard let x = x.baseAddress, let y = y.baseAddress else { return }
    let channels = g.inputChannels
    forEachWindow(g, images: images) { output, window in
      let target = y + output * channels
      var channel = 0
      while channel + 8 <= channels {
        var best: SIMD8<Float> = x.lanes(window.first * channels + channel)
        window.forEachPixel { pixel in
          let value: SIMD8<Float> = x.lanes(pixel * channels + channel)
          best.replace(with: value, where: (value .> best) .| (value .!= value))
        }
        target.setLanes(channel, best)
        channel += 8
      }
      while channel < channels {
        var best = x[window.first * channels + channel]
        window.forEachPixel { pixel in
          let value = x[pixel * channels + channel]
          if value > best || value.isNaN { best = value }
        }
        target[channel] = best
        channel += 1
      }
    }
  }

  /// Calls `body` with the place of every output value, and that of the input that it is: the first
  /// of the largest in a window, row by row, as in PyTorch.
  @inline(__always)
  private static func forEachMaximum(
    _ g: ConvolutionGeometry, images: Int, _ x: UnsafePointer<Float>,
    _ body: (_ output: Int, _ input: Int) -> Void
  ) {
    let channels = g.inputChannels
    forEachWindow(g, images: images) { output, window in
      let base = output * channels
      var channel = 0
      while channel + 8 <= channels {
        var best: SIMD8<Float> = x.lanes(window.first * channels + channel)
        // Offsets from the window's first pixel: they fit in 32 bits.
        var places = SIMD8<Int32>.zero
        window.forEachPixel { pixel in
          let value: SIMD8<Float> = x.lanes(pixel * channels + channel)
          let isLarger = (value .> best) .| (value .!= value)
          best.replace(with: value, where: isLarger)
          places.replace(with: Int32(truncatingIfNeeded: pixel - window.first), where: isLarger)
        }
        for lane in 0..<8 {
          let pixel = window.first + Int(places[lane])
          body(base + channel + lane, pixel * channels + channel + lane)
        }
        channel += 8
      }
      while channel < channels {
        var place = window.first * channels + channel
        window.forEachPixel { pixel in
          let value = x[pixel * channels + channel]
          if value > x[place] || value.isNaN { place = pixel * channels + channel }
        }
        body(base + channel, place)
        channel += 1
      }
    }
  }

  /// dx = the gradient of <dy, `maximum`(x)>: every dy at the place of its maximum, added up.
  package static func maximumGradient(
    _ g: ConvolutionGeometry, images: Int, _ dy: FloatBuffer, input x: FloatBuffer,
    into dx: MutableFloatBuffer
  ) {
    check(g, images: images, input: x.count, output: dy.count, "maximumGradient")
    precondition(dx.count == x.count, "\(dx.count) values for a gradient of \(x.count)")
    dx.update(repeating: 0)
    guard let x = x.baseAddress, let dy = dy.baseAddress, let dx = dx.baseAddress else { return }
    forEachMaximum(g, images: images, x) { dx[$1] += dy[$0] }
  }

  /// jt = t at the places of x's maxima: the derivative of `maximum` along t.
  package static func maximumDirection(
    _ g: ConvolutionGeometry, images: Int, _ t: FloatBuffer, input x: FloatBuffer,
    into jt: MutableFloatBuffer
  ) {
    check(g, images: images, input: x.count, output: jt.count, "maximumDirection")
    precondition(t.count == x.count, "\(t.count) values for a direction of \(x.count)")
    guard let x = x.baseAddress, let t = t.baseAddress, let jt = jt.baseAddress else { return }
    forEachMaximum(g, images: images, x) { jt[$0] = t[$1] }
  }

  // MARK: - Means

  /// y = the mean of x over each window, a channel, summed in Double.
  ///
  /// - Parameters:
  ///   - g: The windows.
  ///   - images: Number of images.
  ///   - x: The images.
  ///   - countsPadding: Whether the divisor is the window's size wherever it lies (PyTorch's
  ///     `count_include_pad`), or the number of its pixels in the image.
  ///   - y: Gets the means.
  package static func mean(
    _ g: ConvolutionGeometry, images: Int, _ x: FloatBuffer, countsPadding: Bool,
    into y: MutableFloatBuffer
  ) {
    check(g, images: images, input: x.count, output: y.count, "mean")
    guard let x = x.baseAddress, let y = y.baseAddress else { return }
    let channels = g.inputChannels
    forEachWindow(g, images: images) { output, window in
      let target = y + output * channels
      let scale = 1 / Double(divisor(window, g, countsPadding))
      var channel = 0
      while channel + 8 <= channels {
        var sum = SIMD8<Double>.zero
        window.forEachPixel { pixel in
          let value: SIMD8<Float> = x.lanes(pixel * channels + channel)
          sum += SIMD8<Double>(value)
        }
        target.setLanes(channel, SIMD8<Float>(sum * scale))
        channel += 8
      }
      while channel < channels {
        var sum = 0.0
        window.forEachPixel { sum += Double(x[$0 * channels + channel]) }
        target[channel] = Float(sum * scale)
        channel += 1
      }
    }
  }

  /// dx = the adjoint of `mean`: every dy over the pixels of its window, added up.
  package static func meanGradient(
    _ g: ConvolutionGeometry, images: Int, _ dy: FloatBuffer, countsPadding: Bool,
    into dx: MutableFloatBuffer
  ) {
    check(g, images: images, input: dx.count, output: dy.count, "meanGradient")
    dx.update(repeating: 0)
    guard let dy = dy.baseAddress, let dx = dx.baseAddress else { return }
    let channels = g.inputChannels
    forEachWindow(g, images: images) { output, window in
      let source = dy + output * channels
      let scale = Float(1 / Double(divisor(window, g, countsPadding)))
      window.forEachPixel { pixel in
        let target = dx + pixel * channels
        var channel = 0
        while channel + 8 <= channels {
          let sum: SIMD8<Float> = target.lanes(channel)
          target.setLanes(channel, sum + source.lanes(channel) * scale)
          channel += 8
        }
        while channel < channels {
          target[channel] += source[channel] * scale
          channel += 1
        }
      }
    }
  }

  @inline(__always)
  private static func divisor(
    _ window: Window, _ g: ConvolutionGeometry, _ countsPadding: Bool
  ) -> Int {
    countsPadding ? g.kernelPixels : window.count
  }
}

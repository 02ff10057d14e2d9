import Base

/// How the products of a convolution may be computed.
package enum ConvolutionAlgorithm: String, CaseIterable, Sendable {
  /// By shape: see `ConvolutionPlan`.
  case auto
  /// The patch matrix and a matrix product (`Convolution`): any shape, the smallest errors.
  case im2col
  /// Winograd's minimal filtering or its transpose (`Winograd`): kernels of up to three taps a
  /// phase.
  case winograd
}

/// The filter of a convolution as its products take it.
package struct ConvolutionFilter {
  /// What `ConvolutionPlan.transform` makes: `ConvolutionPlan.transformedCount` values.
  package var transformed: FloatBuffer
  /// What `ConvolutionPlan.transpose` makes: `ConvolutionPlan.transposedCount` values or more.
  ///
  /// Only `forward` reads it, or only `inputGradient`: see `ConvolutionPlan.readsTransposed`.
  package var transposed: FloatBuffer

  package init(transformed: FloatBuffer, transposed: FloatBuffer) {
    self.transformed = transformed
    self.transposed = transposed
  }
}

/// A convolution's geometry with the algorithm of each of its products, chosen once.
///
/// The choice is a rule over the shape, not a measurement, so that a run computes the same bits
/// everywhere. Costs are estimated in multiplications an image, for calls of 16 images:
///
/// - im2col: those of the direct sum. Few output channels are computed the other way round
///   (`MirroredConvolution`) where that halves them.
/// - Winograd: 0.8 of its own (the panels' products run faster than those of patches), 10 for
///   every value that is transformed, and for every value of the transformed filter 3/16 where it
///   is read, 8/16 where it is made, in the filter gradient.
///
/// Tiles are 4 x 4, 2 x 2, or 6 x 6 in large images, or all of up to 4 x 4 outputs are one product
/// of polynomials, whichever costs less (small tiles where the filter is large compared with the
/// image). Winograd is taken where it saves 15 %, for the filter gradient 20 %, and where both
/// sides have 32 channels: below, its panels of 16 and its tables cost what the products save. Not
/// for kernels of one row or column (1 x 3): their filter would grow eight times; nor for volumes.
package struct ConvolutionPlan: Sendable {
  package let geometry: ConvolutionGeometry
  /// What was asked for; `description` tells what it became.
  package let algorithm: ConvolutionAlgorithm
  /// The scheme of `forward` and `inputGradient`, nil for im2col.
  let winograd: Winograd?
  /// Whether it computes the filter gradient too.
  package let transformsGradient: Bool
  /// What computes all products in place of im2col.
  private let mirrored: MirroredConvolution?

  /// The fewest channels on both sides for which `auto` takes Winograd.
  private static let fewestChannels = 32
  /// The fewest 6 x 6 tiles of an image: with fewer, their larger filter is read more often than it
  /// saves, and they have five times the error.
  private static let fewestLargeTiles = 36

  /// - Returns: nil where the algorithm is asked for but cannot compute the geometry.
  package init?(_ geometry: ConvolutionGeometry, algorithm: ConvolutionAlgorithm = .auto) {
    self.geometry = geometry
    self.algorithm = algorithm
    let forms: [WinogradForm] =
      [4, 2, 6].map { .filtering(largestTile: $0) } + [.multiplication]
    let schemes = forms.compactMap { Winograd(geometry, form: $0) }
      .filter { $0.form != .filtering(largestTile: 6) || $0.tiles >= Self.fewestLargeTiles }
    let best = schemes.min { Self.cost($0, filter: 3) < Self.cost($1, filter: 3) }
    let direct = Double(geometry.operations) / 2
    switch algorithm {
    case .im2col:
      winograd = nil
      transformsGradient = false
      mirrored = nil
    case .winograd:
      guard let best else { return nil }
      winograd = best
      transformsGradient = true
      mirrored = nil
    case .auto:
      guard let best, geometry.kernelHeight == geometry.kernelWidth,
        min(geometry.inputChannels, geometry.outputChannels) >= Self.fewestChannels,
        Self.cost(best, filter: 3) < 0.85 * direct
      else {
        winograd = nil
        transformsGradient = false
        mirrored = MirroredConvolution(geometry).flatMap { $0.saves ? $0 : nil }
        return
      }
      winograd = best
      transformsGradient = Self.cost(best, filter: 8) < 0.8 * direct
      mirrored = nil
    }
  }

  /// Products with a matrix of outputs x inputs, by im2col, which for one pixel is the product
  /// itself.
  package init(matrix geometry: ConvolutionGeometry) {
    self.geometry = geometry
    algorithm = .im2col
    winograd = nil
    transformsGradient = false
    mirrored = nil
  }

  /// A kernel of one pixel that goes over all of an image's.
  ///
  /// - Parameters:
  ///   - pixels: Of the image.
  ///   - inputs: Channels before.
  ///   - outputs: Channels behind.
  package init(pointwise pixels: Extents, inputs: Int, outputs: Int) {
    self.init(
      matrix: ConvolutionGeometry(
        depth: .pointwise(pixels.depth), rows: .pointwise(pixels.height),
        columns: .pointwise(pixels.width), inputChannels: inputs, outputChannels: outputs))
  }

  /// - Parameters:
  ///   - scheme: Tiles and points that are compared with others.
  ///   - filter: Multiplications for each value of the transformed filter, for 16 images.
  /// - Returns: The estimated time of an image, in multiplications.
  private static func cost(_ scheme: Winograd, filter: Double) -> Double {
    0.8 * Double(scheme.multiplications) + 10 * Double(scheme.wholeInputCount + scheme.outputCount)
      + filter / 16 * Double(scheme.transformedFilterCount)
  }

  /// Whether forward pass and input gradient are Winograd's.
  package var usesWinograd: Bool { winograd != nil }

  /// Such as `winograd 4x4, filter gradient im2col`, or `toom-cook 4x4`.
  package var description: String {
    guard let winograd else { return mirrored == nil ? "im2col" : "im2col of the outputs" }
    let name = winograd.form == .multiplication ? "toom-cook" : "winograd"
    let tile = "\(name) \(winograd.rows.tiles[0].size)x\(winograd.columns.tiles[0].size)"
    return transformsGradient ? tile : tile + ", filter gradient im2col"
  }

  /// Values of the transformed filter; with im2col it is packed in panels.
  package var transformedCount: Int {
    winograd?.transformedFilterCount ?? Convolution.packedCount(mirrored?.mirror ?? geometry)
  }

  /// Values of the transposed filter.
  package var transposedCount: Int {
    winograd?.transposedFilterCount ?? Convolution.transposedCount(mirrored?.mirror ?? geometry)
  }

  /// Whether `forward`, or otherwise `inputGradient`, reads the transposed filter.
  package func readsTransposed(forForward: Bool) -> Bool { forForward == (mirrored == nil) }

  /// Scratch values that any of the products needs.
  package var scratchCount: Int {
    guard let winograd else {
      return mirrored?.scratchCount ?? Convolution.scratchCount(geometry)
    }
    return max(
      winograd.scratchCount, transformsGradient ? 0 : Convolution.scratchCount(geometry))
  }

  /// Transforms the output channels `channels` of a filter.
  ///
  /// Threads may share the channels.
  package func transform(
    _ filter: FloatBuffer, into transformed: MutableFloatBuffer, channels: Range<Int>,
    scratch: MutableFloatBuffer
  ) {
    if let winograd {
      winograd.transformFilter(filter, into: transformed, channels: channels, scratch: scratch)
    } else if let mirrored {
      // Few channels: one thread's work.
      guard channels.upperBound == geometry.outputChannels else { return }
      mirrored.packFilter(filter, into: transformed, scratch: scratch)
    } else {
      Convolution.packFilter(geometry, filter, into: transformed, channels: channels)
    }
  }

  /// Transposes the transformed filter: a share of the work for a thread.
  package func transpose(
    _ transformed: FloatBuffer, into transposed: MutableFloatBuffer, part: Int = 0,
    of parts: Int = 1
  ) {
    if let winograd {
      winograd.transposeFilter(transformed, into: transposed, part: part, of: parts)
    } else {
      Convolution.transposeFilter(
        mirrored?.mirror ?? geometry, transformed, into: transposed, part: part, of: parts)
    }
  }

  /// As `Convolution.forward`.
  package func forward(
    images: Int, input x: FloatBuffer, filter: ConvolutionFilter, bias: FloatBuffer?,
    output y: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    if let winograd {
      winograd.forward(
        images: images, input: x, transposedFilter: filter.transposed, bias: bias, output: y,
        scratch: scratch)
    } else if let mirrored {
      mirrored.forward(
        images: images, input: x, packedFilter: filter.transformed, bias: bias, output: y,
        scratch: scratch)
    } else {
      Convolution.forward(
        geometry, images: images, input: x, transposedFilter: filter.transposed, bias: bias,
        output: y, scratch: scratch)
    }
  }

  /// As `Convolution.inputGradient`.
  package func inputGradient(
    images: Int, outputGradient dy: FloatBuffer, filter: ConvolutionFilter,
    inputGradient dx: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    if let winograd {
      winograd.inputGradient(
        images: images, outputGradient: dy, transformedFilter: filter.transformed,
        inputGradient: dx, scratch: scratch)
    } else if let mirrored {
      mirrored.inputGradient(
        images: images, outputGradient: dy, transposedFilter: filter.transposed,
        inputGradient: dx, scratch: scratch)
    } else {
      Convolution.inputGradient(
        geometry, images: images, outputGradient: dy, packedFilter: filter.transformed,
        inputGradient: dx, scratch: scratch)
    }
  }

  /// As `Convolution.filterGradient`.
  package func filterGradient(
    images: Int, input x: FloatBuffer, outputGradient dy: FloatBuffer, accumulates: Bool = true,
    filterGradient dw: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    if let winograd, transformsGradient {
      winograd.filterGradient(
        images: images, input: x, outputGradient: dy, accumulates: accumulates,
        filterGradient: dw, scratch: scratch)
    } else if let mirrored {
      mirrored.filterGradient(
        images: images, input: x, outputGradient: dy, accumulates: accumulates,
        filterGradient: dw, scratch: scratch)
    } else {
      Convolution.filterGradient(
        geometry, images: images, input: x, outputGradient: dy, accumulates: accumulates,
        filterGradient: dw, scratch: scratch)
    }
  }

  /// `filterGradient` and `inputGradient` of the same dy, which Winograd transforms once for both.
  package func gradients(
    images: Int, input x: FloatBuffer, outputGradient dy: FloatBuffer, filter: ConvolutionFilter,
    accumulates: Bool = true, filterGradient dw: MutableFloatBuffer,
    inputGradient dx: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    if let winograd, transformsGradient {
      winograd.filterGradient(
        images: images, input: x, outputGradient: dy, accumulates: accumulates,
        filterGradient: dw, also: .inputGradient(dx, transformedFilter: filter.transformed),
        scratch: scratch)
    } else {
      filterGradient(
        images: images, input: x, outputGradient: dy, accumulates: accumulates,
        filterGradient: dw, scratch: scratch)
      inputGradient(
        images: images, outputGradient: dy, filter: filter, inputGradient: dx, scratch: scratch)
    }
  }

  /// `filterGradient` and `forward`, without a bias, of the same x, which Winograd transforms once
  /// for both.
  package func filterGradientAndForward(
    images: Int, input x: FloatBuffer, outputGradient dy: FloatBuffer, filter: ConvolutionFilter,
    accumulates: Bool = true, filterGradient dw: MutableFloatBuffer, output y: MutableFloatBuffer,
    scratch: MutableFloatBuffer
  ) {
    if let winograd, transformsGradient {
      winograd.filterGradient(
        images: images, input: x, outputGradient: dy, accumulates: accumulates,
        filterGradient: dw, also: .output(y, transposedFilter: filter.transposed),
        scratch: scratch)
    } else {
      filterGradient(
        images: images, input: x, outputGradient: dy, accumulates: accumulates,
        filterGradient: dw, scratch: scratch)
      forward(
        images: images, input: x, filter: filter, bias: nil, output: y, scratch: scratch)
    }
  }
}

import Base
import Configuration
import Kernels

/// Convolutions of lines, pictures and volumes.
extension LayerCatalog {
  static func convolution(_ dimensions: Int) -> Builder {
    { item, site in try convolution(item, site, dimensions: dimensions) }
  }

  static func transposedConvolution(_ dimensions: Int) -> Builder {
    { item, site in try transposedConvolution(item, site, dimensions: dimensions) }
  }

  /// Refuses samples whose pixels lie in more directions than the layer's.
  static func checkDimensions(
    _ item: ConfigurationItem, _ site: Site, _ dimensions: Int
  ) throws {
    let input = site.inputShape
    let fits = (dimensions > 2 || input.depth == 1) && (dimensions > 1 || input.height == 1)
    guard fits else {
      let expected = ["[channels, length]", "[channels, height, width]"][dimensions - 1]
      throw site.misfit(item, "expected samples of \(expected), found \(input)")
    }
  }

  /// The convolution of an entry; `isBasic` for one that has neither bias nor spectral norm, nor
  /// options for them.
  static func convolution(
    _ item: ConfigurationItem, _ site: Site, dimensions: Int, isBasic: Bool = false
  ) throws -> Conv {
    let options = item.options
    let channels = try options.integer("channels", in: sizes)
    let kernel = try Extents(options, "kernel", dimensions: dimensions)
    let stride = try stride(options, dimensions)
    let padding = try Padding(options, dimensions: dimensions)
    let hasBias = try !isBasic && options.boolean("bias", default: true)
    let isSpectral = try !isBasic && options.boolean("spectralNorm", default: false)
    let initialization = try initialization(options, site)
    let algorithm = try algorithm(options)
    try options.finish()
    try checkDimensions(item, site, dimensions)
    let input = site.inputShape
    let around = padding.around(input.extents, kernel: kernel, stride: stride)
    guard
      let geometry = ConvolutionGeometry(
        input, channels: channels, kernel: kernel, stride: stride, padding: around)
    else {
      throw site.misfit(
        item,
        "a \(kernel.text(dimensions)) kernel with padding \(padding.text(dimensions)) does not fit "
          + "its input \(input)")
    }
    return try Conv(
      plan(geometry, algorithm, item, dimensions), dimensions: dimensions, hasBias: hasBias,
      isSpectral: isSpectral, initialization: initialization, context: site.context)
  }

  private static func transposedConvolution(
    _ item: ConfigurationItem, _ site: Site, dimensions: Int
  ) throws -> any Layer {
    let options = item.options
    let channels = try options.integer("channels", in: sizes)
    let kernel = try Extents(options, "kernel", dimensions: dimensions)
    let stride = try stride(options, dimensions)
    let padding = try Padding(options, dimensions: dimensions)
    let extra = try outputPadding(options, dimensions, stride: stride, padding)
    let hasBias = try options.boolean("bias", default: true)
    let isSpectral = try options.boolean("spectralNorm", default: false)
    let initialization = try initialization(options, site)
    let algorithm = try algorithm(options)
    try options.finish()
    try checkDimensions(item, site, dimensions)
    let input = site.inputShape
    let isCovered =
      kernel.depth >= stride.depth && kernel.height >= stride.height && kernel.width >= stride.width
    guard padding != .same || isCovered else {
      throw item.fail(
        "padding same: expected a kernel of at least the stride \(stride.text(dimensions))")
    }
    // SAME: the adjoint of the SAME convolution on an output of stride times the input's size.
    let around = padding.around(
      Extents(
        depth: input.depth * stride.depth, height: input.height * stride.height,
        width: input.width * stride.width), kernel: kernel, stride: stride)
    let size = { (direction: KeyPath<Extents, Int>) in
      (input.extents[keyPath: direction] - 1) * stride[keyPath: direction]
        - around.before[keyPath: direction] - around.after[keyPath: direction]
        + kernel[keyPath: direction] + extra[keyPath: direction]
    }
    let output = Extents(depth: size(\.depth), height: size(\.height), width: size(\.width))
    guard min(output.depth, output.height, output.width) > 0,
      let geometry = ConvolutionGeometry(
        Shape(
          channels: channels, depth: output.depth, height: output.height, width: output.width),
        channels: input.channels, kernel: kernel, stride: stride, padding: around)
    else {
      throw site.misfit(
        item,
        "gives \(output.text(dimensions)) pixels from \(input): "
          + "(size - 1) * stride - padding on both sides + kernel must be at least 1")
    }
    return try ConvTranspose(
      adjointOf: plan(geometry, algorithm, item, dimensions), dimensions: dimensions,
      hasBias: hasBias, isSpectral: isSpectral, initialization: initialization,
      context: site.context)
  }

  /// Pixels behind those that a transposed convolution's kernel reaches; less than a stride.
  private static func outputPadding(
    _ options: ConfigurationReader, _ dimensions: Int, stride: Extents, _ padding: Padding
  ) throws -> Extents {
    let key = "outputPadding"
    let none = Extents(depth: 0, height: 0, width: 0)
    // With SAME padding the output's size is settled: the key is known, but refused.
    guard options.contains(key), padding != .same else {
      if padding != .same { _ = try options.integer(key, default: 0) }
      return none
    }
    let steps = stride.numbers(dimensions)
    guard options.isList(key) else {
      let extra = try options.integer(key, in: 0...max(0, (steps.min() ?? 1) - 1))
      return Extents(Array(repeating: extra, count: dimensions), other: 0)
    }
    let extra = try options.integers(
      key, count: dimensions...dimensions, in: 0...max(0, (steps.max() ?? 1) - 1))
    guard zip(extra, steps).allSatisfy({ $0 < $1 }) else {
      throw options.fail(key, "expected less than the stride \(steps), found \(extra)")
    }
    return Extents(extra, other: 0)
  }

  private static func stride(_ options: ConfigurationReader, _ dimensions: Int) throws -> Extents {
    try Extents(
      options, "stride", dimensions: dimensions, default: Extents(height: 1, width: 1))
  }

  /// How a convolution is computed: by default as its shape suggests.
  private static func algorithm(_ options: ConfigurationReader) throws -> ConvolutionAlgorithm {
    try options.choice("algorithm", default: .auto)
  }

  private static func plan(
    _ geometry: ConvolutionGeometry, _ algorithm: ConvolutionAlgorithm, _ item: ConfigurationItem,
    _ dimensions: Int
  ) throws -> ConvolutionPlan {
    guard let plan = ConvolutionPlan(geometry, algorithm: algorithm) else {
      let taps = WinogradAxis.largestTaps
      let strides = geometry.stride.numbers(dimensions)
      let stride =
        strides.allSatisfy { $0 == strides[0] } ? "\(strides[0])" : "\(strides)"
      throw item.fail(
        "algorithm winograd takes kernels from stride to \(taps) * stride, of pictures and with "
          + "one stride, found a \(geometry.kernel.text(dimensions)) kernel of stride \(stride)")
    }
    return plan
  }
}

import Base
import Configuration
import Kernels

extension LayerCatalog {
  @Sendable static func maxPool2d(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let windows = try windows(item, site)
    try item.options.finish()
    return MaxPool(windows, context: site.context)
  }

  @Sendable static func avgPool2d(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let windows = try windows(item, site)
    let countsPadding = try item.options.boolean("countIncludePad", default: true)
    try item.options.finish()
    return FixedMap(AveragePool(windows, countsPadding: countsPadding), context: site.context)
  }

  /// The windows of a pooling layer, each with a pixel of the image.
  private static func windows(
    _ item: ConfigurationItem, _ site: Site
  ) throws -> ConvolutionGeometry {
    let options = item.options
    let kernel = try KernelSize(options)
    // PyTorch's default, a step of a window's size, is one number only for a square.
    let stride =
      kernel.isSquare
      ? try options.integer("stride", default: kernel.height, in: 1...1024)
      : try options.integer("stride", in: 1...1024)
    let padding = try Padding(options)
    let around = padding.around(
      height: site.inputShape.height, width: site.inputShape.width, kernel: kernel, stride: stride)
    guard
      let windows = ConvolutionGeometry(
        site.inputShape, channels: site.inputShape.channels, kernel: kernel, stride: stride,
        padding: around)
    else {
      throw site.misfit(
        item, "\(kernel) windows with padding \(padding) do not fit its input \(site.inputShape)")
    }
    let isHalf =
      2 * max(around.top, around.bottom) <= kernel.height
      && 2 * max(around.left, around.right) <= kernel.width
    guard padding == .same || isHalf, Pooling.hasNoEmptyWindow(windows) else {
      throw site.misfit(
        item, "padding \(padding) of \(kernel) windows: expected at most half a window")
    }
    return windows
  }
}

extension ConvolutionGeometry {
  /// The geometry of a layer on images of a shape.
  ///
  /// - Returns: nil where the padded image is smaller than the kernel.
  init?(
    _ input: Shape, channels: Int, kernel: KernelSize, stride: Int, padding: Padding.Sides
  ) {
    self.init(
      inputHeight: input.height, inputWidth: input.width, inputChannels: input.channels,
      outputChannels: channels, kernelHeight: kernel.height, kernelWidth: kernel.width,
      stride: stride, paddingTop: padding.top, paddingBottom: padding.bottom,
      paddingLeft: padding.left, paddingRight: padding.right)
  }

  package var inputShape: Shape {
    Shape(channels: inputChannels, height: inputHeight, width: inputWidth)
  }

  package var outputShape: Shape {
    Shape(channels: outputChannels, height: outputHeight, width: outputWidth)
  }
}

import Base
import Configuration
import Kernels

extension LayerCatalog {
  static func maxPool(_ dimensions: Int) -> Builder {
    { item, site in
      let windows = try windows(item, site, dimensions)
      try item.options.finish()
      return MaxPool(windows, dimensions: dimensions, context: site.context)
    }
  }

  static func averagePool(_ dimensions: Int) -> Builder {
    { item, site in
      let windows = try windows(item, site, dimensions)
      let countsPadding = try item.options.boolean("countIncludePad", default: true)
      try item.options.finish()
      return FixedMap(
        AveragePool(windows, dimensions: dimensions, countsPadding: countsPadding),
        context: site.context)
    }
  }

  /// The windows of a pooling layer, each with a pixel of the image.
  private static func windows(
    _ item: ConfigurationItem, _ site: Site, _ dimensions: Int
  ) throws -> ConvolutionGeometry {
    let options = item.options
    let kernel = try Extents(options, "kernel", dimensions: dimensions)
    let stride = try Extents(options, "stride", dimensions: dimensions, default: kernel)
    let padding = try Padding(options, dimensions: dimensions)
    try checkDimensions(item, site, dimensions)
    let around = padding.around(site.inputShape.extents, kernel: kernel, stride: stride)
    let text = "\(kernel.text(dimensions)) windows"
    guard
      let windows = ConvolutionGeometry(
        site.inputShape, channels: site.inputShape.channels, kernel: kernel, stride: stride,
        padding: around)
    else {
      throw site.misfit(
        item,
        "\(text) with padding \(padding.text(dimensions)) do not fit its input \(site.inputShape)")
    }
    let isHalf = [windows.depth, windows.rows, windows.columns].allSatisfy {
      2 * max($0.before, $0.after) <= $0.kernel
    }
    guard padding == .same || isHalf, Pooling.hasNoEmptyWindow(windows) else {
      throw site.misfit(
        item,
        "padding \(padding.text(dimensions)) of \(text): expected at most half a window")
    }
    return windows
  }
}

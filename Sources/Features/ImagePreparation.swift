import Base
import Configuration
import Datasets

/// What is done with an image before a feature network sees it: rounding, resizing, grey to as many
/// channels as the network has, and y = (x / divisor - mean) / deviation, a channel.
package struct ImagePreparation: Sendable, Equatable {
  /// What becomes of values that are no bytes.
  package enum Rounding: String, Sendable, CaseIterable {
    /// They stay.
    case none
    /// The nearest of 0 ... 255, halves to the even one.
    case nearest
    /// The next lower one, as a conversion to `uint8` does.
    case down
  }

  package let channels: Int
  package let size: ImageSize
  /// The value that white comes with: what images' values are scaled to before they are rounded.
  package let white: Float
  package let rounding: Rounding
  package let resize: ImageResizer.Method
  package let divisor: Float
  /// A value a channel.
  package let means: [Float]
  package let deviations: [Float]

  /// Reads the section `input`.
  init(_ reader: ConfigurationReader) throws {
    channels = try reader.integer("channels", default: 3, in: 1...4)
    if reader.isList("size") {
      let sizes = try reader.integers("size", count: 2...2, in: Self.sizes)
      size = ImageSize(height: sizes[0], width: sizes[1])
    } else {
      let pixels = try reader.integer("size", in: Self.sizes)
      size = ImageSize(height: pixels, width: pixels)
    }
    white = Float(try reader.number("white", default: 255, in: 0...1e9, above: 0))
    rounding = try reader.choice("rounding", default: Rounding.none)
    resize = try reader.choice("resize")
    divisor = Float(try reader.number("divisor", default: 1, in: 0...1e9, above: 0))
    means = try Self.channelValues("mean", default: 0, channels, reader)
    deviations = try Self.channelValues("deviation", default: 1, channels, reader, above: 0)
  }

  private static let sizes = 1...4096

  /// One number for all channels, or a list of one each.
  private static func channelValues(
    _ key: String, default usual: Double, _ channels: Int, _ reader: ConfigurationReader,
    above: Double? = nil
  ) throws -> [Float] {
    let limit = 1e9
    let values =
      reader.isList(key)
      ? try reader.numbers(key, count: channels...channels, in: -limit...limit, above: above)
      : [Double](
        repeating: try reader.number(key, default: usual, in: -limit...limit, above: above),
        count: channels)
    return values.map(Float.init)
  }

  /// What the network takes.
  package var shape: Shape { Shape(channels: channels, height: size.height, width: size.width) }

  /// A line about it: `3x299x299 by tensorflow1, rounded nearest, ...`.
  var summary: String {
    func text(_ values: [Float]) -> String {
      Set(values).count == 1 ? "\(values[0])" : "\(values)"
    }
    return "\(shape) by \(resize.rawValue), " + (white == 255 ? "" : "white \(white), ")
      + "rounding \(rounding.rawValue), "
      + "(x / \(divisor) - \(text(means))) / \(text(deviations))"
  }

  /// Memory of the preparation of one image at a time.
  package final class Scratch {
    fileprivate var rounded: [Float] = []
    fileprivate var resized: [Float] = []
    fileprivate let resizer = ImageResizer.Scratch()

    package init() {}
  }

  /// Prepares one image.
  ///
  /// - Parameters:
  ///   - image: Height x width x channels values in 0 ... `white`, channels last, of the resizer's
  ///     input.
  ///   - resizer: From the image's size to the network's.
  ///   - target: Gets `shape.elementCount` values.
  ///   - scratch: May be used again.
  package func apply(
    _ image: FloatBuffer, _ resizer: ImageResizer, into target: MutableFloatBuffer,
    _ scratch: Scratch
  ) {
    let count = size.height * size.width * resizer.input.channels
    if scratch.rounded.count < image.count {
      scratch.rounded = [Float](repeating: 0, count: image.count)
    }
    if scratch.resized.count < count { scratch.resized = [Float](repeating: 0, count: count) }
    for index in image.indices { scratch.rounded[index] = rounded(image[index]) }
    scratch.rounded.withUnsafeBufferPointer { rounded in
      scratch.resized.withUnsafeMutableBufferPointer { resized in
        resizer.resample(
          FloatBuffer(rebasing: rounded[..<image.count]),
          into: MutableFloatBuffer(rebasing: resized[..<count]), scratch.resizer)
        normalize(FloatBuffer(rebasing: resized[..<count]), resizer.input.channels, into: target)
      }
    }
  }

  private func rounded(_ value: Float) -> Float {
    switch rounding {
    case .none: value
    case .nearest: min(max(value.rounded(.toNearestOrEven), 0), 255)
    case .down: min(max(value.rounded(.down), 0), 255)
    }
  }

  private func normalize(
    _ image: FloatBuffer, _ imageChannels: Int, into target: MutableFloatBuffer
  ) {
    var index = 0
    for pixel in 0..<size.height * size.width {
      for channel in 0..<channels {
        let value = image[pixel * imageChannels + (imageChannels == 1 ? 0 : channel)]
        target[index] = (value / divisor - means[channel]) / deviations[channel]
        index += 1
      }
    }
  }
}

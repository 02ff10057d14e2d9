import Base
import Datasets

/// Resizing as the evaluation of one or another program does it, of images with channels last.
///
/// An image of the size asked for stays as it is.
package struct ImageResizer: Sendable {
  package enum Method: String, Sendable, CaseIterable {
    /// Not at all: images must have the size.
    case none
    /// TensorFlow 1's `resize_bilinear` with `align_corners=False`: output pixel i is at input
    /// i * (input / output), the corner, not the middle, of pixels. As torch-fidelity's
    /// `interpolate_bilinear_2d_like_tensorflow1x`.
    case tensorflow1
    /// PyTorch's `interpolate(mode='bilinear', align_corners=False)`: output pixel i is at input
    /// (i + 1/2) * (input / output) - 1/2, no lower than 0. Two pixels an axis also where the image
    /// gets smaller.
    case pytorch
    /// Pillow's `resize` of bytes, as `PillowResampler`; values are rounded to bytes first.
    case pillowBilinear
    case pillowBicubic
    /// Pillow's `resize` of images of Floats, cut to 0 ... 255, as clean-fid does it.
    case pillowBilinearFloat
    case pillowBicubicFloat
  }

  /// Memory of one image at a time.
  package final class Scratch {
    fileprivate var source: [UInt8] = []
    fileprivate var target: [UInt8] = []
    fileprivate var bytes: [UInt8] = []
    fileprivate var floats: [Float] = []

    package init() {}
  }

  private enum Way: Sendable {
    case copy
    case twoPoints(TwoPointResampler)
    case bytes(PillowResampler)
    case floats(PillowResampler)
  }

  package let input: Shape
  package let output: ImageSize
  private let way: Way

  /// - Parameters:
  ///   - method: Whose arithmetic.
  ///   - input: The images.
  ///   - output: The size they get.
  /// - Throws: `Fault` for another size, where the method is none.
  package init(_ method: Method, from input: Shape, to output: ImageSize) throws {
    self.input = input
    self.output = output
    func pillow(_ filter: PillowResampler.Filter) -> PillowResampler {
      PillowResampler(
        from: input, toHeight: output.height, width: output.width, filter: filter)
    }
    if input.height == output.height, input.width == output.width {
      way = .copy
      return
    }
    switch method {
    case .none:
      throw Fault(
        "images of \(input.height)x\(input.width) pixels: expected "
          + "\(output.height)x\(output.width), as input.resize is none")
    case .tensorflow1:
      way = .twoPoints(TwoPointResampler(input, output, hasHalfPixelCentres: false))
    case .pytorch:
      way = .twoPoints(TwoPointResampler(input, output, hasHalfPixelCentres: true))
    case .pillowBilinear: way = .bytes(pillow(.bilinear))
    case .pillowBicubic: way = .bytes(pillow(.bicubic))
    case .pillowBilinearFloat: way = .floats(pillow(.bilinear))
    case .pillowBicubicFloat: way = .floats(pillow(.bicubic))
    }
  }

  /// Overwrites `target` with the image at the new size.
  package func resample(
    _ image: FloatBuffer, into target: MutableFloatBuffer, _ scratch: Scratch
  ) {
    precondition(
      image.count == input.elementCount
        && target.count == output.height * output.width * input.channels,
      "\(image.count) values of \(input) to \(target.count) of \(output)")
    switch way {
    case .copy: _ = target.update(fromContentsOf: image)
    case .twoPoints(let resampler): resampler.resample(image, into: target)
    case .floats(let resampler):
      resampler.resample(image, into: target, scratch: &scratch.floats)
      for index in target.indices { target[index] = min(max(target[index], 0), 255) }
    case .bytes(let resampler):
      scratch.source = image.map {
        UInt8(min(max($0.rounded(.toNearestOrEven), 0), 255))
      }
      if scratch.target.count != target.count {
        scratch.target = [UInt8](repeating: 0, count: target.count)
      }
      scratch.source.withUnsafeBufferPointer { source in
        scratch.target.withUnsafeMutableBufferPointer {
          resampler.resample(source, into: $0, scratch: &scratch.bytes)
        }
      }
      for index in target.indices { target[index] = Float(scratch.target[index]) }
    }
  }
}

/// Bilinear interpolation between the two nearest pixels of each axis, in Float.
private struct TwoPointResampler: Sendable {
  private struct Axis: Sendable {
    /// The two pixels of each output pixel, and the share of the second.
    var low: [Int] = []
    var high: [Int] = []
    var share: [Float] = []

    init(_ input: Int, _ output: Int, hasHalfPixelCentres: Bool) {
      let scale = Float(Double(input) / Double(output))
      for pixel in 0..<output {
        let place =
          hasHalfPixelCentres
          ? max(0, (Float(pixel) + 0.5) * scale - 0.5) : Float(pixel) * scale
        let first = min(Int(place), input - 1)
        low.append(first)
        high.append(min(first + 1, input - 1))
        share.append(place - Float(first))
      }
    }
  }

  private let input: Shape
  private let rows: Axis
  private let columns: Axis

  init(_ input: Shape, _ output: ImageSize, hasHalfPixelCentres: Bool) {
    self.input = input
    rows = Axis(input.height, output.height, hasHalfPixelCentres: hasHalfPixelCentres)
    columns = Axis(input.width, output.width, hasHalfPixelCentres: hasHalfPixelCentres)
  }

  func resample(_ image: FloatBuffer, into target: MutableFloatBuffer) {
    let channels = input.channels
    let rowCount = input.width * channels
    var index = 0
    for row in rows.low.indices {
      let (top, bottom) = (rows.low[row] * rowCount, rows.high[row] * rowCount)
      for column in columns.low.indices {
        let (left, right) = (columns.low[column] * channels, columns.high[column] * channels)
        let share = columns.share[column]
        for channel in 0..<channels {
          let (first, second) = (left + channel, right + channel)
          let upper = image[top + first] + (image[top + second] - image[top + first]) * share
          let lower =
            image[bottom + first] + (image[bottom + second] - image[bottom + first]) * share
          target[index] = upper + (lower - upper) * rows.share[row]
          index += 1
        }
      }
    }
  }
}

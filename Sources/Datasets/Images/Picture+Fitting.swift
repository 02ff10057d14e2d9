import Base
import Pictures

extension Picture {
  /// The picture at `size`, resized as `PillowResampler` does.
  ///
  /// With `crop`, first to the smallest size that covers the target at the picture's own ratio, of
  /// which the middle is taken: torchvision's `Resize(n)` and `CenterCrop(n)` for a square.
  ///
  /// - Parameters:
  ///   - size: The pixels asked for.
  ///   - crop: How a picture of another ratio gets there.
  ///   - path: The picture's file, for messages.
  /// - Returns: The picture in `size`.
  /// - Throws: `Fault` if a long and narrow picture would be too large before the crop.
  package func fitted(
    to size: ImageSize, crop: ImageCrop, path: String = "picture"
  ) throws -> Picture {
    var target = size
    if crop == .center {
      // Multiplied out: which side is the short one must not depend on a rounded ratio.
      if width * size.height >= height * size.width {
        target.width = max(size.width, width * size.height / height)
      } else {
        target.height = max(size.height, height * size.width / width)
      }
    }
    guard target.height * target.width <= Self.maximumPixels else {
      throw Fault(
        "\(path): \(width) x \(height) pixels become \(target.width) x \(target.height) before "
          + "the crop; expected up to \(Self.maximumPixels)")
    }
    let shape = Shape(channels: channels, height: height, width: width)
    let resampler = PillowResampler(from: shape, toHeight: target.height, width: target.width)
    var resized = Picture(
      width: target.width, height: target.height, channels: channels,
      pixels: [UInt8](repeating: 0, count: target.height * target.width * channels))
    var scratch: [UInt8] = []
    pixels.withUnsafeBufferPointer { input in
      resized.pixels.withUnsafeMutableBufferPointer { output in
        resampler.resample(input, into: output, scratch: &scratch)
      }
    }
    return resized.middle(size)
  }

  /// The middle part of `size`; of an odd rest the half goes to the even side, as Python rounds.
  private func middle(_ size: ImageSize) -> Picture {
    guard size.height != height || size.width != width else { return self }
    let offset = { (rest: Int) in Int((Double(rest) / 2).rounded(.toNearestOrEven)) }
    let (top, left) = (offset(height - size.height), offset(width - size.width))
    var middle: [UInt8] = []
    middle.reserveCapacity(size.height * size.width * channels)
    for y in top..<(top + size.height) {
      let first = (y * width + left) * channels
      middle += pixels[first..<(first + size.width * channels)]
    }
    return Picture(width: size.width, height: size.height, channels: channels, pixels: middle)
  }

  /// A picture of 3 channels in grey: luma of ITU-R BT.601 in fixed point, as Pillow's
  /// `convert("L")`.
  package var grey: Picture {
    precondition(channels == 3, "a picture of \(channels) channels; expected 3")
    let luma = [UInt8](unsafeUninitializedCapacity: height * width) { output, initialized in
      for pixel in 0..<(height * width) {
        let (red, green) = (Int(pixels[3 * pixel]), Int(pixels[3 * pixel + 1]))
        let sum = red * 19595 + green * 38470 + Int(pixels[3 * pixel + 2]) * 7471 + 0x8000
        output.initializeElement(at: pixel, to: UInt8(sum >> 16))
      }
      initialized = height * width
    }
    return Picture(width: width, height: height, channels: 1, pixels: luma)
  }
}

/// How a picture of another ratio comes to the size asked for.
package enum ImageCrop: String, Sendable, CaseIterable {
  /// The middle is taken.
  case center
  /// It is stretched.
  case none
}

import CJPEG
import CPNG
import Storage

/// A picture from a file: rows from the top, red, green and blue of a pixel next to each other.
package struct Picture: Equatable, Sendable {
  /// Pixels.
  package var height: Int
  /// Pixels.
  package var width: Int
  /// height x width x channels bytes.
  package var pixels: [UInt8]
  /// 3, or 1 after `grey`.
  package var channels: Int

  /// More pixels than a camera's picture has: a small file can claim any number of them.
  package static let maximumPixels = 1 << 28

  package init(height: Int, width: Int, pixels: [UInt8], channels: Int = 3) {
    precondition(
      pixels.count == height * width * channels || pixels.isEmpty,
      "\(pixels.count) bytes for \(height) x \(width) x \(channels)")
    self.height = height
    self.width = width
    self.pixels = pixels
    self.channels = channels
  }

  /// Reads a PNG or JPEG file; which it is, is told by its first bytes.
  ///
  /// Grey and palette pictures become colour, 16 bits become 8, transparent parts are put on black.
  /// An EXIF orientation is not followed (nor is it by torchvision's `ImageFolder`).
  ///
  /// - Throws: `DatasetError` naming the file if it cannot be read or decoded, whole.
  package static func read(_ path: String) throws -> Picture {
    let bytes: [UInt8]
    do {
      bytes = try FileSystem.readFile(path)
    } catch let error as StorageError {
      throw DatasetError(error.message)
    }
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return try decodePNG(bytes, path: path) }
    if bytes.starts(with: [0xFF, 0xD8]) { return try decodeJPEG(bytes, path: path) }
    throw DatasetError(
      "\(path): neither a PNG nor a JPEG file by its contents; convert or remove it")
  }

  private static func check(width: Int, height: Int, path: String) throws {
    guard width > 0, height > 0, width <= maximumPixels / height else {
      throw DatasetError(
        "\(path): \(width) x \(height) pixels; expected 1 to \(maximumPixels) of them")
    }
  }

  /// By libpng's simplified interface, which does not report errors by `longjmp`.
  private static func decodePNG(_ bytes: [UInt8], path: String) throws -> Picture {
    var header = png_image()
    header.version = png_uint_32(PNG_IMAGE_VERSION)
    // The header points into `bytes` until the second call: both are in one closure.
    return try bytes.withUnsafeBytes { source in
      guard png_image_begin_read_from_memory(&header, source.baseAddress, source.count) != 0 else {
        throw DatasetError("\(path): not a readable PNG file: \(message(of: &header))")
      }
      defer { png_image_free(&header) }
      let (width, height) = (Int(header.width), Int(header.height))
      try check(width: width, height: height, path: path)
      // 16-bit files hold sRGB as 8-bit ones do; libpng would take them for linear light.
      header.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
      header.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
      var pixels = [UInt8](repeating: 0, count: 3 * width * height)
      var black = png_color(red: 0, green: 0, blue: 0)
      guard png_image_finish_read(&header, &black, &pixels, 0, nil) != 0 else {
        throw DatasetError("\(path): not a readable PNG file: \(message(of: &header))")
      }
      return Picture(height: height, width: width, pixels: pixels)
    }
  }

  private static func message(of header: inout png_image) -> String {
    withUnsafeBytes(of: &header.message) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// By libjpeg-turbo's TurboJPEG interface, which returns its errors; the accurate transform and
  /// the smooth upsampling that libjpeg has by default.
  private static func decodeJPEG(_ bytes: [UInt8], path: String) throws -> Picture {
    guard let handle = tjInitDecompress() else { throw DatasetError("\(path): out of memory") }
    defer { tjDestroy(handle) }
    var width: Int32 = 0
    var height: Int32 = 0
    var subsampling: Int32 = 0
    var colours: Int32 = 0
    let size = UInt(bytes.count)
    guard
      tjDecompressHeader3(handle, bytes, size, &width, &height, &subsampling, &colours) == 0
    else { throw unreadable(handle, path) }
    // A file that ends before its frame begins is a table of quantizers to the library.
    guard width > 0, height > 0 else {
      throw DatasetError("\(path): not a readable JPEG file: there is no picture in it")
    }
    try check(width: Int(width), height: Int(height), path: path)
    var pixels = [UInt8](repeating: 0, count: 3 * Int(width) * Int(height))
    let status = tjDecompress2(
      handle, bytes, size, &pixels, width, 0, height, Int32(TJPF_RGB.rawValue), 0)
    // Bytes between segments do no harm, and cameras write them; every other warning is damage.
    if status != 0, !(isWarning(handle) && message(handle).contains("extraneous bytes")) {
      throw unreadable(handle, path)
    }
    return Picture(height: Int(height), width: Int(width), pixels: pixels)
  }

  private static func isWarning(_ handle: tjhandle) -> Bool {
    tjGetErrorCode(handle) == Int32(TJERR_WARNING.rawValue)
  }

  private static func message(_ handle: tjhandle) -> String {
    tjGetErrorStr2(handle).map { String(cString: $0) } ?? "unknown error"
  }

  private static func unreadable(_ handle: tjhandle, _ path: String) -> DatasetError {
    let line = message(handle).split(separator: "\n").joined(separator: " ")
    return DatasetError("\(path): not a readable JPEG file: \(line)")
  }

  // MARK: - Size and colours

  /// The picture at `size`, resized as `BilinearResampler` does.
  ///
  /// With `crop`, first to the smallest size that covers the target at the picture's own ratio, of
  /// which the middle is taken: torchvision's `Resize(n)` and `CenterCrop(n)` for a square.
  ///
  /// - Parameters:
  ///   - size: The pixels asked for.
  ///   - crop: How a picture of another ratio gets there.
  ///   - path: The picture's file, for messages.
  /// - Returns: The picture in `size`.
  /// - Throws: `DatasetError` if a long and narrow picture would be too large before the crop.
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
      throw DatasetError(
        "\(path): \(width) x \(height) pixels become \(target.width) x \(target.height) before "
          + "the crop; expected up to \(Self.maximumPixels)")
    }
    let shape = SampleShape(channels: channels, height: height, width: width)
    let resampler = BilinearResampler(from: shape, toHeight: target.height, width: target.width)
    var resized = Picture(
      height: target.height, width: target.width,
      pixels: [UInt8](repeating: 0, count: target.height * target.width * channels),
      channels: channels)
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
    var result = Picture(height: size.height, width: size.width, pixels: [], channels: channels)
    result.pixels.reserveCapacity(size.height * size.width * channels)
    for y in top..<(top + size.height) {
      let first = (y * width + left) * channels
      result.pixels += pixels[first..<(first + size.width * channels)]
    }
    return result
  }

  /// The picture in grey: luma of ITU-R BT.601 in fixed point, as Pillow's `convert("L")`.
  package var grey: Picture {
    var result = Picture(height: height, width: width, pixels: [], channels: 1)
    result.pixels = [UInt8](unsafeUninitializedCapacity: height * width) { output, initialized in
      for pixel in 0..<(height * width) {
        let (red, green) = (Int(pixels[3 * pixel]), Int(pixels[3 * pixel + 1]))
        let sum = red * 19595 + green * 38470 + Int(pixels[3 * pixel + 2]) * 7471 + 0x8000
        output.initializeElement(at: pixel, to: UInt8(sum >> 16))
      }
      initialized = height * width
    }
    return result
  }
}

/// How a picture of another ratio comes to the size asked for.
package enum ImageCrop: String, Sendable, CaseIterable {
  /// The middle is taken.
  case center
  /// It is stretched.
  case none
}

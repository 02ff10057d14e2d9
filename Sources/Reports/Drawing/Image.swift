import CPNG
import Foundation
import Storage

/// An 8-bit picture in memory: rows from the top, a pixel's channels next to each other.
package struct Image: Equatable, Sendable {
  /// Pixels.
  package let width: Int
  /// Pixels.
  package let height: Int
  /// 1 (grey) or 3 (red, green, blue).
  package let channels: Int
  /// `height * width * channels` values in 0...255.
  package var pixels: [UInt8]

  package init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
    precondition(channels == 1 || channels == 3, "channels is \(channels), 1 or 3 is expected")
    precondition(width > 0 && height > 0, "the picture is \(width) x \(height) pixels")
    precondition(
      pixels.count == width * height * channels,
      "\(pixels.count) values for \(width) x \(height) pixels of \(channels) channels")
    self.width = width
    self.height = height
    self.channels = channels
    self.pixels = pixels
  }

  /// The picture with every pixel shown as `scale` by `scale`.
  package func enlarged(by scale: Int) -> Image {
    precondition(scale >= 1, "the scale is \(scale)")
    guard scale > 1 else { return self }
    var enlarged: [UInt8] = []
    enlarged.reserveCapacity(pixels.count * scale * scale)
    for y in 0..<height {
      var row: [UInt8] = []
      for x in 0..<width {
        let first = (y * width + x) * channels
        for _ in 0..<scale { row += pixels[first..<first + channels] }
      }
      for _ in 0..<scale { enlarged += row }
    }
    return Image(
      width: width * scale, height: height * scale, channels: channels, pixels: enlarged)
  }
}

/// PNG files by libpng's simplified interface.
///
/// The ordinary interface reports errors by `longjmp`, which must not pass Swift frames.
package enum PNG {
  /// Writes a PNG file as a whole: a viewer never sees half a picture.
  ///
  /// - Parameters:
  ///   - image: The picture.
  ///   - path: The file; its folder must be there.
  /// - Throws: `ReportsError` if libpng or the system refuses.
  package static func write(_ image: Image, to path: String) throws {
    let bytes = try encode(image, path: path)
    do {
      try FileSystem.writeAtomically(bytes, to: path)
    } catch let error as StorageError {
      throw ReportsError(error.message)
    }
  }

  /// Reads a PNG file, as grey if it is grey and as RGB otherwise; alpha is put on black.
  ///
  /// - Throws: `ReportsError` if it cannot be read or is no PNG file.
  package static func read(_ path: String) throws -> Image {
    let bytes: [UInt8]
    do {
      bytes = try FileSystem.readFile(path)
    } catch let error as StorageError {
      throw ReportsError(error.message)
    }
    var header = png_image()
    header.version = png_uint_32(PNG_IMAGE_VERSION)
    // The header points into `bytes` until the second call: both are in one closure.
    return try bytes.withUnsafeBytes { source in
      guard png_image_begin_read_from_memory(&header, source.baseAddress, source.count) != 0
      else { throw ReportsError("\(path): not a readable PNG file: \(message(of: &header))") }
      defer { png_image_free(&header) }
      let isColour = header.format & png_uint_32(PNG_FORMAT_FLAG_COLOR) != 0
      header.format = isColour ? png_uint_32(PNG_FORMAT_FLAG_COLOR) : 0
      let (width, height) = (Int(header.width), Int(header.height))
      let channels = isColour ? 3 : 1
      var pixels = [UInt8](repeating: 0, count: width * height * channels)
      var black = png_color(red: 0, green: 0, blue: 0)
      guard png_image_finish_read(&header, &black, &pixels, 0, nil) != 0 else {
        throw ReportsError("\(path): not a readable PNG file: \(message(of: &header))")
      }
      return Image(width: width, height: height, channels: channels, pixels: pixels)
    }
  }

  /// The bytes of the PNG file; `path` is for messages only.
  private static func encode(_ image: Image, path: String) throws -> [UInt8] {
    var header = png_image()
    header.version = png_uint_32(PNG_IMAGE_VERSION)
    header.width = png_uint_32(image.width)
    header.height = png_uint_32(image.height)
    header.format = image.channels == 3 ? png_uint_32(PNG_FORMAT_FLAG_COLOR) : 0
    defer { png_image_free(&header) }
    // Deflate adds some 5 bytes to 16 KiB that it cannot shorten, an IDAT chunk 12 to 8 KiB: a
    // bound by far. Asking libpng for the exact size would compress everything twice.
    let raw = image.height * (image.width * image.channels + 1)
    var size = png_alloc_size_t(raw + raw / 100 + 4096)
    var bytes = [UInt8](repeating: 0, count: Int(size))
    guard png_image_write_to_memory(&header, &bytes, &size, 0, image.pixels, 0, nil) != 0 else {
      throw ReportsError("\(path): cannot make the PNG file: \(message(of: &header))")
    }
    bytes.removeLast(bytes.count - Int(size))
    return bytes
  }

  private static func message(of header: inout png_image) -> String {
    withUnsafeBytes(of: &header.message) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}

import Base
import CPNG
import Storage

/// PNG files by libpng's simplified interface.
///
/// The ordinary interface reports errors by `longjmp`, which must not pass Swift frames.
package enum PNG {
  /// Writes a PNG file as a whole: a viewer never sees half a picture.
  ///
  /// - Parameters:
  ///   - picture: The picture.
  ///   - path: The file; its folder must be there.
  /// - Throws: `Fault` if libpng or the system refuses.
  package static func write(_ picture: Picture, to path: String) throws {
    let bytes = try encode(picture, path: path)
    try FileSystem.writeAtomically(bytes, to: path)
  }

  /// Reads a PNG file, as grey if it is grey and as RGB otherwise; alpha is put on black.
  ///
  /// - Parameter path: The file.
  /// - Returns: The picture.
  /// - Throws: `Fault` if it cannot be read or is no PNG file.
  package static func read(_ path: String) throws -> Picture {
    try decode(Picture.bytes(of: path), path: path)
  }

  /// The picture in the bytes of a PNG file.
  ///
  /// - Parameters:
  ///   - bytes: All of the file.
  ///   - path: For messages.
  ///   - asColour: Whether a grey file becomes a picture of 3 channels too.
  /// - Returns: The picture, alpha put on black, 16 bits as 8.
  /// - Throws: `Fault` if it is no PNG file, damaged or too large.
  static func decode(
    _ bytes: [UInt8], path: String, asColour: Bool = false
  ) throws -> Picture {
    var header = png_image()
    header.version = png_uint_32(PNG_IMAGE_VERSION)
    // The header points into `bytes` until the second call: both are in one closure.
    return try bytes.withUnsafeBytes { source in
      guard png_image_begin_read_from_memory(&header, source.baseAddress, source.count) != 0 else {
        throw Fault("\(path): not a readable PNG file: \(message(of: &header))")
      }
      defer { png_image_free(&header) }
      let (width, height) = (Int(header.width), Int(header.height))
      try Picture.check(
        width: width, height: height, most: mostPixels(in: source), path: path)
      let isColour = asColour || header.format & png_uint_32(PNG_FORMAT_FLAG_COLOR) != 0
      // 16-bit files hold sRGB as 8-bit ones do; libpng would take them for linear light.
      header.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
      header.format = isColour ? png_uint_32(PNG_FORMAT_FLAG_COLOR) : 0
      let channels = isColour ? 3 : 1
      let size = width * height * channels
      var black = png_color(red: 0, green: 0, blue: 0)
      // Memory is taken as rows come: a header may claim more of them than there are.
      let pixels = try [UInt8](unsafeUninitializedCapacity: size) { output, count in
        guard png_image_finish_read(&header, &black, output.baseAddress, 0, nil) != 0 else {
          throw Fault("\(path): not a readable PNG file: \(message(of: &header))")
        }
        count = size
      }
      return Picture(width: width, height: height, channels: channels, pixels: pixels)
    }
  }

  /// Pixels that a file can hold: deflate makes at most 1032 bytes of one.
  private static func mostPixels(in file: UnsafeRawBufferPointer) -> Int {
    // The byte behind width and height: bits of a sample; a pixel has one or more.
    let bits = file.count > 24 ? max(1, Int(file[24])) : 1
    return file.count * 1032 * 8 / bits
  }

  /// The bytes of the PNG file; `path` is for messages only.
  package static func encode(_ picture: Picture, path: String) throws -> [UInt8] {
    var header = png_image()
    header.version = png_uint_32(PNG_IMAGE_VERSION)
    header.width = png_uint_32(picture.width)
    header.height = png_uint_32(picture.height)
    header.format = picture.channels == 3 ? png_uint_32(PNG_FORMAT_FLAG_COLOR) : 0
    defer { png_image_free(&header) }
    // Deflate adds some 5 bytes to 16 KiB that it cannot shorten, an IDAT chunk 12 to 8 KiB: a
    // bound by far. Asking libpng for the exact size would compress everything twice.
    let raw = picture.height * (picture.width * picture.channels + 1)
    var size = png_alloc_size_t(raw + raw / 100 + 4096)
    var bytes = [UInt8](repeating: 0, count: Int(size))
    guard png_image_write_to_memory(&header, &bytes, &size, 0, picture.pixels, 0, nil) != 0 else {
      throw Fault("\(path): cannot make the PNG file: \(message(of: &header))")
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

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
    try FileSystem.writeAtomically(try encode(picture, path: path), to: path)
  }

  /// Reads a PNG file, as grey if it is grey and as RGB otherwise, alpha put on black.
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
    // The header points into the bytes until the second call: both are in one closure.
    return try withoutColourSpace(bytes).withUnsafeBytes { source in
      guard png_image_begin_read_from_memory(&header, source.baseAddress, source.count) != 0 else {
        throw Fault("\(path): not a readable PNG file: \(message(of: &header))")
      }
      defer { png_image_free(&header) }
      let (width, height) = (Int(header.width), Int(header.height))
      try Picture.check(
        width: width, height: height, most: mostPixels(in: source), path: path)
      let isColour = asColour || header.format & png_uint_32(PNG_FORMAT_FLAG_COLOR) != 0
      // Of a palette or of one transparent colour too.
      let hasAlpha = header.format & png_uint_32(PNG_FORMAT_FLAG_ALPHA) != 0
      // 16-bit files hold sRGB as 8-bit ones do; libpng would take them for linear light.
      header.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
      header.format =
        (isColour ? png_uint_32(PNG_FORMAT_FLAG_COLOR) : 0)
        | (hasAlpha ? png_uint_32(PNG_FORMAT_FLAG_ALPHA) : 0)
      let channels = isColour ? 3 : 1
      let stored = width * height * (channels + (hasAlpha ? 1 : 0))
      try MemoryLimit.require(stored, for: path)
      // Memory is taken as rows come: a header may claim more of them than there are.
      let pixels = try [UInt8](unsafeUninitializedCapacity: stored) { output, count in
        guard png_image_finish_read(&header, nil, output.baseAddress, 0, nil) != 0 else {
          throw Fault("\(path): not a readable PNG file: \(message(of: &header))")
        }
        count = width * height * channels
        if hasAlpha { putOnBlack(output, count: width * height, channels: channels) }
      }
      return Picture(width: width, height: height, channels: channels, pixels: pixels)
    }
  }

  /// The size that the bytes of a PNG file say, without unpacking it.
  ///
  /// - Parameters:
  ///   - bytes: All of the file.
  ///   - path: For messages.
  /// - Returns: Pixels.
  /// - Throws: `Fault` if it is no PNG file.
  package static func size(_ bytes: [UInt8], path: String) throws -> (width: Int, height: Int) {
    var header = png_image()
    header.version = png_uint_32(PNG_IMAGE_VERSION)
    return try bytes.withUnsafeBytes { source in
      guard png_image_begin_read_from_memory(&header, source.baseAddress, source.count) != 0 else {
        throw Fault("\(path): not a readable PNG file: \(message(of: &header))")
      }
      defer { png_image_free(&header) }
      return (Int(header.width), Int(header.height))
    }
  }

  /// Takes the last of each pixel's bytes, its opacity, into the others and out: as Pillow pastes a
  /// picture on black, without the linear light that libpng would blend in.
  private static func putOnBlack(
    _ pixels: UnsafeMutableBufferPointer<UInt8>, count: Int, channels: Int
  ) {
    for pixel in 0..<count {
      let first = pixel * (channels + 1)
      let opacity = pixels[first + channels]
      for channel in 0..<channels {
        // Never in front of what is read next.
        pixels[pixel * channels + channel] = Picture.product(pixels[first + channel], opacity)
      }
    }
  }

  /// The chunks that say which light a value stands for.
  private static let colourSpace = Set(
    ["gAMA", "cHRM", "sRGB", "iCCP", "cICP"].map { Array($0.utf8) })

  /// A file without what libpng would change values by: they are taken as they are stored.
  private static func withoutColourSpace(_ file: [UInt8]) -> [UInt8] {
    guard file.count > 8 else { return file }
    var kept = Array(file.prefix(8))
    var place = 8
    // A chunk is its length, its name, its contents and a checksum; pixels come behind these.
    while place + 8 <= file.count {
      let length = file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
      let name = Array(file[place + 4..<place + 8])
      let end = place + length + 12
      guard end <= file.count, name != Array("IDAT".utf8) else { break }
      if !colourSpace.contains(name) { kept += file[place..<end] }
      place = end
    }
    return kept.count == place ? file : kept + file[place...]
  }

  /// Pixels that a file can hold: deflate makes at most 1032 bytes of one.
  private static func mostPixels(in file: UnsafeRawBufferPointer) -> Int {
    // The byte behind width and height: bits of a sample; a pixel has one or more.
    let bits = file.count > 24 ? max(1, Int(file[24])) : 1
    return file.count * 1032 * 8 / bits
  }

  /// The bytes of a picture's PNG file.
  ///
  /// - Parameters:
  ///   - picture: The picture.
  ///   - path: For messages.
  /// - Returns: All of the file.
  /// - Throws: `Fault` if libpng refuses.
  package static func encode(_ picture: Picture, path: String = "PNG") throws -> [UInt8] {
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

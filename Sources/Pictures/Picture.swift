import Base
import Storage

/// An 8-bit picture in memory: rows from the top, a pixel's channels next to each other.
package struct Picture: Equatable, Sendable {
  /// Pixels.
  package let width: Int
  /// Pixels.
  package let height: Int
  /// 1 (grey) or 3 (red, green, blue).
  package let channels: Int
  /// `height * width * channels` values in 0...255.
  package var pixels: [UInt8]

  /// More pixels than a camera's picture has: a small file can claim any number of them.
  package static let maximumPixels = 1 << 28

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

  /// Reads a PNG or JPEG file as colour; which it is, is told by its first bytes.
  ///
  /// Grey and palette pictures become colour, those for print (CMYK) too, 16 bits become 8.
  /// Transparent parts are put on black: a value v of opacity a becomes v a / 255. Values are taken
  /// as they are stored, as Pillow does: neither a file's gamma nor its colour profile is followed.
  /// An EXIF orientation is not followed (nor is it by torchvision's `ImageFolder`).
  ///
  /// - Parameter path: The file.
  /// - Returns: The picture, of 3 channels.
  /// - Throws: `Fault` naming the file if it cannot be read or decoded, whole.
  package static func read(_ path: String) throws -> Picture {
    let bytes = try bytes(of: path)
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
      return try PNG.decode(bytes, path: path, asColour: true)
    }
    if bytes.starts(with: [0xFF, 0xD8]) { return try JPEG.decode(bytes, path: path) }
    if bytes.isEmpty { throw Fault("\(path): is empty; expected a PNG or JPEG file") }
    if let pointer = ForeignFile.pointer(bytes) { throw Fault("\(path): \(pointer)") }
    throw Fault(
      "\(path): neither a PNG nor a JPEG file by its contents", advice: "convert or remove it")
  }

  /// The picture with every pixel shown as `scale` by `scale`.
  package func enlarged(by scale: Int) -> Picture {
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
    return Picture(
      width: width * scale, height: height * scale, channels: channels, pixels: enlarged)
  }

  /// a b / 255, rounded: what Pillow multiplies bytes by.
  static func product(_ a: UInt8, _ b: UInt8) -> UInt8 {
    let product = UInt32(a) * UInt32(b) + 128
    return UInt8(truncatingIfNeeded: ((product >> 8) + product) >> 8)
  }

  static func bytes(of path: String) throws -> [UInt8] {
    try FileSystem.readFile(path)
  }

  /// Refuses what a file's header says before memory is taken for it.
  ///
  /// - Parameters:
  ///   - width: Pixels.
  ///   - height: Pixels.
  ///   - most: Pixels that a file of its size can hold at most.
  ///   - path: For messages.
  /// - Throws: `Fault` for a picture that is empty or larger than its file can hold.
  static func check(width: Int, height: Int, most: Int, path: String) throws {
    guard width > 0, height > 0, width <= maximumPixels / height else {
      throw Fault(
        "\(path): \(width) x \(height) pixels; expected 1 to \(maximumPixels) of them")
    }
    guard width * height <= most else {
      throw Fault(
        "\(path): damaged: its header says \(width) x \(height) pixels, which its bytes cannot hold"
      )
    }
    try MemoryLimit.require(3 * width * height, for: path)
  }
}

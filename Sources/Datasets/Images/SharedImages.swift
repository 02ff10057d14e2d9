import Base
import Foundation
import Storage

/// Images that the processes of a node hold once, in a `SharedFile`.
///
/// The file, of one machine and therefore in its byte order:
///
/// | bytes | what |
/// |---|---|
/// | 8 | `WGDBYTES` |
/// | 8 each | count, channels, height, width, classes, white, bytes of the name |
/// | | the name, for logs |
/// | count, or none without classes | labels |
/// | count height width channels | pixels |
package struct SharedImages: HeldImages, Sendable {
  package let name: String
  package let shape: Shape
  package let count: Int
  package let classCount: Int
  package let white: Int
  package let bytes: (pixels: ReadOnlyBytes, labels: ReadOnlyBytes)

  package typealias Key = SharedFile.Key
  package typealias File = SharedFile

  /// Maps the file that another process, or this one, has made.
  ///
  /// - Parameters:
  ///   - key: Of the file.
  ///   - places: Where it may be.
  /// - Throws: `Fault` where it is not there.
  package init(_ key: Key, places: [String] = SharedFile.places) throws {
    guard let file = SharedFile.map(key, places: places), let images = Self(file) else {
      throw Fault(
        "found no images that process \(key.process) shares in \(places.joined(separator: ", "))")
    }
    self = images
  }

  fileprivate static let magic = Array("WGDBYTES".utf8)
  private static let headerSize = 8 + 7 * 8

  private init?(_ file: MappedFile) {
    let all = file.bytes
    guard all.count >= Self.headerSize, all[..<8].elementsEqual(Self.magic) else { return nil }
    let numbers = (0..<7).map { all.loadUnaligned(fromByteOffset: 8 + 8 * $0, as: Int.self) }
    // No sum below is larger than three files.
    guard (numbers[..<4] + [numbers[6]]).allSatisfy({ 0...all.count ~= $0 }),
      let pixelCount = checkedProduct(numbers[..<4]), 1...all.count ~= pixelCount,
      0...256 ~= numbers[4], 255...256 ~= numbers[5]
    else { return nil }
    count = numbers[0]
    shape = Shape(channels: numbers[1], height: numbers[2], width: numbers[3])
    classCount = numbers[4]
    white = numbers[5]
    let labelsStart = Self.headerSize + numbers[6]
    let pixelsStart = labelsStart + (classCount == 0 ? 0 : count)
    let end = pixelsStart + pixelCount
    guard all.count == end else { return nil }
    name = String(decoding: all[Self.headerSize..<labelsStart], as: UTF8.self)
    bytes = (
      ReadOnlyBytes(file, pixelsStart..<end), ReadOnlyBytes(file, labelsStart..<pixelsStart)
    )
  }
}

// MARK: - Making

extension SharedFile {
  /// Writes images into a file for other processes.
  ///
  /// - Parameters:
  ///   - images: The bytes.
  ///   - key: Of this process.
  ///   - places: Folders, the best first.
  /// - Throws: `Fault` with what is wrong with each place.
  package init(
    _ images: ByteImages, key: Key, places: [String] = SharedFile.places
  ) throws {
    let name = Array(images.name.utf8)
    let numbers = [
      images.count, images.shape.channels, images.shape.height, images.shape.width,
      images.classCount, images.white, name.count,
    ]
    let header =
      SharedImages.magic + numbers.flatMap { withUnsafeBytes(of: $0) { Array($0) } } + name
    let parts = [header, images.labels, images.pixels]
    let bytes = parts.reduce(0) { $0 + $1.count }
    self = try SharedFile.make(key, places: places, bytes: bytes) { writer in
      for part in parts { try part.withUnsafeBytes(writer.write) }
    }.get()
  }
}

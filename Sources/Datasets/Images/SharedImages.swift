import Base
import Foundation
import Storage

/// Images that the processes of a node hold once, in a file that all of them map.
///
/// One process makes the file (`File`), the others find it by its key, and when all have mapped it
/// its name is removed. The memory then goes with the last of them, however that ends. In the short
/// time before, a process that is killed leaves the file behind; the next one to make such a file
/// removes it.
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

  /// How another process finds a file.
  package struct Key: Sendable, Equatable {
    /// Drawn by chance: a file of another job, or of somebody else, is not found by it.
    package var token: UInt64
    /// The process that makes the file.
    package var process: Int32

    package init(token: UInt64, process: Int32) {
      self.token = token
      self.process = process
    }

    /// One of this process; its token is exact as a Double.
    package static func make() -> Key {
      Key(token: .random(in: 1..<1 << 52), process: getpid())
    }
  }

  /// Folders for the file, the first with room is taken: memory that is not of one process, then
  /// the place for temporary files.
  package static var places: [String] {
    [memory, ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"]
  }

  private static let memory = "/dev/shm"

  /// Maps the file that another process, or this one, has made.
  ///
  /// - Parameters:
  ///   - key: Of the file.
  ///   - places: Where it may be.
  /// - Throws: `Fault` where it is not there.
  package init(_ key: Key, places: [String] = Self.places) throws {
    let paths = places.map { Self.path(key, in: $0) }
    guard let file = paths.lazy.compactMap({ MappedFile($0) }).first, let images = Self(file)
    else {
      throw Fault(
        "found no images that process \(key.process) shares in \(places.joined(separator: ", "))")
    }
    self = images
  }

  private static let magic = Array("WGDBYTES".utf8)
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

  // MARK: - Making

  /// A file with a name, for as long as other processes look for it.
  package struct File {
    package let path: String

    /// Writes images into the first of the places that has room for them twice.
    ///
    /// All of the memory is taken by writing: a file that does not fit is an error here, and not a
    /// signal (SIGBUS) where it is read. Half of the room is left because others write there too,
    /// MPI for one, who get that signal.
    ///
    /// - Parameters:
    ///   - images: The bytes.
    ///   - key: Of this process.
    ///   - places: Folders, the best first.
    /// - Throws: `Fault` with what is wrong with each place.
    package init(
      _ images: ByteImages, key: Key, places: [String] = SharedImages.places
    ) throws {
      SharedImages.removeLeftovers()
      var faults: [String] = []
      for place in places {
        do {
          path = try SharedImages.write(images, to: SharedImages.path(key, in: place), in: place)
          return
        } catch let fault as Fault { faults.append(fault.message) }
      }
      throw Fault(faults.joined(separator: "; "))
    }

    /// Takes the name away; who has mapped the file keeps it.
    package func removeName() { unlink(path) }
  }

  private static func path(_ key: Key, in place: String) -> String {
    FileSystem.temporaryPath(
      for: "\(place)/\(prefix)\(String(key.token, radix: 16))", process: key.process)
  }

  /// The user's own files: another's cannot be removed.
  private static var prefix: String { "wgangp-dist-data-\(getuid())-" }

  /// Removes what killed processes have left in memory; elsewhere other machines may see it, whose
  /// processes are not known here.
  private static func removeLeftovers() {
    // It only tidies up: a folder that cannot be listed is no fault of this job.
    try? FileSystem.removeLeftovers(in: memory) { $0.hasPrefix(prefix) }
  }

  private static func write(
    _ images: ByteImages, to path: String, in place: String
  ) throws -> String {
    let name = Array(images.name.utf8)
    let numbers = [
      images.count, images.shape.channels, images.shape.height, images.shape.width,
      images.classCount, images.white, name.count,
    ]
    let header = magic + numbers.flatMap { withUnsafeBytes(of: $0) { Array($0) } } + name
    let parts = [header, images.labels, images.pixels]
    let size = parts.reduce(0) { $0 + $1.count }
    let free = try FileSystem.freeBytes(place)
    guard free / 2 >= size else {
      throw Fault("\(place): found \(free) bytes free, expected \(2 * size)")
    }
    let file = try OutputFile(path: path, mode: .createPrivate)
    do {
      for part in parts { try part.withUnsafeBytes { try file.write($0) } }
      try file.close()
    } catch {
      unlink(path)
      throw error
    }
    return path
  }
}

import Base
import Foundation
import Storage

/// The arrays of a data set, to be read by all threads: mapped from their files where those have
/// the elements as they are, else held in memory, or in a file that the processes of a node map.
///
/// The shared file, of one machine: what is held; the plan in JSON; its length in 8 bytes;
/// `WGDARRAY`.
package struct HeldArrays: Sendable {
  let plan: ArrayPlan
  let held: ReadOnlyBytes?

  private static let magic = Array("WGDARRAY".utf8)

  /// Whether all arrays can be mapped from their files: then nothing is held.
  package static func areMapped(_ settings: ArraySettings) throws -> Bool {
    try settings.reading(limit: nil).isMappable()
  }

  /// Opens the arrays for this process alone.
  ///
  /// What does not fit in memory goes into a file in the settings' cache, or at the place for
  /// temporary files.
  ///
  /// - Parameters:
  ///   - settings: Which.
  ///   - limit: Of the samples, the most that are read.
  /// - Throws: `Fault` where they cannot be read.
  package init(_ settings: ArraySettings, limit: Int?) throws {
    let reading = settings.reading(limit: limit)
    let expected = try reading.expectedBytes()
    if expected > MemoryLimit.smallest, let room = MemoryLimit.room(), room.bytes / 4 * 3 < expected
    {
      let key = SharedFile.Key.make()
      let places = [settings.cache ?? SharedFile.disk]
      let file = try Self.write(reading, expected, key: key, places: places).get()
      defer { file.removeName() }
      guard let arrays = Self(key, in: places) else { throw file.mappingFault() }
      self = arrays
      return
    }
    var bytes: [UInt8] = []
    // Otherwise it doubles, and holds the numbers twice. What is not written is not taken.
    bytes.reserveCapacity(expected)
    plan = try reading.plan { part in
      if bytes.count + part.count > bytes.capacity {
        // The array doubles, and holds the old bytes while it does.
        try MemoryLimit.require(2 * bytes.count, for: settings.paths[0])
      }
      bytes.append(contentsOf: part)
    }
    held = plan.heldBytes > 0 ? ReadOnlyBytes(bytes) : nil
  }

  /// Reads the arrays into a file for the processes of a node.
  ///
  /// - Parameters:
  ///   - settings: Which.
  ///   - limit: Of the samples, the most that are read.
  ///   - key: Of this process.
  ///   - places: Folders, the best first; nil for memory and the settings' cache.
  ///   - memory: What is left to files in memory; nil where that is not known.
  /// - Returns: The file, or what is wrong with each place.
  /// - Throws: `Fault` where the arrays cannot be read.
  package static func makeFile(
    _ settings: ArraySettings, limit: Int?, key: SharedFile.Key,
    places: [String]? = nil, memory: () -> MemoryLimit.Room? = MemoryLimit.roomForFiles
  ) throws -> Result<SharedFile, Fault> {
    let reading = settings.reading(limit: limit)
    return try write(
      reading, try reading.expectedBytes(), key: key,
      places: places ?? SharedFile.places(cache: settings.cache), memory: memory)
  }

  private static func write(
    _ reading: ArrayReading, _ expected: Int, key: SharedFile.Key, places: [String],
    memory: () -> MemoryLimit.Room? = MemoryLimit.roomForFiles
  ) throws -> Result<SharedFile, Fault> {
    try SharedFile.make(key, places: places, bytes: expected, memory: memory) { writer in
      let plan = try reading.plan(writer.write)
      let json = Array(try JSONEncoder().encode(plan))
      try json.withUnsafeBytes(writer.write)
      try withUnsafeBytes(of: json.count.littleEndian, writer.write)
      try magic.withUnsafeBytes(writer.write)
    }
  }

  /// Maps the file that another process, or this one, has made.
  ///
  /// - Parameters:
  ///   - key: Of the file.
  ///   - places: Where it may be.
  /// - Throws: `Fault` where it is not there.
  package init(_ key: SharedFile.Key, places: [String] = SharedFile.places) throws {
    guard let arrays = Self(key, in: places) else {
      throw Fault(
        "found no arrays that process \(key.process) shares in \(places.joined(separator: ", "))")
    }
    self = arrays
  }

  private init?(_ key: SharedFile.Key, in places: [String]) {
    guard let file = SharedFile.map(key, places: places, isRandom: true) else { return nil }
    self.init(file)
  }

  private init?(_ file: MappedFile) {
    let bytes = file.bytes
    let end = bytes.count - 16
    guard end > 0, bytes[(end + 8)...].elementsEqual(Self.magic) else { return nil }
    let length = Int(littleEndian: bytes.loadUnaligned(fromByteOffset: end, as: Int.self))
    guard length > 0, length <= end else { return nil }
    let json = Data(bytes[end - length..<end])
    guard let plan = try? JSONDecoder().decode(ArrayPlan.self, from: json),
      plan.heldBytes == end - length
    else { return nil }
    self.plan = plan
    held = ReadOnlyBytes(file, 0..<plan.heldBytes)
  }

  /// Maps the files that the plan names, each once.
  func rows(_ units: ArrayUnits) throws -> [ArrayRows] {
    var files: [String: ReadOnlyBytes] = [:]
    return try plan.fields.enumerated().map { index, field in
      let count = field.sizes.reduce(1, *)
      return try ArrayRows(field, order: index == 0 ? units.order : Array(0..<count), held: held) {
        path in
        if let bytes = files[path] { return bytes }
        guard let file = MappedFile(path, isRandom: true) else {
          throw MemoryLimit.mappingFault(try FileSystem.fileSize(path), path)
        }
        let bytes = ReadOnlyBytes(file, 0..<file.bytes.count)
        files[path] = bytes
        return bytes
      }
    }
  }
}

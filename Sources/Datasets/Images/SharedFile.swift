import Base
import Foundation
import Storage

/// A file with what the processes of a node hold once: one makes it, the others find it by its key
/// and map it, and when all have mapped it its name is removed.
///
/// The memory then goes with the last of them, however that ends. In the short time before, a
/// process that is killed leaves the file behind; the next one to make such a file removes it.
package struct SharedFile {
  package let path: String

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
  package static var places: [String] { places(cache: nil) }

  /// The same with another folder than that for temporary files; nil for that.
  package static func places(cache: String?) -> [String] { [memory, cache ?? disk] }

  /// The place for temporary files.
  package static var disk: String { ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp" }

  private static let memory = "/dev/shm"

  /// Maps the file that another process, or this one, has made.
  ///
  /// - Parameters:
  ///   - key: Of the file.
  ///   - places: Where it may be.
  ///   - isRandom: As `MappedFile` has it.
  /// - Returns: The file; nil where there is none.
  static func map(_ key: Key, places: [String], isRandom: Bool = false) -> MappedFile? {
    places.lazy.compactMap { MappedFile(path(key, in: $0), isRandom: isRandom) }.first
  }

  /// Why a file that has just been made cannot be mapped.
  func mappingFault() -> Fault {
    MemoryLimit.mappingFault((try? FileSystem.fileSize(path)) ?? 0, path)
  }

  // MARK: - Making

  /// Where bytes go.
  final class Writer {
    private let file: OutputFile
    private let place: String
    private let free: (bytes: Int, of: String)
    /// Bytes written.
    private(set) var count = 0

    /// A new file, for which `memory` tells what is left to files in memory.
    fileprivate init(
      _ path: String, in place: String, memory: () -> MemoryLimit.Room?
    ) throws {
      self.place = place
      do {
        let bytes = try FileSystem.freeBytes(place)
        if Mount(of: place)?.isInMemory == true, let room = memory(), room.bytes < bytes {
          free = (room.bytes, " of \(room.name)")
        } else {
          free = (bytes, "")
        }
        file = try OutputFile(path: path, mode: .createPrivate)
      } catch let fault as Fault { throw NoRoom(message: fault.message) }
    }

    /// Half of the room is left because others write there too, MPI for one, who get a signal where
    /// there is none.
    fileprivate func require(_ bytes: Int) throws {
      guard free.bytes / 2 >= bytes else {
        throw NoRoom(
          message: "\(place): found \(free.bytes) bytes free\(free.of), expected \(2 * bytes)")
      }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
      try require(count + bytes.count)
      do { try file.write(bytes) } catch let fault as Fault {
        throw NoRoom(message: fault.message)
      }
      count += bytes.count
    }

    fileprivate func close() throws {
      do { try file.close() } catch let fault as Fault { throw NoRoom(message: fault.message) }
    }
  }

  /// Why a place does not do.
  private struct NoRoom: Error {
    var message: String
  }

  /// Writes a file into the first of the places that has room for it twice.
  ///
  /// All of the memory is taken by writing: a file that does not fit is an error here, and not a
  /// signal (SIGBUS) where it is read. A file in memory counts where processes do: what the
  /// control group does not leave would be answered by the system's killer.
  ///
  /// - Parameters:
  ///   - key: Of this process.
  ///   - places: Folders, the best first.
  ///   - bytes: What will be written, as far as that is known.
  ///   - memory: What is left to files in memory; nil where that is not known.
  ///   - body: Writes it; once a place.
  /// - Returns: The file, or what is wrong with each place.
  /// - Throws: What `body` throws of its own.
  static func make(
    _ key: Key, places: [String], bytes: Int,
    memory: () -> MemoryLimit.Room? = MemoryLimit.roomForFiles, _ body: (Writer) throws -> Void
  ) throws -> Result<SharedFile, Fault> {
    removeLeftovers()
    var faults: [String] = []
    for place in places {
      let path = path(key, in: place)
      do {
        let writer = try Writer(path, in: place, memory: memory)
        do {
          try writer.require(bytes)
          try body(writer)
          try writer.close()
        } catch {
          unlink(path)
          throw error
        }
        return .success(SharedFile(path: path))
      } catch let error as NoRoom { faults.append(error.message) }
    }
    return .failure(Fault(faults.joined(separator: "; ")))
  }

  /// Takes the name away; who has mapped the file keeps it.
  package func removeName() { unlink(path) }

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
}

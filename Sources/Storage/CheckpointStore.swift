import Base
import Foundation

/// The `checkpoints` folder of a run: complete checkpoints, or none.
///
///     checkpoints/step-00000469/{..., DONE}     latest -> step-00000469
///
/// One writer (rank 0) fills a folder from `makeTemporaryFolder(step:)`, calls
/// `seal(_:files:)`, which writes `DONE` last, and `publish(_:)`, which gives the folder its name.
/// A folder without `DONE` is not a checkpoint, so a job killed at any instant leaves the
/// checkpoints before it whole. `DONE` has a line a file: CRC-32 in hexadecimal, bytes, name.
package struct CheckpointStore: Sendable {
  /// What `publish(_:)` found under the final name.
  package enum Outcome: Equatable, Sendable {
    /// Nothing: the ordinary case.
    case created
    /// An identical checkpoint, from before a resume; it stays and the new copy is removed.
    case alreadyThere
    /// A damaged or unfinished one, which has been replaced.
    case replacedDamaged
    /// A valid one with *different* contents, which has been replaced: the run is not the one that
    /// wrote it (another config or program version), which is worth a warning.
    case replacedDifferent
  }

  /// A checkpoint to resume from, and what was passed over on the way to it.
  package struct Found: Equatable, Sendable {
    /// The newest valid checkpoint's folder, nil if there is none.
    package let path: String?
    /// One line for each newer checkpoint that is damaged, newest first.
    package let notes: [String]

    package init(path: String?, notes: [String]) {
      self.path = path
      self.notes = notes
    }
  }

  /// The folder of the checkpoints.
  package let directory: String
  /// How many checkpoints `prune()` leaves.
  package let keep: Int

  /// - Parameters:
  ///   - directory: The folder; made by `makeTemporaryFolder(step:)`.
  ///   - keep: How many checkpoints stay, at least 1.
  package init(directory: String, keep: Int) {
    precondition(keep >= 1, "keep is \(keep), at least 1 is expected")
    self.directory = directory
    self.keep = keep
  }

  // MARK: - Names

  /// `step-00000469`.
  package static func name(step: Int) -> String {
    precondition(step >= 0, "step is \(step)")
    return "step-" + step.padded(to: 8)
  }

  /// The step in a checkpoint's name, nil if it is no checkpoint's name.
  package static func step(ofName name: String) -> Int? {
    guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), step >= 0,
      self.name(step: step) == name
    else { return nil }
    return step
  }

  /// The folder of the checkpoint at `step`, there or not.
  package func path(step: Int) -> String { "\(directory)/\(Self.name(step: step))" }

  /// The names of the checkpoints that have `DONE`, by step, the newest last.
  ///
  /// Their files are not looked at; see `latestValid()`.
  ///
  /// - Throws: `StorageError` if the folder is there but cannot be read.
  package func names() throws -> [String] {
    guard FileSystem.exists(directory) else { return [] }
    return try FileSystem.listDirectory(directory)
      .compactMap { name in Self.step(ofName: name).map { (step: $0, name: name) } }
      .filter { FileSystem.exists("\(directory)/\($0.name)/DONE") }
      .sorted { $0.step < $1.step }
      .map(\.name)
  }

  // MARK: - Writing

  /// Makes the empty folder `.step-00000469.tmp-PID`, which the writer fills.
  ///
  /// - Throws: `StorageError` if the system refuses.
  package func makeTemporaryFolder(step: Int) throws -> String {
    let folder = FileSystem.temporaryPath(for: path(step: step))
    try FileSystem.removeTree(folder)
    try FileSystem.createDirectory(folder)
    return folder
  }

  /// Writes `DONE`, after which the folder is a complete checkpoint.
  ///
  /// - Parameters:
  ///   - folder: The temporary folder.
  ///   - files: All the files in it, already on the device (`SafetensorsWriter` and
  ///     `FileSystem.writeAtomically` see to that), in any order.
  /// - Throws: `StorageError` if a file is missing or of another size, or the system refuses.
  package func seal(_ folder: String, files: [StoredFile]) throws {
    precondition(!files.isEmpty, "\(folder): a checkpoint needs files")
    var lines = ""
    for file in files.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
      precondition(Self.isPlainName(file.name), "'\(file.name)' is not a plain file name")
      let size = try FileSystem.fileSize("\(folder)/\(file.name)")
      guard size == file.size else {
        throw StorageError("\(folder)/\(file.name): has \(size) bytes, \(file.size) were written")
      }
      lines += "\(file.crc32.padded(to: 8, radix: 16)) \(size) \(file.name)\n"
    }
    try FileSystem.writeAtomically(lines, to: "\(folder)/DONE")
  }

  /// Gives a sealed temporary folder its final name, moves `latest`, and prunes.
  ///
  /// - Parameter temporaryFolder: From `makeTemporaryFolder(step:)`, sealed.
  /// - Returns: What was found under the final name.
  /// - Throws: `StorageError` if the folder is not sealed or the system refuses.
  @discardableResult
  package func publish(_ temporaryFolder: String) throws -> Outcome {
    let temporaryName = FileSystem.name(of: temporaryFolder)
    guard let name = FileSystem.temporaryOwner(temporaryName)?.name, Self.step(ofName: name) != nil
    else { preconditionFailure("\(temporaryFolder) is not a checkpoint's temporary folder") }
    let done = try FileSystem.readFile("\(temporaryFolder)/DONE")
    let destination = "\(directory)/\(name)"
    let outcome: Outcome
    if FileSystem.exists(destination) {
      if (try? verify(destination)) == nil {
        outcome = .replacedDamaged
      } else if (try? FileSystem.readFile("\(destination)/DONE")) == done {
        outcome = .alreadyThere
      } else {
        outcome = .replacedDifferent
      }
    } else {
      outcome = .created
    }

    if outcome == .alreadyThere {
      try FileSystem.removeTree(temporaryFolder)
    } else {
      // A folder with files in it cannot be renamed over: it steps aside first.
      let aside = FileSystem.asidePath(for: destination)
      if outcome != .created {
        try FileSystem.removeTree(aside)
        try FileSystem.rename(destination, to: aside)
      }
      try FileSystem.rename(temporaryFolder, to: destination)
      try FileSystem.synchronizeDirectory(directory)
      try FileSystem.removeTree(aside)
    }
    try updateLatest(to: name)
    try prune(sparing: name)
    return outcome
  }

  /// Points `latest` at a checkpoint by a relative link, so that the run can be moved.
  package func updateLatest(to name: String) throws {
    try FileSystem.replaceSymlink(at: "\(directory)/latest", to: name)
  }

  /// Removes all but the newest `keep` checkpoints, and what dead writers left behind.
  ///
  /// - Parameter spared: A checkpoint that stays in any case: the one just written can be older
  ///   than damaged ones from before a resume, which must not push it out.
  /// - Throws: `StorageError` naming what could not be removed.
  package func prune(sparing spared: String? = nil) throws {
    for name in try names().dropLast(keep) where name != spared {
      // DONE goes first: a removal that is cut short must not leave a checkpoint that looks whole.
      try FileSystem.removeTree("\(directory)/\(name)/DONE")
      try FileSystem.removeTree("\(directory)/\(name)")
    }
    try FileSystem.removeLeftovers(in: directory) {
      $0 == "latest" || Self.step(ofName: $0) != nil
    }
  }

  // MARK: - Reading

  /// Checks the files of a checkpoint against its `DONE`: sizes first, then checksums.
  ///
  /// Reads every byte of the checkpoint.
  ///
  /// - Throws: `StorageError` naming the file that is missing, damaged or of another size.
  package func verify(_ folder: String) throws {
    let files = try Self.files(in: folder)
    for file in files {
      let size = try FileSystem.fileSize("\(folder)/\(file.name)")
      guard size == file.size else {
        throw StorageError("\(folder)/\(file.name): has \(size) bytes, DONE says \(file.size)")
      }
    }
    for file in files {
      let sum = try FileSystem.checksum(ofFile: "\(folder)/\(file.name)").crc32
      guard sum == file.crc32 else {
        throw StorageError(
          "\(folder)/\(file.name): damaged: its CRC-32 is \(String(sum, radix: 16)), "
            + "DONE says \(String(file.crc32, radix: 16))")
      }
    }
  }

  /// The newest checkpoint whose files are all as `DONE` says, going back past damaged ones.
  ///
  /// - Throws: `StorageError` if the folder is there but cannot be read.
  package func latestValid() throws -> Found {
    var notes: [String] = []
    for name in try names().reversed() {
      let folder = "\(directory)/\(name)"
      do {
        try verify(folder)
        return Found(path: folder, notes: notes)
      } catch {
        notes.append("skipped a damaged checkpoint: \(error)")
      }
    }
    return Found(path: nil, notes: notes)
  }

  /// What `DONE` records of a checkpoint's files, by name.
  ///
  /// - Throws: `StorageError` if there is no `DONE` or it is not as `seal(_:files:)` writes it.
  package static func files(in folder: String) throws -> [StoredFile] {
    let path = "\(folder)/DONE"
    let text = String(decoding: try FileSystem.readFile(path), as: UTF8.self)
    guard text.hasSuffix("\n") else { throw StorageError("\(path): truncated") }
    return try text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).map {
      line in
      let fields = line.split(separator: " ", maxSplits: 2).map(String.init)
      guard fields.count == 3, fields[0].utf8.count == 8,
        let sum = UInt32(fields[0], radix: 16), let size = Int(fields[1]), size >= 0,
        isPlainName(fields[2])
      else {
        throw StorageError("\(path): damaged: 'CRC32 SIZE NAME' is expected, found '\(line)'")
      }
      return StoredFile(name: fields[2], size: size, crc32: sum)
    }
  }

  private static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.contains { $0 == "/" || $0.isNewline }
  }
}

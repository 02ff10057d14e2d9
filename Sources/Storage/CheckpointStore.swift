import Base
import Foundation

/// The `checkpoints` folder of a run: complete checkpoints, or none.
///
///     checkpoints/step-00000469/{..., DONE}     latest -> step-00000469     best -> step-00000469
///
/// One writer (rank 0) fills a folder from `makeTemporaryFolder(step:)`, calls
/// `seal(_:files:)`, which writes `DONE` last, and `publish(_:)`, which gives the folder its name.
/// A folder without `DONE` is not a checkpoint, so a job killed at any instant leaves the
/// checkpoints before it whole. `DONE` has a line a file: CRC-32 in hexadecimal, bytes, name; its
/// last line is of the lines before it, under its own name. What is not listed is not read: a file
/// of weights or state that `DONE` does not know makes the checkpoint damaged.
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

  /// What `publish(_:)` did.
  package struct Publication: Equatable, Sendable {
    package let outcome: Outcome
    /// One line for each old checkpoint that could not be removed; the next `prune` tries again.
    package let notes: [String]
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
  ///   - directory: The folder, which `RunDirectory.create()` makes.
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
  /// - Throws: `Fault` if the folder is there but cannot be read.
  package func names() throws -> [String] {
    try allNames().filter { FileSystem.exists("\(directory)/\($0)/DONE") }
  }

  /// The names of the folders that are named as checkpoints, by step, whole or not.
  package func allNames() throws -> [String] {
    guard FileSystem.exists(directory) else { return [] }
    return try FileSystem.listDirectory(directory)
      .compactMap { name in Self.step(ofName: name).map { (step: $0, name: name) } }
      .sorted { $0.step < $1.step }
      .map(\.name)
  }

  // MARK: - Writing

  /// Makes the empty folder `.step-00000469.tmp-PID`, which the writer fills.
  ///
  /// - Throws: `Fault` if the system refuses, or `directory` is not there.
  package func makeTemporaryFolder(step: Int) throws -> String {
    let folder = FileSystem.temporaryPath(for: path(step: step))
    try FileSystem.removeTree(folder)
    // Not its parents: where the run's folder has been moved away, none is made in its place.
    guard try FileSystem.createNewDirectory(folder) else {
      throw Fault("\(folder): another process writes the same checkpoint")
    }
    return folder
  }

  /// Writes `DONE`, after which the folder is a complete checkpoint.
  ///
  /// - Parameters:
  ///   - folder: The temporary folder.
  ///   - files: All the files in it, already on the device (`SafetensorsWriter` and
  ///     `FileSystem.writeAtomically` see to that), in any order.
  /// - Throws: `Fault` if a file is missing or of another size, or the system refuses.
  package func seal(_ folder: String, files: [StoredFile]) throws {
    precondition(!files.isEmpty, "\(folder): a checkpoint needs files")
    var lines = ""
    for file in files.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
      precondition(Self.isPlainName(file.name), "'\(file.name)' is not a plain file name")
      let size = try FileSystem.fileSize("\(folder)/\(file.name)")
      guard size == file.size else {
        throw Fault("\(folder)/\(file.name): has \(size) bytes, \(file.size) were written")
      }
      lines += "\(file.crc32.padded(to: 8, radix: 16)) \(size) \(file.name)\n"
    }
    try FileSystem.writeAtomically(lines + Self.ownLine(lines), to: "\(folder)/DONE")
  }

  /// The last line of a `DONE` whose lines before it are `lines`.
  private static func ownLine(_ lines: String) -> String {
    let bytes = Array(lines.utf8)
    let sum = bytes.withUnsafeBytes { FileSystem.crc32($0) }
    return "\(sum.padded(to: 8, radix: 16)) \(bytes.count) DONE\n"
  }

  /// Gives a sealed temporary folder its final name, moves the links, and prunes.
  ///
  /// - Parameters:
  ///   - temporaryFolder: From `makeTemporaryFolder(step:)`, sealed.
  ///   - isBest: Whether `best` moves to it too.
  /// - Returns: What was found under the final name, and what could not be removed.
  /// - Throws: `Fault` if the folder is not sealed or the system refuses.
  @discardableResult
  package func publish(_ temporaryFolder: String, isBest: Bool = false) throws -> Publication {
    let temporaryName = FileSystem.name(of: temporaryFolder)
    guard let name = FileSystem.temporaryOwner(temporaryName)?.name, Self.step(ofName: name) != nil
    else { preconditionFailure("\(temporaryFolder) is not a checkpoint's temporary folder") }
    let outcome = try outcome(of: temporaryFolder, under: name)
    var notes: [String] = []
    if outcome == .alreadyThere {
      try FileSystem.removeTree(temporaryFolder)
    } else {
      // A folder with files in it cannot be renamed over: it steps aside first.
      let destination = "\(directory)/\(name)"
      let aside = FileSystem.asidePath(for: destination)
      if outcome != .created {
        try FileSystem.removeTree(aside)
        try FileSystem.rename(destination, to: aside)
      }
      try FileSystem.rename(temporaryFolder, to: destination)
      try FileSystem.synchronizeDirectory(directory)
      notes = Self.notes { try FileSystem.removeTree(aside) }
    }
    // Before the old ones go: at no moment is what `best` leads to one that has gone.
    if isBest { notes += try update(.best, to: name) }
    notes += try update(.latest, to: name)
    return Publication(outcome: outcome, notes: try notes + prune(sparing: name))
  }

  /// What is under the final name of a sealed temporary folder.
  private func outcome(of temporaryFolder: String, under name: String) throws -> Outcome {
    let done = try FileSystem.readFile("\(temporaryFolder)/DONE")
    let destination = "\(directory)/\(name)"
    guard FileSystem.exists(destination) else { return .created }
    guard (try? verify(destination)) != nil else { return .replacedDamaged }
    let isSame = (try? FileSystem.readFile("\(destination)/DONE")) == done
    return isSame ? .alreadyThere : .replacedDifferent
  }

  /// Removes all but the newest `keep` checkpoints and the one that `best` leads to, folders
  /// without `DONE` that a whole one has followed, and what dead writers left behind.
  ///
  /// What cannot be removed stays until the next time: the new checkpoint is whole all the same.
  /// (A network file system refuses to remove a folder in which somebody still reads a file.)
  ///
  /// - Parameter spared: A checkpoint that stays in any case: the one just written can be older
  ///   than damaged ones from before a resume, which must not push it out.
  /// - Returns: One line for each thing that could not be removed.
  /// - Throws: `Fault` if the folder cannot be read.
  package func prune(sparing spared: String? = nil) throws -> [String] {
    let whole = try names()
    let all = try allNames()
    let unfinished = all.prefix { $0 != whole.last }.filter { !whole.contains($0) }
    // What an earlier time could not remove; what this one cannot is left for the next.
    var notes = Self.notes { try removeLeftovers() }
    let best = bestName
    for name in whole.dropLast(keep) + unfinished where name != spared && name != best {
      notes += Self.notes {
        // Under another name first: a removal that is cut short must not leave a checkpoint that
        // looks whole, nor half of one for good.
        let aside = FileSystem.asidePath(for: "\(directory)/\(name)")
        try FileSystem.removeTree(aside)
        try FileSystem.rename("\(directory)/\(name)", to: aside)
        try FileSystem.removeTree(aside)
      }
    }
    return notes
  }

  /// Removes what dead writers left behind.
  ///
  /// - Parameter isOnlyWriter: Whether this process has the run's lease, and has written nothing
  ///   yet: then all are dead, whatever number they had.
  /// - Throws: `Fault` naming what could not be removed.
  package func removeLeftovers(isOnlyWriter: Bool = false) throws {
    guard FileSystem.exists(directory) else { return }
    try FileSystem.removeLeftovers(in: directory, isOnlyWriter: isOnlyWriter) {
      Link(rawValue: $0) != nil || Self.step(ofName: $0) != nil
    }
  }

  static func notes(_ removal: () throws -> Void) -> [String] {
    do {
      try removal()
      return []
    } catch {
      return ["\(error); it is tried again after the next checkpoint"]
    }
  }

  // MARK: - Reading

  /// Checks the files of a checkpoint against its `DONE`: sizes first, then checksums.
  ///
  /// Reads every byte of the checkpoint.
  ///
  /// - Throws: `Fault` naming the file that is missing, damaged, of another size or not
  ///   listed.
  package func verify(_ folder: String) throws {
    let files = try Self.files(in: folder)
    let listed = Set(files.map(\.name))
    let foreign = try FileSystem.listDirectory(folder).first {
      !listed.contains($0) && Self.isRead($0)
    }
    if let foreign {
      throw Fault("\(folder)/\(foreign): is not in DONE, which lists all of a checkpoint")
    }
    for file in files {
      let size = try FileSystem.fileSize("\(folder)/\(file.name)")
      guard size == file.size else {
        throw Fault("\(folder)/\(file.name): has \(size) bytes, DONE says \(file.size)")
      }
    }
    for file in files {
      let sum = try FileSystem.checksum(ofFile: "\(folder)/\(file.name)").crc32
      guard sum == file.crc32 else {
        throw Fault(
          "\(folder)/\(file.name): damaged: its CRC-32 is \(String(sum, radix: 16)), "
            + "DONE says \(String(file.crc32, radix: 16))")
      }
    }
  }

  /// The newest checkpoint whose files are all as `DONE` says, going back past damaged ones.
  ///
  /// - Throws: `Fault` if the folder is there but cannot be read.
  package func latestValid() throws -> Found {
    var notes: [String] = []
    for name in try allNames().reversed() {
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

  /// Bytes of a `DONE`, which has a line for each of a handful of files.
  private static let mostBytes = 1 << 20

  /// What `DONE` records of a checkpoint's files, by name.
  ///
  /// - Throws: `Fault` if there is no `DONE` or it is not as `seal(_:files:)` writes it.
  package static func files(in folder: String) throws -> [StoredFile] {
    let path = "\(folder)/DONE"
    let text = String(decoding: try FileSystem.readFile(path, limit: mostBytes), as: UTF8.self)
    guard text.hasSuffix("\n") else { throw Fault("\(path): truncated") }
    var lines = text.dropLast().split(separator: "\n", omittingEmptySubsequences: false)
    // Version 0.1 wrote none; what it wrote is told from a shortened file by `verify`.
    if let own = lines.last, own.hasSuffix(" DONE") {
      lines.removeLast()
      guard "\(own)\n" == ownLine(lines.map { "\($0)\n" }.joined()) else {
        throw Fault("\(path): damaged: its lines are not those that were written")
      }
    }
    return try lines.map { line in
      let fields = line.split(separator: " ", maxSplits: 2).map(String.init)
      guard fields.count == 3, fields[0].utf8.count == 8,
        let sum = UInt32(fields[0], radix: 16), let size = Int(fields[1]), size >= 0,
        isPlainName(fields[2])
      else {
        throw Fault(
          "\(path): damaged: 'CRC32 SIZE NAME' is expected, found '\(String(line).onOneLine)'")
      }
      return StoredFile(name: fields[2], size: size, crc32: sum)
    }
  }

  /// Whether a file of this name would be read: notes that somebody left beside are no damage.
  private static func isRead(_ name: String) -> Bool {
    !name.hasPrefix(".") && (name.hasSuffix(".safetensors") || name.hasSuffix(".json"))
  }

  private static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.contains { $0 == "/" || $0.isNewline }
  }
}

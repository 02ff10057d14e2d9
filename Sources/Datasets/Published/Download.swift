import Base
import Foundation
import Storage

/// Fetches published files: resumable, checked, atomic.
///
/// A file grows as `NAME.part`. When its size and MD5 are the published ones it is brought to the
/// device and gets its name, so that a file under its name is whole. What was broken off stays as
/// `.part`, and the next try asks for the rest (HTTP range requests, RFC 9110, section 14). What
/// is of another size than the published file is not kept: another mirror's rest would not fit it.
package struct Download {
  /// Called with a file's bytes so far and in all, at most a few times a second.
  package var progress: (@Sendable (_ file: String, _ done: Int, _ total: Int) -> Void)?
  /// Seconds without a byte after which a server is given up.
  package var patience: Double

  package init(
    patience: Double = 60,
    progress: (@Sendable (_ file: String, _ done: Int, _ total: Int) -> Void)? = nil
  ) {
    self.patience = patience
    self.progress = progress
  }

  /// What became of a file.
  package enum Outcome: Equatable, Sendable {
    case alreadyThere
    /// The mirror that it came from.
    case fetched(from: String)
  }

  /// Fetches one file into `folder`.
  ///
  /// - Parameters:
  ///   - file: name, size and MD5.
  ///   - folder: made if it is not there.
  ///   - mirrors: folders of the web (or `file:` URLs), tried in order.
  /// - Returns: whether it was there, and where it came from otherwise.
  /// - Throws: `Fault` if another file is there under the name, no mirror has the file, or
  ///   the disk refuses; `Fault` without libcurl or libcrypto.
  package func fetch(
    _ file: PublishedDataset.File, to folder: String, mirrors: [String]
  ) throws -> Outcome {
    let path = folder.hasSuffix("/") ? folder + file.name : "\(folder)/\(file.name)"
    if FileSystem.exists(path) {
      guard let difference = try file.difference(of: path) else { return .alreadyThere }
      throw Fault(
        "\(path): another file of this name is there (\(difference))",
        advice: "remove or rename it")
    }
    let made = try makeFolder(folder)
    var isDone = false
    // What fetched nothing leaves nothing; a part of a file keeps its folder.
    defer { if !isDone { for folder in made { rmdir(folder) } } }
    var reasons: [String] = []
    for mirror in mirrors {
      let address = (mirror.hasSuffix("/") ? mirror : mirror + "/") + file.name
      guard let url = URL(string: address), let scheme = url.scheme,
        ["http", "https", "file"].contains(scheme)
      else {
        throw Fault("\(mirror): expected an http, https or file address")
      }
      if let reason = try fetch(file, from: url, to: path) {
        reasons.append("\(address): \(reason)")
      } else {
        isDone = true
        return .fetched(from: mirror)
      }
    }
    let part = path + ".part"
    let kept = FileSystem.exists(part) ? try FileSystem.fileSize(part) : 0
    throw Fault(
      "\(path): cannot be downloaded: \(reasons.joined(separator: "; "))",
      advice: kept > 0 ? "\(kept) of \(file.size) bytes are kept, run it again to go on" : nil)
  }

  /// Makes a folder.
  ///
  /// - Returns: Those that were not there, the innermost first.
  private func makeFolder(_ folder: String) throws -> [String] {
    var (missing, next) = ([String](), folder)
    while !FileSystem.exists(next), next != FileSystem.folder(of: next) {
      missing.append(next)
      next = FileSystem.folder(of: next)
    }
    try FileSystem.createDirectory(folder)
    return missing
  }

  /// Nil if the file is in place, else why this mirror does not have it.
  private func fetch(
    _ file: PublishedDataset.File, from url: URL, to path: String
  ) throws -> String? {
    let part = path + ".part"
    var start = FileSystem.exists(part) ? try FileSystem.fileSize(part) : 0
    if start > file.size {
      try FileSystem.removeTree(part)
      start = 0
    }
    if start < file.size {
      let curl = url.isFileURL ? nil : try Curl.load()
      let body = try PartFile(part, file: file, progress: progress)
      defer { body.close() }
      let reason =
        curl.map { Transfer(body: body, start: start, patience: patience).run(url, by: $0) }
        ?? copy(url, into: body, from: start)
      if let reason {
        if body.size == 0 { try FileSystem.removeTree(part) }
        return reason
      }
      try body.synchronize()
      // A body that ended well is all that this server has.
      if body.beganAtZero || url.isFileURL { start = 0 }
    }
    if let difference = try file.difference(of: part) {
      // Of a short rest, the rest can still come.
      if try start == 0 || FileSystem.fileSize(part) >= file.size {
        try FileSystem.removeTree(part)
      }
      return "not the published file: \(difference)"
    }
    guard rename(part, path) == 0 else {
      throw Fault("\(path): cannot move into place: \(String(cString: strerror(errno)))")
    }
    try FileSystem.synchronizeDirectory(FileSystem.folder(of: path))
    return nil
  }

  private func copy(_ url: URL, into body: PartFile, from start: Int) -> String? {
    var position = 0
    do {
      let size = try FileSystem.fileSize(url.path)
      guard size == body.file.size else { return body.otherSize(size) }
      try FileSystem.forEachChunk(of: url.path) { chunk, _ in
        let skipped = min(max(0, start - position), chunk.count)
        position += chunk.count
        try body.append(UnsafeRawBufferPointer(rebasing: chunk[skipped...]))
      }
      return nil
    } catch {
      return "\(error)"
    }
  }
}

/// The file that a download grows in.
final class PartFile {
  let file: PublishedDataset.File
  private(set) var size: Int
  /// Whether all of it is of this transfer.
  private(set) var beganAtZero: Bool
  private let path: String
  private let progress: (@Sendable (String, Int, Int) -> Void)?
  private var output: OutputFile
  private var reported = DispatchTime(uptimeNanoseconds: 1)

  init(
    _ path: String, file: PublishedDataset.File,
    progress: (@Sendable (String, Int, Int) -> Void)?
  ) throws {
    self.path = path
    self.file = file
    self.progress = progress
    output = try OutputFile(path: path, mode: .append)
    size = try FileSystem.fileSize(path)
    beganAtZero = size == 0
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    guard size + bytes.count <= file.size else {
      try empty()
      throw Fault("more than the published \(file.size) bytes")
    }
    try output.write(bytes)
    size += bytes.count
    let now = DispatchTime.now()
    if size == file.size || now.uptimeNanoseconds > reported.uptimeNanoseconds + 250_000_000 {
      reported = now
      progress?(file.name, size, file.size)
    }
  }

  /// Begins anew.
  func empty() throws {
    try output.close()
    output = try OutputFile(path: path, mode: .replace)
    size = 0
    beganAtZero = true
  }

  /// Why a file of `size` bytes is not taken.
  func otherSize(_ size: Int) -> String {
    "not the published file: \(size) bytes, expected \(file.size)"
  }

  func synchronize() throws { try output.synchronize() }

  func close() { try? output.close() }
}

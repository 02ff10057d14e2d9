import Base
import Foundation

extension CheckpointStore {
  /// The links beside the checkpoints, by their names.
  package enum Link: String, CaseIterable, Sendable {
    /// To the checkpoint that was written last.
    case latest
    /// To the one with the best score, where a run measures one.
    case best
  }

  /// Points a link at a checkpoint by a relative path, so that the run can be moved.
  ///
  /// A folder of that name is a copy's, made with links followed (`cp -rL`, zip): it goes.
  ///
  /// - Parameters:
  ///   - link: Which.
  ///   - name: The checkpoint's.
  /// - Returns: One line where a folder that was in the way could not be removed.
  /// - Throws: `Fault` if the system refuses.
  @discardableResult
  package func update(_ link: Link, to name: String) throws -> [String] {
    let path = path(of: link)
    let aside = FileSystem.asidePath(for: path)
    let isInTheWay = FileSystem.isFolder(path)
    if isInTheWay {
      // A link cannot be renamed over it. Aside first, so that no half of a folder has the name.
      try FileSystem.removeTree(aside)
      try FileSystem.rename(path, to: aside)
    }
    try FileSystem.replaceSymlink(at: path, to: name)
    return isInTheWay ? Self.notes { try FileSystem.removeTree(aside) } : []
  }

  private func path(of link: Link) -> String { "\(directory)/\(link.rawValue)" }

  /// The name of the checkpoint that `best` leads to; nil where it leads to none, or is no link.
  package var bestName: String? {
    let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path(of: .best))
    return target.flatMap { Self.step(ofName: $0) == nil ? nil : $0 }
  }

  /// Makes `best` what the state of a checkpoint says, before a run goes on from there.
  ///
  /// A kill can come between a checkpoint and its link, and the newest checkpoint, which was the
  /// best, can be damaged: then it is the one before that counts, if it is still there.
  ///
  /// - Parameter step: The best checkpoint's; nil for none.
  /// - Returns: A line where that checkpoint is no longer there.
  /// - Throws: `Fault` if the system refuses.
  package func restoreBest(step: Int?) throws -> [String] {
    guard let step else {
      try FileSystem.removeTree(path(of: .best))
      return []
    }
    let name = Self.name(step: step)
    guard FileSystem.exists("\(directory)/\(name)/DONE") else {
      try FileSystem.removeTree(path(of: .best))
      return ["\(directory)/\(name): had the best score so far, and is no longer there"]
    }
    return bestName == name ? [] : try update(.best, to: name)
  }

  /// The folder of the best checkpoint, whole.
  ///
  /// - Throws: `Fault` where there is none, or it is damaged.
  package func best() throws -> String {
    let link = path(of: .best)
    // Of a copy with links followed it is a folder itself.
    let folder = bestName.map { "\(directory)/\($0)" } ?? link
    guard FileSystem.exists(folder) else {
      throw Fault(
        "\(link): not there: the run keeps no best checkpoint (evaluation.best), or has none yet")
    }
    try verify(folder)
    return folder
  }
}

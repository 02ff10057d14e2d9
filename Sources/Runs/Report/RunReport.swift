import Base
import Foundation
import Pictures
import Reports
import Storage

/// The page about runs, `report.html`: what their folders hold, in a file that needs nothing else.
package struct RunReport {
  /// Runs of one page.
  package static let mostRuns = 50
  /// Bytes of pictures in a page, as PNG: Base64 makes four of three, so the page has some 2 MB.
  static let pictureBytes = 1_200_000
  /// Pictures over time of one run.
  private static let mostPictures = 40
  /// Lines of run.log, the newest, and of its warnings.
  private static let mostLines = 40

  private let folders: [String]
  private let names: [String]
  private let version: String

  /// - Parameters:
  ///   - folders: The runs'.
  ///   - version: Of the program.
  /// - Throws: `Fault` where one is no run's, or where there are too many.
  package init(_ folders: [String], version: String) throws {
    guard (1...Self.mostRuns).contains(folders.count) else {
      throw Fault("\(folders.count) runs, expected 1 to \(Self.mostRuns) for one page")
    }
    for folder in folders { try Self.requireRun(folder) }
    self.folders = folders.map { $0.count > 1 && $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
    // Whole paths where names repeat.
    let short = self.folders.map(FileSystem.name(of:))
    names = Set(short).count == short.count ? short : self.folders
    self.version = version
  }

  private static func requireRun(_ folder: String) throws {
    guard FileSystem.exists(RunDirectory(folder).configuration) else {
      throw Fault("\(folder): expected the folder of a run, found no config.yaml in it")
    }
  }

  /// Writes the page.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - refresh: Seconds after which the page loads itself again; nil for never.
  /// - Returns: What the page says that could not be read.
  /// - Throws: `Fault` where it cannot be written.
  @discardableResult
  package func write(to path: String, refresh: Int? = nil) throws -> [String] {
    try write(to: path, refresh: refresh, state: nil)
  }

  /// Writes the page of a run that this process has just ended, and still holds.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - refresh: Seconds after which the page loads itself again; nil for never.
  ///   - state: How the run has ended; nil where its folder tells.
  /// - Returns: What the page says that could not be read.
  /// - Throws: `Fault` where it cannot be written.
  @discardableResult
  func write(to path: String, refresh: Int? = nil, state: RunStory.State?) throws -> [String] {
    let pages = zip(folders, names).map { folder, name in
      RunFolderReader(
        folder, name: name, state: state, pictureBytes: Self.pictureBytes / folders.count,
        mostPictures: Self.mostPictures, mostLines: Self.mostLines
      ).page
    }
    let date = ISO8601DateFormatter().string(from: Date())
    let page = ReportPage(pages, origin: "\(date), wgangp-dist \(version)", refresh: refresh)
    try FileSystem.writeAtomically(try page.html(), to: path)
    return pages.flatMap { page in page.notes.map { "\(page.folder): \($0)" } }
  }

  /// Sizes and dates of what the page is made of: where they are the same, so is the page.
  package var fingerprint: [String] {
    folders.flatMap { folder in
      let run = RunDirectory(folder)
      return [run.configuration, run.metrics, run.evaluation, run.log, run.samples].map { path in
        let found = try? FileManager.default.attributesOfItem(atPath: path)
        let date = found?[.modificationDate] as? Date
        return "\(found?[.size] ?? 0) \(date?.timeIntervalSince1970 ?? 0)"
      }
    }
  }
}

import Base
import Foundation
import Pictures
import Reports
import Storage

/// Reads a run's folder for its page; what cannot be read is a line of the page.
struct RunFolderReader {
  private(set) var page: RunPage
  private let run: RunDirectory
  private let pictureBytes: Int
  private let mostPictures: Int
  private let mostLines: Int

  /// - Parameters:
  ///   - folder: The run's.
  ///   - name: What the page calls it.
  ///   - state: How the run is, where that is known.
  ///   - pictureBytes: The most bytes of pictures.
  ///   - mostPictures: The most pictures of samples.
  ///   - mostLines: The most lines of the log.
  init(
    _ folder: String, name: String, state: RunStory.State?, pictureBytes: Int, mostPictures: Int,
    mostLines: Int
  ) {
    run = RunDirectory(folder)
    page = RunPage(name: name, folder: folder)
    self.pictureBytes = pictureBytes
    self.mostPictures = mostPictures
    self.mostLines = mostLines
    readLog(state)
    readTables()
    readSettings()
    readPictures()
    page.facts = RunFacts(page, log: RunLog(run).entries()).list
  }

  /// Does a part of the reading, and notes why it could not be done.
  private mutating func attempt(_ work: (inout RunFolderReader) throws -> Void) {
    do { try work(&self) } catch {
      let text = "\(error)"
      // Paths in the page begin in the run's folder.
      page.notes.append(text.replacingOccurrences(of: run.path + "/", with: ""))
    }
  }

  private mutating func readLog(_ state: RunStory.State?) {
    let entries = RunLog(run).entries()
    page.state = (state ?? RunStory.state(of: run, entries)).words
    page.log = entries.suffix(mostLines).map { "\($0.date) \($0.event.rawValue): \($0.text)" }
    page.warnings = entries.filter(\.event.isRemark).suffix(mostLines).map(\.text)
    if entries.count > mostLines {
      page.log.insert("(the last \(mostLines) of \(entries.count) lines)", at: 0)
    }
  }

  private mutating func readTables() {
    if FileSystem.exists(run.metrics) {
      attempt { $0.page.metrics = try MetricsTable(path: $0.run.metrics) }
    } else {
      page.notes.append("metrics.csv is not there: the run has no iteration yet")
    }
    if FileSystem.exists(run.evaluation) {
      attempt { $0.page.scores = try MetricsTable(path: $0.run.evaluation) }
    }
    let best = try? CheckpointStore(directory: run.checkpoints, keep: 1).best()
    page.bestIteration = best.flatMap { CheckpointStore.step(ofName: FileSystem.name(of: $0)) }
  }

  private mutating func readSettings() {
    attempt { reader in
      let found = try PublishedConfiguration.settings(of: reader.run)
      (reader.page.settings, reader.page.published) = (found.settings, found.published)
      if let note = found.note { reader.page.notes.append(note) }
    }
    guard let bytes = try? FileSystem.readFile(run.environment),
      let found = try? JSONDecoder().decode(RunEnvironment.self, from: Data(bytes))
    else { return }
    page.environment = found.rows
  }

  // MARK: - Pictures

  private mutating func readPictures() {
    guard FileSystem.isDirectory(run.samples) else { return }
    attempt { reader in
      var paths = try reader.run.samplePictures()
      reader.page.imageCount = paths.count
      guard let last = reader.newest(of: &paths), let newest = paths.last else { return }
      var room = reader.pictureBytes
      reader.page.reals = try reader.reals(beside: last)
      room -= reader.page.reals?.bytes.count ?? 0
      guard last.bytes.count <= room else {
        reader.page.notes.append(
          "\(FileSystem.name(of: newest)) has \(last.bytes.count) bytes, too many for a page")
        return
      }
      for path in try Self.choose(paths, room: room, most: reader.mostPictures) {
        // An older one that cannot be read is no reason to show none.
        reader.attempt { $0.page.images.append(try Self.image(path)) }
      }
    }
  }

  /// The last picture that can be read; those behind it go.
  private mutating func newest(of paths: inout [String]) -> RunPage.Image? {
    while let path = paths.last {
      var found: RunPage.Image?
      attempt { _ in found = try Self.image(path) }
      if let found { return found }
      paths.removeLast()
    }
    return nil
  }

  /// As many as have room, evenly spread over time, with the last one.
  private static func choose(_ paths: [String], room: Int, most: Int) throws -> [String] {
    let sizes = try paths.map(FileSystem.fileSize)
    for count in stride(from: min(paths.count, most), to: 1, by: -1) {
      let chosen = (0..<count).map { $0 * (paths.count - 1) / (count - 1) }
      if chosen.reduce(0, { $0 + sizes[$1] }) <= room { return chosen.map { paths[$0] } }
    }
    return [paths[paths.count - 1]]
  }

  private static func image(_ path: String) throws -> RunPage.Image {
    let bytes = try FileSystem.readFile(path)
    let size = try PNG.size(bytes, path: path)
    return RunPage.Image(
      caption: caption(FileSystem.name(of: path)), bytes: bytes, width: size.width,
      height: size.height)
  }

  /// `Samples after epoch 5` for `epoch-0005.png`.
  private static func caption(_ name: String) -> String {
    let words = name.dropLast(4).split(separator: "-")
    guard words.count == 2, let number = Int(words[1]) else { return name }
    return "Samples after \(words[0]) \(number)"
  }

  /// The reals of the picture that a run writes at its end, as large as the samples; or all of that
  /// picture where it is of another size.
  private func reals(beside samples: RunPage.Image) throws -> RunPage.Image? {
    let path = "\(run.samples)/reals-and-samples.png"
    guard FileSystem.exists(path) else { return nil }
    let sheet = try PNG.read(path)
    guard
      let reals = PictureSheet.first(of: sheet, width: samples.width, height: samples.height)
    else {
      return RunPage.Image(
        caption: "Reals and samples", bytes: try FileSystem.readFile(path), width: sheet.width,
        height: sheet.height)
    }
    return RunPage.Image(
      caption: "Reals", bytes: try PNG.encode(reals), width: reals.width, height: reals.height)
  }
}

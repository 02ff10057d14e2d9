import ArgumentParser
import Base
import Configuration
import Datasets
import Foundation
import Pictures
import Recipe
import Reports
import Storage
import Synchronization

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "List, download, check and show data sets.",
    subcommands: [
      DataListCommand.self, DataDownloadCommand.self, DataVerifyCommand.self,
      DataPreviewCommand.self,
    ],
    defaultSubcommand: DataListCommand.self)
}

/// Runs `body` on rank 0; the others wait for its end.
///
/// Listing and downloading need no kernels, so any machine does.
private func onRoot(checksProcessor: Bool, _ body: () throws -> Void) throws {
  try Job.run(checksProcessor: checksProcessor) { communicator in
    try communicator.agree { if communicator.rank == 0 { try body() } }
  }
}

struct DataListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Name the published sets and the other sources.")

  func run() throws {
    try onRoot(checksProcessor: false) {
      print("published sets (wgangp-dist data download NAME)")
      for set in PublishedDataset.all {
        let name = set.name.padding(toLength: 16, withPad: " ", startingAt: 0)
        print("  \(name)\(Self.megabytes(set.size))  \(set.summary)")
      }
      print(
        """
        made by the program
          glyphs          digits that it draws, ten classes, grey, 28 x 28
          gaussians8      points around eight places of a circle
          gaussians25     points around the places of a 5 x 5 grid
          swissroll       points of a spiral
          ring            points of rings, with radius and width as condition
        your own
          imageFolder     PNG and JPEG pictures, a folder a class
          array           numbers of any shape in NumPy, HDF5, CSV or IDX files
        docs/configuration.md has the keys of each source.
        """)
    }
  }

  static func megabytes(_ size: Int) -> String {
    String(format: "%6.1f MB", Double(size) / 1e6)
  }
}

struct DataDownloadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "download",
    abstract: "Fetch a published set, checked by size and MD5.",
    discussion: """
      What was broken off is kept as FILE.part; run the command again to go on. A file that is \
      there and whole is left alone.
      """)

  @Argument(help: "A name from 'data list'.")
  var name: String

  @Option(
    name: .long,
    help: ArgumentHelp("The folder; without it the one that configs/ has.", valueName: "folder"))
  var to: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A folder of the web, or a file: address, that has the files; instead of the known ones.",
      valueName: "url"))
  var mirror: [String] = []

  func run() throws {
    try onRoot(checksProcessor: false) {
      let set = try PublishedDataset.named(name)
      let folder = to ?? set.folder
      let showsProgress = isatty(STDERR_FILENO) == 1
      let progress = DownloadProgress()
      Messages.addProgressLine(progress)
      defer {
        Messages.removeProgressLine(progress)
        // What went wrong half-way is to begin a line of its own.
        progress.interrupt(redraws: false) {}
      }
      let download = Download { file, done, total in
        if showsProgress { progress.show(file, done, of: total) }
      }
      for file in set.files {
        let outcome = try download.fetch(
          file, to: folder, mirrors: mirror.isEmpty ? set.mirrors : mirror)
        switch outcome {
        case .alreadyThere: print("\(folder)/\(file.name): already there, \(file.size) bytes")
        case .fetched(let mirror):
          print(
            "\(folder)/\(file.name): \(file.size) bytes from \(mirror), size and MD5 as published")
        }
      }
    }
  }
}

/// A download's line on standard error, redrawn in place.
private final class DownloadProgress: ProgressLine {
  private let isShown = Mutex(false)

  func show(_ file: String, _ done: Int, of total: Int) {
    isShown.withLock {
      let end = done == total ? "\n" : ""
      let text = "\r\(file): \(100 * done / max(total, 1)) % of \(total) bytes\(end)"
      Descriptor.write(text, to: STDERR_FILENO)
      $0 = done != total
    }
  }

  /// Leaves the line as it is: how far it came is worth knowing.
  func interrupt(redraws: Bool, _ write: () -> Void) {
    isShown.withLock {
      if $0 { Descriptor.write("\n", to: STDERR_FILENO) }
      $0 = false
      write()
    }
  }
}

/// Where a set is: a published set in its folder, or a configuration's `data` section.
struct DataSetOptions: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("A configuration: its data.", valueName: "file"))
  var config: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The folder of a published set; without it the one that configs/ has.", valueName: "folder"))
  var path: String?

  @Option(
    name: .long,
    help: "Of a published set: train (the default), test, or validation of mnist-pickle.")
  var split: String?

  @Argument(
    help: ArgumentHelp(
      "A published set's name, or a configuration's overrides.", valueName: "name|key=value"))
  var words: [String] = []

  /// The published set that is asked for, nil for a configuration.
  func published() throws -> (set: PublishedDataset, folder: String)? {
    let names = words.filter { !$0.contains("=") }
    let overrides = words.filter { $0.contains("=") }
    guard names.count + (config == nil ? 0 : 1) <= 1 else {
      throw Fault("found \(names.joined(separator: ", ")); expected one set, or --config")
    }
    guard let name = names.first else {
      guard config != nil else { throw Fault("expected the name of a set, or --config") }
      for (option, value) in [("path", path), ("split", split)] where value != nil {
        throw Fault(
          "--\(option) is of published sets; with --config, data.\(option)=\(value ?? "") sets it")
      }
      return nil
    }
    let set: PublishedDataset
    do {
      set = try PublishedDataset.named(name)
    } catch let error as Fault {
      throw Fault(
        "\(error.message); sources that are no published set need --config FILE")
    }
    guard overrides.isEmpty else {
      throw Fault(
        "found \(overrides.joined(separator: ", ")) with \(name); only --config takes key=value, a "
          + "published set takes --path and --split")
    }
    return (set, path ?? set.folder)
  }

  /// The samples, and what in them is black and white.
  func open() throws -> (dataset: any Dataset, range: ClosedRange<Float>) {
    if let (set, folder) = try published() {
      let splits: [DatasetSplit] =
        set.name == "mnist-pickle" ? DatasetSplit.allCases : [.train, .test]
      do {
        let source = set.source(
          in: folder, split: try DatasetSplit(named: split ?? "train", of: splits))
        return (try source.open(range: -1...1), -1...1)
      } catch let error as Fault where error.parameter != nil {
        throw Fault("--\(error)")
      }
    }
    var document = try ConfigurationDocument.named(config)
    try document.apply(words)
    let data = try RunConfiguration.data(of: document)
    let dataset = try data.open()
    guard data.classes == 0 || dataset.classCount == data.classes else {
      throw Fault(
        "data.classes: found \(data.classes), but \(dataset.name) has \(dataset.classCount) classes"
      )
    }
    return (dataset, data.range)
  }
}

struct DataVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check a published set's files, or that a configuration's data can be read.",
    discussion: "Exit status 0: all is as it should be; 1: it is not.")

  @OptionGroup var data: DataSetOptions

  func run() throws {
    try onRoot(checksProcessor: true) {
      guard let (set, folder) = try data.published() else {
        try Self.describe(try data.open().dataset)
        return
      }
      var bad = 0
      for file in set.files {
        let path = "\(folder)/\(file.name)"
        var finding = "missing"
        if FileSystem.exists(path) { finding = try file.difference(of: path) ?? "ok" }
        if finding != "ok" { bad += 1 }
        print("\(path): \(finding)")
      }
      guard bad == 0 else {
        let to = folder == set.folder ? "" : " --to \(folder)"
        throw Fault(
          "\(folder): \(bad) of \(set.files.count) files are missing or not as published; "
            + "wgangp-dist data download \(set.name)\(to) fetches them")
      }
    }
  }

  private static func describe(_ dataset: any Dataset) throws {
    let shape = dataset.shape
    var sample = [Float](repeating: 0, count: shape.elementCount)
    var low = Float.infinity
    var high = -Float.infinity
    var sum = 0.0
    let looked = min(dataset.count, 1000)
    for number in 0..<looked {
      // Spread over the set: classes often lie one after the other.
      let index = number * dataset.count / looked
      sample.withUnsafeMutableBufferPointer { dataset.copySample(at: index, into: $0) }
      for value in sample {
        low = min(low, value)
        high = max(high, value)
        sum += Double(value)
      }
    }
    print(
      "\(dataset.name): \(dataset.count) samples of "
        + "\(shape)"
    )
    print(
      "values \(low) to \(high), mean "
        + String(format: "%.4f", sum / Double(looked * shape.elementCount))
        + " (of \(looked) samples)"
    )
    if dataset.condition.numbers > 0 {
      print("condition of \(dataset.condition.numbers) numbers a sample")
    }
    if let arrays = dataset as? ArrayDataset { describeConditions(arrays) }
    guard dataset.classCount > 0 else {
      print("no classes")
      return
    }
    var counts = [Int](repeating: 0, count: dataset.classCount)
    for index in 0..<dataset.count { counts[dataset.label(at: index)] += 1 }
    let names = (dataset as? ImageFolderDataset)?.classes
    let list = counts.enumerated().map { "\(names?[$0.offset] ?? "\($0.offset)"): \($0.element)" }
    // Folders may have any name.
    print("\(dataset.classCount) classes: \(Messages.shown(list.joined(separator: ", ")))")
  }
}

extension DataVerifyCommand {
  /// What each number of the conditions is, as networks are told it.
  fileprivate static func describeConditions(_ dataset: ArrayDataset) {
    let numbers = dataset.condition.numbers
    guard numbers > 0 else { return }
    var ranges = [ClosedRange<Float>?](repeating: nil, count: numbers)
    let looked = min(dataset.count, 1000)
    for number in 0..<looked {
      Condition.withTemporary(dataset.condition) { found in
        dataset.copyCondition(at: number * dataset.count / looked, into: found)
        for (index, value) in found.numbers.enumerated() {
          let range = ranges[index] ?? value...value
          ranges[index] = min(range.lowerBound, value)...max(range.upperBound, value)
        }
      }
    }
    for (index, range) in ranges.enumerated() {
      guard let range else { continue }
      print("condition \(index): \(range.lowerBound) to \(range.upperBound)")
    }
  }
}

struct DataPreviewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "preview",
    abstract: "Draw samples of a set, a row a class.")

  @OptionGroup var data: DataSetOptions

  @Option(name: .long, help: ArgumentHelp("The picture, .png, .svg or .pdf.", valueName: "file"))
  var output: String

  @Option(name: .long, help: "Samples in a row.")
  var columns = 10

  @Option(name: .long, help: "Rows at the most.")
  var rows = 10

  func validate() throws {
    guard (1...1000).contains(columns), (1...1000).contains(rows) else {
      throw ValidationError("--columns and --rows must be from 1 to 1000")
    }
    try Canvas.requireFormat(output)
  }

  func run() throws {
    try onRoot(checksProcessor: true) {
      let (dataset, range) = try data.open()
      let shape = dataset.shape
      let image: Canvas
      if shape == Shape(channels: 2) {
        image = DatasetPicture.draw(points: samples(dataset, Array(0..<min(5000, dataset.count))))
      } else {
        if dataset is ArrayDataset, shape.pixels == 1 || ![1, 3].contains(shape.channels) {
          // Not an error: there is a picture of some arrays only.
          print("\(dataset.name): samples of \(shape) are no pictures: none is drawn")
          return
        }
        guard shape.channels == 1 || shape.channels == 3 else {
          throw Fault(
            "\(dataset.name): \(shape.channels) channels; expected 1 or 3 for a picture")
        }
        let picture = shape.picture
        image = DatasetPicture.draw(
          table(dataset), height: picture.height, width: picture.width,
          channels: picture.channels, range: range)
      }
      try image.write(to: output)
      print("\(output): \(image.width) x \(image.height) pixels of \(dataset.name)")
    }
  }

  /// The first samples of the first classes that have any, or the first of all where there are
  /// none.
  private func table(_ dataset: any Dataset) -> [DatasetPicture.Row] {
    guard dataset.classCount > 0 else {
      return stride(from: 0, to: min(rows * columns, dataset.count), by: columns).map { first in
        let indices = Array(first..<min(first + columns, dataset.count))
        return DatasetPicture.Row(label: "", samples: samples(dataset, indices))
      }
    }
    var indices = [[Int]](repeating: [], count: dataset.classCount)
    for index in 0..<dataset.count {
      let label = dataset.label(at: index)
      if indices[label].count < columns { indices[label].append(index) }
    }
    let names = (dataset as? ImageFolderDataset)?.classes
    return indices.enumerated().filter { !$0.element.isEmpty }.prefix(rows).map { label, indices in
      DatasetPicture.Row(
        label: String((names?[label] ?? "\(label)").prefix(16)),
        samples: samples(dataset, indices))
    }
  }

  private func samples(_ dataset: any Dataset, _ indices: [Int]) -> [Float] {
    let size = dataset.shape.elementCount
    return [Float](unsafeUninitializedCapacity: indices.count * size) { buffer, initialized in
      buffer.initialize(repeating: 0)
      for (place, index) in indices.enumerated() {
        dataset.copySample(
          at: index,
          into: UnsafeMutableBufferPointer(
            rebasing: buffer[place * size..<(place + 1) * size]))
      }
      initialized = indices.count * size
    }
  }
}

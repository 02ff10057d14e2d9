import ArgumentParser
import Base
import Datasets
import Reports

/// The command `data preview`: rank 0 opens the set as training would and draws the first samples.
///
/// Images and volumes are a table, a row a class, planes of a volume one under the other; points of
/// the plane, of which up to 5,000 are drawn, a scatter. Arrays that are no pictures are told so,
/// with status 0; a set of images with two or more than three channels is an error.
///
/// Prints path, size in pixels and the set's name. The ending of `--output` chooses PNG, SVG or
/// PDF.
struct DataPreviewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "preview",
    abstract: "Draw samples of a set, a row a class.")

  @OptionGroup var data: DataSetOptions

  /// Its folder must be there; its ending is checked before the data are opened.
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The picture, .png, .svg or .pdf.", valueName: "file"),
    completion: .file())
  var output: String

  /// 1 to 1000; fewer where a class has fewer samples.
  @Option(name: .long, help: "Samples in a row.")
  var columns = 10

  /// 1 to 1000: the first classes that have samples, or rows of the whole set where it has no
  /// classes.
  @Option(name: .long, help: "Rows at the most.")
  var rows = 10

  @Flag(name: .long, help: "Print one line of JSON.")
  var json = false

  /// What `--json` prints.
  private struct Report: Encodable {
    let dataset: String
    /// The picture, and its size in pixels; nil where none is drawn.
    let output: String?
    let width: Int?
    let height: Int?
  }

  /// Refuses numbers out of range, and endings that no picture has.
  ///
  /// - Throws: `ValidationError`, which ends with status 64.
  func validate() throws {
    guard (1...1000).contains(columns), (1...1000).contains(rows) else {
      throw ValidationError("--columns and --rows must be from 1 to 1000")
    }
    try Canvas.requireFormat(output)
  }

  /// Opens, draws and writes on rank 0.
  ///
  /// - Throws: `ExitCode` 1, after the error has been printed.
  func run() throws {
    try Job.onRoot(isJSON: json, checksProcessor: true) {
      let (dataset, range) = try data.open()
      let shape = dataset.shape
      let image: Canvas
      if shape == Shape(channels: 2) {
        image = DatasetPicture.draw(points: samples(dataset, Array(0..<min(5000, dataset.count))))
      } else {
        if dataset is ArrayDataset, shape.pixels == 1 || ![1, 3].contains(shape.channels) {
          // Not an error: there is a picture of some arrays only.
          return StandardOutput.print(
            try json
              ? JSONLine.text(
                Report(dataset: dataset.name, output: nil, width: nil, height: nil))
              : "\(dataset.name): samples of \(shape) are no pictures: none is drawn")
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
      StandardOutput.print(
        try json
          ? JSONLine.text(
            Report(
              dataset: dataset.name, output: output, width: image.width, height: image.height))
          : "\(output): \(image.width) x \(image.height) pixels of \(dataset.name)")
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

  /// The samples one behind the other, channels first, as networks see them.
  ///
  /// - Parameters:
  ///   - dataset: The set, with values in the configuration's range.
  ///   - indices: Below its count.
  /// - Returns: indices.count x elements of a sample.
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

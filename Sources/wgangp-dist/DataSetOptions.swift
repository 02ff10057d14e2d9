import ArgumentParser
import Base
import Configuration
import Datasets
import Recipe

/// Where a set is: a published set in its folder, or a configuration's `data` section.
///
/// `data verify` and `data preview` take these. Words without `=` are names of sets, words with it
/// overrides; a name goes with `--path` and `--split`, a configuration with overrides.
struct DataSetOptions: ParsableArguments {
  /// Only its `data` section is read: networks that fit nothing are no error here.
  @Option(
    name: .long, help: ArgumentHelp("A configuration: its data.", valueName: "file"),
    completion: .file())
  var config: String?

  /// Of a published set only; a configuration has `data.path`.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "The folder of a published set; without it the one that configs/ has.", valueName: "folder"),
    completion: .directory)
  var path: String?

  /// nil for `train`; `validation` is known of `mnist-pickle` alone.
  @Option(
    name: .long,
    help: "Of a published set: train (the default), test, or validation of mnist-pickle.",
    completion: .list(DatasetSplit.allCases.map(\.rawValue)))
  var split: String?

  @Argument(
    help: ArgumentHelp(
      "A published set's name, or a configuration's overrides.", valueName: "name|key=value"),
    completion: .list(PublishedDataset.all.map(\.name)))
  var words: [String] = []

  /// The published set that is asked for, nil for a configuration.
  ///
  /// - Returns: The set, and `--path` or the folder where configs/ look for it.
  /// - Throws: `Fault` for two sets, a set beside `--config`, neither of both, an unknown name, and
  ///   options of the one beside the other.
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
        error.statement, advice: "sources that are no published set need --config FILE")
    }
    guard overrides.isEmpty else {
      throw Fault(
        "found \(overrides.joined(separator: ", ")) with \(name); only --config takes key=value, a "
          + "published set takes --path and --split")
    }
    return (set, path ?? set.folder)
  }

  /// The samples, and what in them is black and white.
  ///
  /// - Returns: The set as training would open it, in memory or mapped; [-1, 1] for a published
  ///   one, else the configuration's range.
  /// - Throws: `Fault` as `published`, where files are missing or broken, and where the data have
  ///   other classes than `data.classes` says.
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

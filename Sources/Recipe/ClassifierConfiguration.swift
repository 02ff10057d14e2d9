import Base
import Configuration
import Datasets
import Storage
import Training

/// What a file says that `evaluate train-classifier` trains.
package struct ClassifierConfiguration {
  package let name: String
  package let data: RunConfiguration.DataSection
  /// The share of the samples that is held out, where the data set has no test part.
  package let heldOut: Double
  package let settings: ClassifierSettings
  private let root: ConfigurationReader

  /// - Throws: `ConfigurationError` naming file, line and key.
  package init(_ document: ConfigurationDocument) throws {
    let root = document.root()
    self.root = root
    name = try root.string("name")
    let seed = UInt64(try root.integer("seed", default: 0, in: 0...Int.max))
    _ = try root.width()
    let section = try root.section("data")
    data = try RunConfiguration.data(section)
    guard data.augmentation == nil else {
      throw section.fail("augment", "expected none: a classifier is trained on samples as they are")
    }
    heldOut = try root.number("heldOut", default: 0.1, in: 0...0.9, above: 0)
    settings = try ClassifierSettings(root, seed: seed)
  }

  /// Refuses keys that nobody has asked for: to be called when the network is built.
  package func finish() throws { try root.finish() }

  /// The published test part of the data; nil where it has none.
  package var test: RunConfiguration.DataSection? {
    var test = data
    switch data.source {
    case .idx(let path, let split): test.source = .idx(path: path, split: split.other)
    case .mnistPickle(let path, let split):
      test.source = .mnistPickle(path: path, split: split.other)
    // A single batch is the same whatever part is asked for.
    case .cifar10(let path, let split) where FileSystem.isDirectory(path):
      test.source = .cifar10(path: path, split: split.other)
    default: return nil
    }
    return test
  }
}

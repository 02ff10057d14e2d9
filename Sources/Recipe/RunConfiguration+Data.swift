import Base
import Configuration
import Datasets
import Foundation
import Training

extension RunConfiguration {
  /// Where the reals come from and in which order they are taken.
  package struct DataSection {
    package var source: DatasetSource
    /// What bytes 0 and 255 become; points in the plane have their own scale.
    package var range: ClosedRange<Float>
    package var limit: Int?
    package var resize: ImageSize?
    package var dequantization: Dequantization?
    /// What training does to the reals; nil for nothing.
    package var augmentation: RealAugmentation?
    package var order: SamplingOrder
    /// Classes of the labels that training uses; 0 for none.
    package var classes = 0
    /// What a run has kept of its arrays; nil for other data, and before they were read.
    package var record: ArrayRecord?
    /// What the numbers of a sample's condition are called; empty for none.
    package var numberNames: [String] = []
    /// Numbers of a sample's condition; 0 for none.
    package var numbers: Int { numberNames.count }
    let reader: ConfigurationReader

    /// What training conditions its samples on.
    package var condition: ConditionShape { ConditionShape(classes: classes, numbers: numbers) }

    /// What arrays the samples are, where they are any.
    package var arrays: ArraySettings? {
      guard case .array(let settings) = source else { return nil }
      return settings
    }

    /// Reads or draws the samples.
    ///
    /// - Throws: `Fault`; `ConfigurationError` where another value of a key would help.
    package func open() throws -> any Dataset {
      if let arrays { return try openArrays(arrays) }
      return try reader.locatingErrors {
        try source.open(
          range: range, limit: limit, resize: resize, dequantization: dequantization)
      }
    }

    /// Opens samples that training does not use: all of `DatasetSource.heldOut`, as they are read
    /// for training.
    ///
    /// - Parameter training: The samples of training, whose statistics arrays take; nil to take
    ///   those that the run has kept.
    /// - Returns: The samples.
    /// - Throws: `Fault`, also where there are none.
    package func openHeldOut(beside training: (any Dataset)? = nil) throws -> any Dataset {
      guard let heldOut = source.heldOut else {
        throw Fault("data.source: has no part that is not trained on")
      }
      do {
        if case .array(let settings) = heldOut {
          return try openHeldOut(settings, beside: training as? ArrayDataset)
        }
        return try heldOut.open(range: range, resize: resize, dequantization: dequantization)
      } catch { throw Fault("the data that are not trained on: \(error)") }
    }
  }

  /// What a document says of its data: it may have no networks.
  ///
  /// - Throws: `ConfigurationError`.
  package static func data(of document: ConfigurationDocument) throws -> DataSection {
    try data(document.root().section("data"))
  }

  /// - Throws: `ConfigurationError`, also for keys that the source does not have: the commands that
  ///   only read data build no networks and never come to `finish()`.
  static func data(_ section: ConfigurationReader) throws -> DataSection {
    let toys = ToyDistribution.Form.allCases.map(\.rawValue)
    let name = try section.choice(
      "source", of: ["idx", "cifar10", "mnistPickle", "imageFolder", "glyphs", "array"] + toys)
    if name == "array" { return try arrayData(section) }
    if let form = ToyDistribution.Form(rawValue: name) { return try toyData(section, form) }
    let source: DatasetSource
    switch name {
    case "idx":
      source = .idx(path: try section.path("path"), split: try split(section))
    case "cifar10":
      source = .cifar10(path: try section.path("path"), split: try split(section))
    case "mnistPickle":
      source = .mnistPickle(
        path: try section.path("path"), split: try split(section, of: DatasetSplit.allCases))
    case "imageFolder":
      source = .imageFolder(try imageFolder(section))
    default:
      let count = try section.integer("count", default: 10_000, in: 1...1_000_000)
      source = .glyphs(
        count: count, seed: UInt64(try section.integer("seed", default: 0, in: 0...Int.max)))
    }
    let (low, high) = try section.numberPair("range", default: (-1, 1))
    let ends = (low: Float(low), high: Float(high))
    guard ends.low < ends.high, (ends.high - ends.low).isFinite else {
      throw section.fail(
        "range",
        "expected [low, high] with low < high, finite in single precision, found [\(low), \(high)]")
    }
    let limit = try section.optionalInteger("limit", in: 1...Int.max)
    let resize = name == "imageFolder" ? nil : try section.optionalImageSize("resize")
    var dequantization: Dequantization?
    if let options = try section.optionalSection("dequantize") {
      let noise: Dequantization.Noise = try options.choice("noise")
      dequantization = Dequantization(
        levels: try options.integer("levels", default: 256, in: 2...256), noise: noise)
    }
    let augmentation = try augmentation(section, black: ends.low)
    let order = try section.choice("sampling", default: SamplingOrder.shuffled)
    let classes = try section.integer("classes", default: 0, in: 0...65536)
    try section.finish()
    return DataSection(
      source: source, range: ends.low...ends.high, limit: limit, resize: resize,
      dequantization: dequantization, augmentation: augmentation, order: order, classes: classes,
      reader: section)
  }

  private static func augmentation(
    _ section: ConfigurationReader, black: Float
  ) throws -> RealAugmentation? {
    guard let options = try section.optionalSection("augment") else { return nil }
    let flips = try options.boolean("flip", default: false)
    let crop = try options.integer("crop", default: 0, in: 0...16384)
    guard flips || crop > 0 else {
      throw section.fail("augment", "expected flip: true, crop: PIXELS or both, found neither")
    }
    return RealAugmentation(flips: flips, crop: crop, black: black)
  }

  private static func imageFolder(_ section: ConfigurationReader) throws -> ImageFolderSettings {
    let path = try section.path("path")
    guard let size = try section.optionalImageSize("size") else {
      throw section.fail("size", "missing; expected the pixels of a side, or [height, width]")
    }
    let crop = try section.choice("crop", default: ImageCrop.center)
    let channels = try section.integer("channels", default: 3, in: 1...3)
    guard channels != 2 else { throw section.fail("channels", "expected 1 or 3, found 2") }
    return ImageFolderSettings(
      path: path, size: size, crop: crop, channels: channels,
      cache: try section.optionalPath("cache"))
  }

  /// Points in the plane: fresh at every use unless an order of fixed ones is asked for.
  private static func toyData(
    _ section: ConfigurationReader, _ form: ToyDistribution.Form
  ) throws -> DataSection {
    let published = ToyDistribution(form)
    let distribution = ToyDistribution(
      form, noise: try section.number("noise", default: published.noise, in: 0...1e6),
      scale: try section.number("scale", default: published.scale, in: 0...1e6, above: 0))
    let count = try section.integer("count", default: 100_000, in: 1...100_000_000)
    // A condition is that of a sample's number, of which a fresh sample is no function.
    let isConditional = !distribution.conditionNames.isEmpty
    let sampling = try section.choice(
      "sampling", default: isConditional ? SamplingOrder.shuffled.rawValue : "fresh",
      of: (isConditional ? [] : ["fresh"]) + SamplingOrder.allCases.map(\.rawValue))
    let order = SamplingOrder(rawValue: sampling)
    var seed: UInt64?
    if order != nil { seed = UInt64(try section.integer("seed", default: 0, in: 0...Int.max)) }
    try section.finish()
    return DataSection(
      source: .toy(distribution, count: count, seed: seed), range: -1...1,
      order: order ?? .shuffled, numberNames: distribution.conditionNames, reader: section)
  }

  private static func split(
    _ section: ConfigurationReader, of splits: [DatasetSplit] = [.train, .test]
  ) throws -> DatasetSplit {
    try section.choice("split", default: .train, of: splits)
  }
}

extension ConfigurationReader {
  /// Pixels: one number for a square, or [height, width]; nil when the key is absent or null.
  func optionalImageSize(_ key: String) throws -> ImageSize? {
    let limits = 1...16384
    guard contains(key) else {
      _ = try optionalInteger(key, in: limits)
      return nil
    }
    if isList(key) {
      let sizes = try integers(key, count: 2...2, in: limits)
      return ImageSize(height: sizes[0], width: sizes[1])
    }
    let side = try integer(key, in: limits)
    return ImageSize(height: side, width: side)
  }
}

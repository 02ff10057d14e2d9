import Base

/// Where samples come from.
package enum DatasetSource: Sendable, Equatable {
  /// MNIST's file format: the files of `split` in folder `path`, see `loadIDX`.
  case idx(path: String, split: DatasetSplit)
  /// CIFAR-10's archive, folder or batch, binary or python version, see `loadCIFAR10`.
  case cifar10(path: String, split: DatasetSplit)
  /// `mnist.pkl.gz`, see `loadMNISTPickle`.
  case mnistPickle(path: String, split: DatasetSplit)
  /// Pictures, a class a folder, see `ImageFolderDataset`.
  case imageFolder(ImageFolderSettings)
  /// Digits that the program draws: sample i is a function of (seed, i), see `GlyphDataset`.
  case glyphs(count: Int, seed: UInt64)
  /// Points in the plane; new ones at every use without a seed, which a ring has, see `ToyDataset`.
  case toy(ToyDistribution, count: Int, seed: UInt64?)
  /// Samples of any shape in files of arrays, see `ArrayDataset`.
  case array(ArraySettings)

  /// Reads or draws the samples.
  ///
  /// - Parameters:
  ///   - range: Of images' values, the lower end first; bytes 0 and 255 become its ends.
  ///   - limit: At most so many samples, 1 or more, the first ones; nil for all of them.
  ///   - resize: The size that images are brought to as bytes, once (`PillowResampler`); not of
  ///     `imageFolder`, which has its own.
  ///   - dequantization: Of images.
  /// - Returns: The samples, in memory.
  /// - Throws: `Fault`, see the functions above.
  package func open(
    range: ClosedRange<Float>, limit: Int? = nil, resize: ImageSize? = nil,
    dequantization: Dequantization? = nil
  ) throws -> any Dataset {
    let extent = range.upperBound - range.lowerBound
    precondition(extent > 0 && extent.isFinite, "values in \(range)")
    if let images = try images(limit: limit, resize: resize) {
      return ByteImageDataset(images, range: range, dequantization: dequantization)
    }
    precondition(resize == nil, "\(self) has no images of another size")
    switch self {
    case .imageFolder(let settings):
      return try ImageFolderDataset.open(settings, range: range, dequantization: dequantization)
        .first(limit)
    case .toy(let distribution, let count, let seed):
      precondition(dequantization == nil, "\(distribution.form) gives no images")
      return try AvailableSamples(count: count) {
        ToyDataset(distribution, count: $0, seed: seed)
      }.first(limit)
    case .array(let settings):
      precondition(dequantization == nil, "arrays are no images")
      let arrays = try HeldArrays(settings, limit: limit)
      return try ArrayDataset(
        settings, arrays, statistics: ArrayDataset.findStatistics(settings, arrays))
    case .idx, .cifar10, .mnistPickle, .glyphs: preconditionFailure("\(self) has images")
    }
  }

  /// Whether the samples are images in a process's own memory, which processes of a node can share
  /// (`SharedImages`): folders are mapped from a file as it is.
  package var holdsImages: Bool {
    switch self {
    case .idx, .cifar10, .mnistPickle, .glyphs: true
    case .imageFolder, .toy, .array: false
    }
  }

  /// Whether networks take other numbers as conditions than the files have, so that
  /// `Dataset.transformCondition` is to be asked.
  package var transformsConditions: Bool {
    guard case .array(let settings) = self else { return false }
    return !settings.conditionTransforms.isEmpty
  }

  /// What the classes are called, where folders are classes and can be looked into; else empty.
  package var classNames: [String] {
    guard case .imageFolder(let settings) = self else { return [] }
    return (try? ImageFolderListing.classNames(in: settings.path)) ?? []
  }

  /// Reads or draws images as bytes.
  ///
  /// - Parameters:
  ///   - limit: As in `open`.
  ///   - resize: As in `open`.
  /// - Returns: The images; nil where `holdsImages` says that there are none to be had.
  /// - Throws: `Fault`, see the functions above.
  package func images(limit: Int?, resize: ImageSize?) throws -> ByteImages? {
    let available: AvailableSamples<ByteImages>
    switch self {
    case .idx(let path, let split): available = try loadIDX(directory: path, split: split)
    case .cifar10(let path, let split): available = try loadCIFAR10(path: path, split: split)
    case .mnistPickle(let path, let split):
      available = try loadMNISTPickle(path: path, split: split)
    case .glyphs(let count, let seed):
      available = AvailableSamples(count: count) { GlyphDataset.make(count: $0, seed: seed) }
    case .imageFolder, .toy, .array: return nil
    }
    let images = try available.first(limit)
    return resize.map(images.resized) ?? images
  }
}

/// Pixels of an image, or of what it is brought to.
package struct ImageSize: Sendable, Equatable {
  package var height: Int
  package var width: Int

  package init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }
}

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
  /// Points in the plane; new ones at every use without a seed, see `ToyDataset`.
  case toy(ToyDistribution, count: Int, seed: UInt64?)

  /// Reads or draws the samples.
  ///
  /// - Parameters:
  ///   - range: Of images' values, the lower end first; bytes 0 and 255 become its ends.
  ///   - limit: At most so many samples, 1 or more, the first ones; nil for all of them.
  ///   - resize: The size that images are brought to as bytes, once (`BilinearResampler`); not of
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
    func opened(_ images: AvailableSamples<ByteImages>) throws -> any Dataset {
      let images = try images.first(limit)
      return ByteImageDataset(
        resize.map(images.resized) ?? images, range: range, dequantization: dequantization)
    }
    switch self {
    case .idx(let path, let split):
      return try opened(loadIDX(directory: path, split: split))
    case .cifar10(let path, let split):
      return try opened(loadCIFAR10(path: path, split: split))
    case .mnistPickle(let path, let split):
      return try opened(loadMNISTPickle(path: path, split: split))
    case .glyphs(let count, let seed):
      return try opened(
        AvailableSamples(count: count) { GlyphDataset.make(count: $0, seed: seed) })
    case .imageFolder(let settings):
      precondition(resize == nil, "imageFolder has its own size")
      return try ImageFolderDataset.open(settings, range: range, dequantization: dequantization)
        .first(limit)
    case .toy(let distribution, let count, let seed):
      precondition(resize == nil && dequantization == nil, "\(distribution.form) gives no images")
      return try AvailableSamples(count: count) {
        ToyDataset(distribution, count: $0, seed: seed)
      }.first(limit)
    }
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

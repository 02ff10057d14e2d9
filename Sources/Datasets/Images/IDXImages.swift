import Base
import Storage

/// Loads grey images in the format and under the names of MNIST's files.
///
/// The folder holds `train-images-idx3-ubyte` and `train-labels-idx1-ubyte` (`t10k-...` for the
/// test split), plain or with `.gz`; where both are there the plain one is read. Without a label
/// file the data set has no classes.
///
/// - Parameters:
///   - directory: the folder.
///   - split: which two files.
/// - Returns: the images as one channel, and their labels.
/// - Throws: `Fault` if the folder or the image file is not there, a file is damaged (see
///   `IDXFile.open`), or there are not as many labels as images.
package func loadIDX(
  directory: String, split: DatasetSplit
) throws -> AvailableSamples<ByteImages> {
  guard FileSystem.exists(directory) else {
    throw Fault(
      "\(directory): no such folder; expected one with \(split.expectedFiles)",
      advice: PublishedDataset.advice(directory, of: ["mnist", "fashion-mnist"]))
  }
  guard FileSystem.isDirectory(directory) else {
    throw Fault(
      "\(directory): a file; expected the folder that holds \(split.expectedFiles)")
  }
  guard let imagePath = existing(split.imageFile, in: directory) else {
    let missing = "\(directory): no \(split.imageFile)[.gz]; expected \(split.expectedFiles)"
    guard existing(split.other.imageFile, in: directory) != nil else {
      throw Fault(missing)
    }
    throw Fault(
      "\(missing); this folder has the \(split.other) split", parameter: "split")
  }
  let images = try IDXFile.open(imagePath, content: .images)
  var labels: [UInt8] = []
  // Counted over the whole file: a limit must not change the shape of a conditional network.
  var classCount = 0
  if let labelPath = existing(split.labelFile, in: directory) {
    let file = try IDXFile.open(labelPath, content: .labels)
    guard file.count == images.count else {
      throw Fault(
        "\(labelPath): \(file.count) labels, but \(imagePath) has \(images.count) images; "
          + "expected one each")
    }
    labels = try file.first().elements
    classCount = Int(labels.max() ?? 0) + 1
  }
  return images.map { [labels, classCount] file in
    ByteImages(
      name: "idx \(directory) (\(split))",
      shape: Shape(channels: 1, height: file.dimensions[1], width: file.dimensions[2]),
      pixels: file.elements, labels: Array(labels.prefix(file.dimensions[0])),
      classCount: classCount)
  }
}

/// The path of `name`, or else of `name.gz`, in `directory`; nil if neither is there.
private func existing(_ name: String, in directory: String) -> String? {
  let base = directory.hasSuffix("/") ? directory + name : directory + "/" + name
  return [base, base + ".gz"].first(where: FileSystem.exists)
}

extension DatasetSplit {
  /// The published files call the test split by its size; there is no validation split.
  private var filePrefix: String { self == .train ? "train" : "t10k" }

  fileprivate var imageFile: String { filePrefix + "-images-idx3-ubyte" }
  fileprivate var labelFile: String { filePrefix + "-labels-idx1-ubyte" }

  fileprivate var expectedFiles: String {
    "\(imageFile)[.gz] and, for labels, \(labelFile)[.gz]"
  }
}

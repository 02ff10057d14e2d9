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
///   - range: what bytes 0 and 255 become.
///   - limit: at most so many samples, from the front; nil for all of them.
/// - Returns: the images as one channel, and their labels.
/// - Throws: `DatasetError` if the folder or the image file is not there, a file is damaged (see
///   `IDXFile.read`), or there are not as many labels as images.
package func loadIDX(
  directory: String, split: DatasetSplit, range: ClosedRange<Float>, limit: Int? = nil
) throws -> ByteImageDataset {
  guard FileSystem.exists(directory) else {
    throw DatasetError(
      "\(directory): no such folder; expected one with \(split.expectedFiles)")
  }
  guard FileSystem.isDirectory(directory) else {
    throw DatasetError(
      "\(directory): a file; expected the folder that holds \(split.expectedFiles)")
  }
  guard let imagePath = existing(split.imageFile, in: directory) else {
    let otherIsThere = existing(split.other.imageFile, in: directory) != nil
    let hint =
      otherIsThere
      ? "; this folder has the \(split.other) split: data.split=\(split.other)" : ""
    throw DatasetError(
      "\(directory): no \(split.imageFile)[.gz]; expected \(split.expectedFiles)\(hint)")
  }
  if let limit, limit <= 0 { throw DatasetError("data.limit: found \(limit), expected 1 or more") }

  let images = try IDXFile.read(imagePath, content: .images)
  let available = images.dimensions[0]
  let count = min(limit ?? available, available)
  var labels: [UInt8] = []
  // Counted over the whole file: a limit must not change the shape of a conditional network.
  var classCount = 0
  if let labelPath = existing(split.labelFile, in: directory) {
    let file = try IDXFile.read(labelPath, content: .labels)
    guard file.elements.count == available else {
      throw DatasetError(
        "\(labelPath): \(file.elements.count) labels, but \(imagePath) has \(available) images; "
          + "expected one each")
    }
    labels = count == available ? file.elements : Array(file.elements.prefix(count))
    classCount = Int(file.elements.max() ?? 0) + 1
  }
  let shape = Shape(channels: 1, height: images.dimensions[1], width: images.dimensions[2])
  let size = count * shape.elementCount
  return ByteImageDataset(
    name: "idx \(directory) (\(split))", shape: shape,
    pixels: count == available ? images.elements : Array(images.elements.prefix(size)),
    labels: labels, classCount: classCount, range: range)
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

import Base
import Storage

/// Loads `mnist.pkl.gz`: 50,000 images to train with, 10,000 to validate and 10,000 to test, as
/// floats in [0, 1).
///
/// The published floats are multiples k/256, the white of MNIST being 255/256. They are kept as
/// bytes k: a value becomes low + (high - low) * k / 256, which for 0 ... 1 is the float in the
/// file. Files that others made with k/255 are told apart by their values and read with 255.
///
/// - Parameters:
///   - path: the file, compressed with gzip or not, or the folder that holds `mnist.pkl.gz`.
///   - split: one of three.
/// - Returns: grey images of 28 x 28 in ten classes.
/// - Throws: `Fault` if the file is not there, is damaged, holds other values, or is a
///   pickle that does more than hold images.
package func loadMNISTPickle(
  path: String, split: DatasetSplit
) throws -> AvailableSamples<ByteImages> {
  var file = path
  if FileSystem.isDirectory(path) {
    file = path.hasSuffix("/") ? path + "mnist.pkl.gz" : path + "/mnist.pkl.gz"
  }
  guard FileSystem.exists(file) else {
    throw Fault(
      "\(file): no such file; expected mnist.pkl.gz",
      advice: PublishedDataset.advice(FileSystem.folder(of: file), of: ["mnist-pickle"]))
  }
  // 220 MB unpacked.
  let bytes = try DecompressedFile.contents(of: file, limit: 1 << 28)
  let value = try PickleReader.read(bytes, path: file)
  guard case .tuple(let splits) = value, splits.items.count == 3 else {
    throw Fault(
      "\(file): expected a tuple of three pairs (train, validation, test), found \(value.kind)")
  }
  let pair = splits.items[split == .train ? 0 : split == .validation ? 1 : 2]
  guard case .tuple(let parts) = pair, parts.items.count == 2,
    case .array(let images) = parts.items[0], case .array(let labels) = parts.items[1]
  else {
    throw Fault(
      "\(file): \(split): expected a pair of numpy arrays, found \(pair.kind)")
  }
  guard images.shape.count == 2, images.shape[0] > 0, images.shape[1] == 28 * 28,
    images.dataType?.code == "f4", images.dataType?.isBigEndian == false, !images.isFortranOrdered
  else {
    throw Fault(
      "\(file): \(split): expected little-endian float32 images of count x 784, found "
        + "shape \(images.shape) of \(images.dataType?.code ?? "no type")")
  }
  guard labels.shape == [images.shape[0]] else {
    throw Fault(
      "\(file): \(split): expected \(images.shape[0]) labels, found shape \(labels.shape)")
  }
  let (pixels, divisor) = try quantized(images, path: "\(file): \(split)")
  return AvailableSamples(
    ByteImages(
      name: "mnistPickle \(path) (\(split))", shape: Shape(channels: 1, height: 28, width: 28),
      pixels: pixels, labels: try classes(labels, path: "\(file): \(split)"), classCount: 10,
      white: divisor))
}

/// The bytes k of floats k/256, or else of k/255, and which it is.
private func quantized(_ array: PickleArray, path: String) throws -> ([UInt8], Int) {
  var failure = (index: 0, value: Float(0))
  for divisor in [256, 255] {
    var isExact = true
    let pixels = array.bytes.withUnsafeBytes { bytes in
      let count = bytes.count / 4
      return [UInt8](unsafeUninitializedCapacity: count) { output, initialized in
        for index in 0..<count {
          let bits = bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
          let value = Float(bitPattern: UInt32(littleEndian: bits))
          let byte = UInt8(exactly: (value * Float(divisor)).rounded())
          guard let byte, Float(byte) / Float(divisor) == value else {
            isExact = false
            failure = (index, value)
            break
          }
          output.initializeElement(at: index, to: byte)
          initialized = index + 1
        }
      }
    }
    if isExact { return (pixels, divisor) }
  }
  throw Fault(
    "\(path): value \(failure.value) of image \(failure.index / 784) is not k/256 (nor k/255) for "
      + "a byte k", advice: "is it the published file?")
}

/// Little-endian integers 0 to 9.
private func classes(_ array: PickleArray, path: String) throws -> [UInt8] {
  guard let type = array.dataType, type.code == "i8" || type.code == "i4" || type.code == "u1",
    !type.isBigEndian
  else {
    throw Fault(
      "\(path): expected labels of type i8, i4 or u1, found \(array.dataType?.code ?? "none")")
  }
  return try (0..<array.count).map { index in
    let first = array.bytes.startIndex + index * type.size
    let bytes = array.bytes[first..<(first + type.size)]
    guard let label = bytes.first, label <= 9, bytes.dropFirst().allSatisfy({ $0 == 0 }) else {
      throw Fault("\(path): label of image \(index): expected 0 to 9")
    }
    return label
  }
}

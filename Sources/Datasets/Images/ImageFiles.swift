import Base
import Foundation
import Pictures
import Storage

/// Images of any program: a folder of pictures, or a NumPy array in a `.npy` or `.npz` file.
package enum ImageFiles {
  /// How an array is to be understood.
  package struct Options: Sendable {
    /// The array's name in `.npz` files; nil as `NumPyReader` has it.
    package var array: String?
    /// Where its channels are; nil to find them.
    package var layout: ArrayLayout?
    /// The numbers that stand for black and white, where they are no bytes; nil to find them.
    package var stored: ClosedRange<Float>?

    package init() {}
  }

  /// Reads images.
  ///
  /// Pictures are grey where all of the folder are: where their red, green and blue are the same.
  ///
  /// - Parameters:
  ///   - path: The folder or file.
  ///   - options: How an array is to be understood.
  ///   - range: What black and white become.
  /// - Returns: The images, in memory.
  /// - Throws: `Fault` where they cannot be read, or pictures are of several sizes.
  package static func open(
    _ path: String, _ options: Options = Options(), range: ClosedRange<Float> = -1...1
  ) throws -> any Dataset {
    guard FileSystem.exists(path) else { throw Fault("\(path): no such file or folder") }
    if FileSystem.isDirectory(path) {
      return ByteImageDataset(try pictures(in: path), range: range)
    }
    let hasNames = try !NumPyReader.names(in: path).isEmpty
    let images = try ArrayImages(
      path: path, array: hasNames ? options.array : nil, layout: options.layout)
    switch images.values {
    case .bytes(let bytes):
      return ByteImageDataset(
        ByteImages(name: images.name, shape: images.shape, pixels: bytes), range: range)
    case .numbers(let numbers):
      return try FloatImageDataset(
        name: images.name, shape: images.shape, values: numbers, stored: options.stored,
        range: range)
    }
  }

  /// Refuses options that say nothing of any of some files.
  ///
  /// - Parameters:
  ///   - options: How arrays are to be understood.
  ///   - paths: Folders or files, all of which can be read.
  /// - Throws: `Fault`, naming the option as the command line has it.
  package static func requireUse(of options: Options, in paths: [String]) throws {
    let arrays = try paths.filter { !FileSystem.isDirectory($0) }.map { path in
      let hasNames = try !NumPyReader.names(in: path).isEmpty
      let reader = try NumPyReader(path: path, array: hasNames ? options.array : nil)
      return (hasNames: hasNames, header: reader.header)
    }
    let list = paths.joined(separator: " and ")
    if options.array != nil, !arrays.contains(where: \.hasNames) {
      throw Fault("--array: expected a .npz file, found \(list)")
    }
    if options.layout != nil, !arrays.contains(where: { $0.header.shape.count == 4 }) {
      throw Fault("--layout: expected an array of four dimensions, found none in \(list)")
    }
    if options.stored != nil, !arrays.contains(where: { $0.header.type != .uint8 }) {
      throw Fault("--range: expected an array of numbers other than bytes, found none in \(list)")
    }
  }

  private static func pictures(in folder: String) throws -> ByteImages {
    let files = try ImageFolderListing(folder).files
    // Of the first that can be read: those that cannot are named together, below.
    let first = files.lazy.compactMap { try? Picture.read("\(folder)/\($0)") }.first
    let size = first?.pixels.count ?? 0
    let (total, overflow) = size.multipliedReportingOverflow(by: files.count)
    guard !overflow else { throw Fault("\(folder): \(files.count) pictures of \(size) bytes") }
    try MemoryLimit.require(total, for: folder)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(total)
    try PictureReading.forEachBlock(of: files, in: folder) { file in
      try Picture.read("\(folder)/\(file)")
    } use: { block, pictures in
      guard let first else { return }
      for (file, picture) in zip(block, pictures) {
        guard picture.width == first.width, picture.height == first.height else {
          throw Fault(
            "\(folder): pictures of several sizes: \(file) has \(picture.width) x "
              + "\(picture.height) pixels, \(files[0]) has \(first.width) x \(first.height)")
        }
        pixels += picture.pixels
      }
    }
    guard let first else { throw Fault("\(folder): no PNG or JPEG pictures") }
    let grey = greyPixels(of: pixels)
    return ByteImages(
      name: folder,
      shape: Shape(channels: grey == nil ? 3 : 1, height: first.height, width: first.width),
      pixels: grey ?? pixels)
  }

  /// A byte a pixel where all have three of the same; nil otherwise.
  private static func greyPixels(of pixels: [UInt8]) -> [UInt8]? {
    var grey: [UInt8] = []
    grey.reserveCapacity(pixels.count / 3)
    for first in stride(from: 0, to: pixels.count, by: 3) {
      let value = pixels[first]
      guard pixels[first + 1] == value, pixels[first + 2] == value else { return nil }
      grey.append(value)
    }
    return grey
  }
}

import Base
import Storage

/// Where an array of images has its channels.
package enum ArrayLayout: String, Sendable, CaseIterable {
  /// Images, height, width, channels.
  case nhwc
  /// Images, channels, height, width.
  case nchw
}

/// Images of a NumPy array, in memory: of grey or colour, bytes or numbers.
package struct ArrayImages: Sendable {
  package enum Values: Sendable {
    case bytes([UInt8])
    case numbers([Float])
  }

  /// The file.
  package let name: String
  /// Of one image.
  package let shape: Shape
  package let count: Int
  /// Channels last.
  package let values: Values

  /// Reads an array.
  ///
  /// - Parameters:
  ///   - path: A `.npy` or `.npz` file.
  ///   - array: The array's name in a `.npz` file, as in `NumPyReader`.
  ///   - layout: Where the channels are; nil to find the dimension of 1 or 3.
  /// - Throws: `Fault` where the file cannot be read, or is no array of images.
  package init(path: String, array: String? = nil, layout: ArrayLayout? = nil) throws {
    let reader = try NumPyReader(path: path, array: array)
    let header = reader.header
    name = reader.name
    let (shape, order) = try Self.shape(of: header.shape, layout, name: reader.name)
    self.shape = shape
    count = header.shape[0]
    let places = ElementOrder(
      shape: header.shape, isFortranOrdered: header.isFortranOrdered, targetOrder: order)
    let total = header.elementCount
    guard header.type == .uint8 else {
      try MemoryLimit.require(total * MemoryLayout<Float>.stride, for: path)
      values = .numbers(
        try Self.elements(total, in: places) { place in
          try reader.forEachFloats(place)
        })
      return
    }
    try MemoryLimit.require(total, for: path)
    values = .bytes(
      try Self.elements(total, in: places) { place in
        try reader.forEachPiece { try place($0.bindMemory(to: UInt8.self)) }
      })
  }

  /// Elements at their places in the target.
  private static func elements<Element>(
    _ count: Int, in places: ElementOrder,
    read: (_ place: (UnsafeBufferPointer<Element>) throws -> Void) throws -> Void
  ) throws -> [Element] {
    try [Element](unsafeUninitializedCapacity: count) { output, initialized in
      var places = places
      var done = 0
      try read { part in
        if places.isPlain {
          _ = UnsafeMutableBufferPointer(rebasing: output[done..<done + part.count])
            .initialize(fromContentsOf: part)
        } else {
          for element in part {
            output.initializeElement(at: places.place, to: element)
            places.advance()
          }
        }
        done += part.count
      }
      initialized = done
    }
  }

  /// The shape of an image, and the array's indices in the order images, height, width, channels.
  private static func shape(
    of sizes: [Int], _ layout: ArrayLayout?, name: String
  ) throws -> (Shape, order: [Int]) {
    let text = sizes.map(String.init).joined(separator: " x ")
    guard sizes.allSatisfy({ $0 > 0 }) else {
      throw Fault("\(name): an array of \(text) has no images")
    }
    if sizes.count == 3 {
      return (Shape(channels: 1, height: sizes[1], width: sizes[2]), [0, 1, 2])
    }
    guard sizes.count == 4 else {
      throw Fault(
        "\(name): found an array of \(text.isEmpty ? "one number" : text), expected images: "
          + "n x height x width x channels, n x channels x height x width, or n x height x width")
    }
    let isChannels = { (size: Int) in size == 1 || size == 3 }
    let found: ArrayLayout
    switch (layout, isChannels(sizes[3]), isChannels(sizes[1])) {
    case (let layout?, _, _): found = layout
    case (nil, true, false): found = .nhwc
    case (nil, false, true): found = .nchw
    case (nil, true, true):
      throw Fault("\(name): an array of \(text) can be nhwc or nchw: say which by --layout")
    case (nil, false, false):
      throw Fault("\(name): an array of \(text) has no dimension of 1 or 3 channels")
    }
    let isLast = found == .nhwc
    let channels = sizes[isLast ? 3 : 1]
    guard isChannels(channels) else {
      throw Fault("\(name): \(text) as \(found) has \(channels) channels; expected 1 or 3")
    }
    return (
      Shape(channels: channels, height: sizes[isLast ? 1 : 2], width: sizes[isLast ? 2 : 3]),
      isLast ? [0, 1, 2, 3] : [0, 2, 3, 1]
    )
  }
}

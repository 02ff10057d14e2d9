import Base

/// What a safetensors file says of itself in its header, checked against the bytes it has.
struct SafetensorsHeader {
  /// One tensor's place and shape.
  struct Tensor {
    var type: ElementType
    var shape: [Int]
    /// Places in the file.
    var bytes: Range<Int>
  }

  private(set) var metadata: [String: String] = [:]
  private(set) var tensors: [String: Tensor] = [:]
  /// The tensors' names in the order of their bytes.
  private(set) var names: [String] = []
  private let path: String

  /// The longest header that is believed; the reference implementation's limit.
  private static let longest = 100_000_000

  /// Far more than a network has; a header can list a million empty ones.
  private static let mostTensors = 1 << 16
  private static let mostDimensions = 64

  /// Reads and checks a header.
  ///
  /// - Parameters:
  ///   - contents: The whole file.
  ///   - path: The file, for messages.
  /// - Throws: `Fault` if the file is shorter than its header says, the header is not the
  ///   expected JSON, or its tensors do not tile the data exactly.
  init(of contents: [UInt8], path: String) throws {
    self.path = path
    if let other = ForeignFile.inPlaceOfSafetensors(contents) {
      throw Fault("\(path): \(other); a safetensors file is expected")
    }
    let data = try dataRange(of: contents)
    do { try read(contents, data) } catch let failure as HeaderScanner.Failure {
      throw broken(failure.reason)
    }
    names = try namesInOrder(tiling: data)
  }

  /// Where the tensors' bytes are: behind eight bytes with the header's length and the header.
  private func dataRange(of contents: [UInt8]) throws -> Range<Int> {
    guard contents.count >= 8 else {
      throw broken("it has \(contents.count) bytes, the header's length alone takes 8")
    }
    let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(contents[$1]) << (8 * $1) }
    guard length <= Self.longest else {
      throw broken(
        "the header's length is given as \(length), at most \(Self.longest) is expected")
    }
    let start = 8 + Int(length)
    guard start <= contents.count else {
      throw broken("truncated: the header takes \(length) bytes, \(contents.count - 8) are left")
    }
    return start..<contents.count
  }

  private mutating func read(_ contents: [UInt8], _ data: Range<Int>) throws {
    var scanner = HeaderScanner(contents, in: 8..<data.lowerBound)
    guard scanner.isNext("{") else {
      try scanner.skipValue()
      throw broken("the header is not an object")
    }
    var (metadata, tensors) = ([String: String](), [String: Tensor]())
    try scanner.object { scanner, name in
      guard name != "__metadata__" else {
        metadata = try texts(&scanner)
        return
      }
      // Names are quoted in messages, and are words everywhere.
      guard !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
      else { throw broken("the name of a tensor has a control character") }
      guard tensors.count < Self.mostTensors else {
        throw broken("more than \(Self.mostTensors) tensors")
      }
      let tensor = try tensor(name, &scanner, in: data)
      guard tensors.updateValue(tensor, forKey: name) == nil else {
        throw broken("two tensors are named '\(name)'")
      }
    }
    try scanner.finish()
    (self.metadata, self.tensors) = (metadata, tensors)
  }

  private func texts(_ scanner: inout HeaderScanner) throws -> [String: String] {
    let failure = broken("__metadata__ is not an object of strings")
    guard scanner.isNext("{") else { throw failure }
    var texts: [String: String] = [:]
    try scanner.object { scanner, key in
      guard let text = try scanner.optionalText() else { throw failure }
      texts[key] = text
    }
    return texts
  }

  /// One tensor's entry, whose bytes lie in `data` and are as many as its shape takes.
  private func tensor(
    _ name: String, _ scanner: inout HeaderScanner, in data: Range<Int>
  ) throws -> Tensor {
    var (foundType, foundShape, foundOffsets): (String?, [Int]?, [Int]?)
    if scanner.isNext("{") {
      try scanner.object { scanner, key in
        switch key {
        case "dtype": foundType = try scanner.optionalText()
        case "shape": foundShape = try scanner.integers(most: Self.mostDimensions)
        case "data_offsets": foundOffsets = try scanner.integers(most: 2)
        default: try scanner.skipValue()
        }
      }
    } else {
      try scanner.skipValue()
    }
    guard let foundType, let shape = foundShape, let offsets = foundOffsets,
      offsets.count == 2
    else {
      throw broken("tensor '\(name)' lacks dtype, shape or data_offsets: [begin, end]")
    }
    guard let type = ElementType(rawValue: foundType) else {
      throw broken("tensor '\(name)' has the unknown dtype \(foundType)")
    }
    let (begin, end) = (offsets[0], offsets[1])
    guard 0 <= begin, begin <= end, end <= data.count else {
      throw broken(
        "tensor '\(name)' takes the bytes \(begin) to \(end) of \(data.count); truncated?")
    }
    guard let byteCount = checkedProduct(shape + [type.byteCount]), byteCount == end - begin else {
      throw broken("tensor '\(name)' is \(type.rawValue) \(shape), but takes \(end - begin) bytes")
    }
    let start = data.lowerBound
    return Tensor(type: type, shape: shape, bytes: start + begin..<start + end)
  }

  /// The names by the tensors' places, which leave no byte of `data` out and share none.
  private func namesInOrder(tiling data: Range<Int>) throws -> [String] {
    // Several empty tensors may begin at one byte: the name makes their order the same every time.
    let inOrder = tensors.sorted { left, right in
      let (a, b) = (left.value.bytes, right.value.bytes)
      return (a.lowerBound, a.upperBound, left.key) < (b.lowerBound, b.upperBound, right.key)
    }
    var position = data.lowerBound
    for (name, tensor) in inOrder {
      let begin = tensor.bytes.lowerBound
      guard begin == position else {
        let what = begin < position ? "overlaps the one before" : "leaves a hole"
        throw broken(
          "tensor '\(name)' begins at byte \(begin - data.lowerBound) and \(what), "
            + "\(position - data.lowerBound) is expected")
      }
      position = tensor.bytes.upperBound
    }
    guard position == data.upperBound else {
      throw broken("\(data.upperBound - position) bytes at its end belong to no tensor")
    }
    return inOrder.map(\.key)
  }

  private func broken(_ what: String) -> Fault {
    Fault("\(path): not a valid safetensors file: \(what.onOneLine)")
  }
}

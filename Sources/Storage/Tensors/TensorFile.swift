import Base

/// A file of named tensors of safetensors, PyTorch or Paddle; its first bytes tell which.
///
/// | | what is read |
/// |---|---|
/// | safetensors | as `SafetensorsFile` |
/// | PyTorch | the zip that `torch.save` writes since version 1.6: a pickle, a file a storage |
/// | | what it wrote before: pickles, and the storages behind them |
/// | Paddle | what `paddle.save` writes of a state dict: a pickle of numpy arrays by name |
///
/// Dictionaries in each other make names with points: `generator.0.weight`. What is no tensor (an
/// epoch, an optimizer's betas) is left out. Pickles are read by `PickleReader`: nothing is run.
package struct TensorFile: TensorSource {
  package enum Format: String, Sendable {
    case safetensors, pytorch, paddle
  }

  /// A tensor of a pickle.
  private enum Pickled {
    case array(PickleArray)
    case tensor(PickleTensor)
  }

  package let path: String
  package let format: Format
  package let names: [String]
  private let file: SafetensorsFile?
  private let pickled: [String: Pickled]
  /// The bytes of PyTorch's storages, by their keys.
  private let storages: [String: [UInt8]]

  /// Reads and checks a file.
  ///
  /// - Parameter path: The file.
  /// - Throws: `Fault` naming the path if it cannot be read, is damaged, of another format, or its
  ///   pickle holds or does what is not known.
  package init(path: String) throws {
    let bytes = try FileSystem.readFile(path)
    Messages.detail("reads \(path), \(bytes.count) bytes")
    self.path = path
    if let pointer = ForeignFile.pointer(bytes) { throw Fault("\(path): \(pointer)") }
    if bytes.starts(with: [0x50, 0x4B, 3, 4]) {
      (pickled, names, storages) = try Self.torchZip(bytes, path: path)
      (format, file) = (.pytorch, nil)
    } else if bytes.starts(with: Self.legacyStart) {
      (pickled, names, storages) = try Self.torchLegacy(bytes, path: path)
      (format, file) = (.pytorch, nil)
    } else if bytes.first == 0x80, bytes.count > 8, bytes[7] != 0 || bytes[8] != UInt8(ascii: "{") {
      (pickled, names) = try Self.tensors(bytes, path: path)
      (format, file, storages) = (.paddle, nil, [:])
    } else {
      let file = try SafetensorsFile(path: path, contents: bytes)
      (format, names) = (.safetensors, file.names)
      (self.file, pickled, storages) = (file, [:], [:])
    }
  }

  /// PROTO 2, LONG1 of ten bytes: the magic number that `torch.save` wrote in front.
  private static let legacyStart: [UInt8] = [
    0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
  ]

  package func contains(_ name: String) -> Bool {
    file?.contains(name) ?? (pickled[name] != nil)
  }

  package func entry(_ name: String) throws -> (dtype: String, shape: [Int]) {
    if let file { return try file.entry(name) }
    switch try tensor(name) {
    case .array(let array): return (Self.type(of: array)?.rawValue ?? "a numpy type", array.shape)
    case .tensor(let tensor): return (tensor.storage.type.rawValue, tensor.shape)
    }
  }

  package func floats(_ name: String) throws -> [Float] {
    if let file { return try file.floats(name) }
    return try elements(name, expected: Self.floatTypes) { $0.floats }
  }

  package func integers(_ name: String) throws -> [Int] {
    if let file { return try file.integers(name) }
    return try elements(name, expected: Self.integerTypes) { $0.integers }
  }

  private func tensor(_ name: String) throws -> Pickled {
    guard let tensor = pickled[name] else { throw missing(name) }
    return tensor
  }

  private func elements<Element>(
    _ name: String, expected: String,
    _ convert: (ElementType) -> (UnsafeRawBufferPointer) -> [Element]?
  ) throws -> [Element] {
    let (found, elements): (String, [Element]?)
    switch try tensor(name) {
    case .array(let array):
      guard array.dataType?.isBigEndian != true || array.dataType?.size == 1 else {
        throw Fault("\(path): tensor '\(name)' is big-endian, little-endian is expected")
      }
      found = try entry(name).dtype
      let values = Self.type(of: array).flatMap { type in
        array.bytes.withUnsafeBytes { convert(type)($0) }
      }
      // The first dimension fastest: the transposed array's order.
      let strides = array.shape.indices.map { array.shape[..<$0].reduce(1, *) }
      elements =
        array.isFortranOrdered
        ? values.map { Self.gathered($0, offset: 0, shape: array.shape, strides: strides) } : values
    case .tensor(let tensor):
      let type = tensor.storage.type
      found = type.rawValue
      let bytes = storages[tensor.storage.key] ?? []
      let first = tensor.isContiguous ? tensor.offset : 0
      let count = tensor.isContiguous ? tensor.count : tensor.storage.count
      let range = first * type.byteCount..<(first + count) * type.byteCount
      let values = bytes.withUnsafeBytes {
        convert(type)(UnsafeRawBufferPointer(rebasing: $0[range]))
      }
      elements =
        tensor.isContiguous
        ? values
        : values.map {
          Self.gathered($0, offset: tensor.offset, shape: tensor.shape, strides: tensor.strides)
        }
    }
    guard let elements else { throw wrongType(name, found, expected: expected) }
    return elements
  }

  /// The elements of a view, last dimension fastest.
  private static func gathered<Element>(
    _ values: [Element], offset: Int, shape: [Int], strides: [Int]
  ) -> [Element] {
    var places = [offset]
    for (size, stride) in zip(shape, strides) {
      places = places.flatMap { place in (0..<size).map { place + $0 * stride } }
    }
    return places.map { values[$0] }
  }

  private static func type(of array: PickleArray) -> ElementType? {
    array.dataType.flatMap { ElementType(numpy: $0.code) }
  }

  // MARK: - Reading

  private typealias Tensors = (tensors: [String: Pickled], names: [String])

  /// Reads PyTorch's zip: `NAME/data.pkl`, and the storages `NAME/data/KEY`.
  private static func torchZip(
    _ bytes: [UInt8], path: String
  ) throws -> (tensors: [String: Pickled], names: [String], storages: [String: [UInt8]]) {
    var files = try Archive.files(in: bytes, format: .zip, path: path) { $0 }
    let pickles = files.keys.filter { $0.hasSuffix("/data.pkl") }
    guard pickles.count == 1, let pickle = pickles.first,
      let bytes = files.removeValue(forKey: pickle)
    else {
      throw Fault(
        "\(path): a zip archive with \(pickles.count) files named data.pkl, but a file of "
          + "torch.save has one")
    }
    let folder = pickle.dropLast("data.pkl".count)
    let order = files["\(folder)byteorder"].map { String(decoding: $0.prefix(16), as: UTF8.self) }
    guard (order ?? "little") == "little" else {
      throw Fault("\(path): big-endian, little-endian is expected")
    }
    var storages: [String: [UInt8]] = [:]
    for (name, bytes) in files where name.hasPrefix("\(folder)data/") {
      storages[String(name.dropFirst(folder.count + 5))] = bytes
    }
    let (tensors, names) = try tensors(bytes, path: path)
    try require(storages, of: tensors, names, path: path)
    return (tensors, names, storages)
  }

  /// Reads what PyTorch wrote before version 1.6: pickles of a magic number, a version, facts of
  /// the system, the tensors, and the storages' keys; then each storage, its count in front.
  private static func torchLegacy(
    _ bytes: [UInt8], path: String
  ) throws -> (tensors: [String: Pickled], names: [String], storages: [String: [UInt8]]) {
    // The magic number has ten bytes; STOP is behind it.
    var position = legacyStart.count + 1
    func next() throws -> PickleValue {
      try PickleReader.read(bytes, from: &position, path: path, content: .tensors)
    }
    guard try next().integerValue == 1001, case .dictionary(let system) = try next() else {
      throw Fault("\(path): a version of PyTorch's old format other than 1001")
    }
    guard system["little_endian"]?.integerValue != 0 else {
      throw Fault("\(path): big-endian, little-endian is expected")
    }
    let (tensors, names) = try tensors(of: next(), path: path)
    guard case .list(let keys) = try next() else {
      throw Fault("\(path): damaged: expected the keys of its storages")
    }
    var types: [String: ElementType] = [:]
    for case .tensor(let tensor)? in names.map({ tensors[$0] }) {
      types[tensor.storage.key] = tensor.storage.type
    }
    var storages: [String: [UInt8]] = [:]
    for key in keys.items {
      // A storage that no tensor here is of may be of any type: nothing behind it can be found.
      guard let key = key.string, let type = types[key] else { break }
      guard position + 8 <= bytes.count else { break }
      let count = bytes[position..<position + 8].reversed().reduce(UInt64(0)) {
        $0 << 8 | UInt64($1)
      }
      position += 8
      guard count <= UInt64((bytes.count - position) / type.byteCount) else { break }
      let end = position + Int(count) * type.byteCount
      storages[key] = Array(bytes[position..<end])
      position = end
    }
    try require(storages, of: tensors, names, path: path)
    return (tensors, names, storages)
  }

  /// Refuses tensors whose storages are not there or too short.
  private static func require(
    _ storages: [String: [UInt8]], of tensors: [String: Pickled], _ names: [String], path: String
  ) throws {
    for name in names {
      guard case .tensor(let tensor)? = tensors[name] else { continue }
      let storage = tensor.storage
      let (size, isTooLarge) = storage.count.multipliedReportingOverflow(
        by: storage.type.byteCount)
      guard let bytes = storages[storage.key], !isTooLarge, bytes.count >= size else {
        throw Fault(
          "\(path): \(PickleReader.shown(name)): its storage \(PickleReader.shown(storage.key)) of "
            + "\(storage.count) \(storage.type.rawValue) has "
            + "\(storages[storage.key].map { "\($0.count) bytes" } ?? "no file"); truncated?")
      }
    }
  }

  private static func tensors(_ bytes: [UInt8], path: String) throws -> Tensors {
    try tensors(of: PickleReader.read(bytes, path: path, content: .tensors), path: path)
  }

  private static func tensors(of value: PickleValue, path: String) throws -> Tensors {
    guard case .dictionary(let dictionary) = value else {
      throw Fault("\(path): expected a dictionary of tensors, found \(value.kind)")
    }
    var found: Tensors = ([:], [])
    var visits = 0
    try collect(dictionary, prefix: "", path: path, into: &found, &visits)
    guard !found.names.isEmpty else { throw Fault("\(path): holds no tensors") }
    return found
  }

  /// Far more than a network has; a dictionary that lies in many others is seen as often.
  private static let mostVisits = 1 << 17

  /// Adds the tensors of a dictionary and of those in it.
  private static func collect(
    _ dictionary: PickleDictionary, prefix: String, path: String, into found: inout Tensors,
    _ visits: inout Int
  ) throws {
    for (key, value) in dictionary.entries {
      visits += 1
      guard visits <= mostVisits else { throw Fault("\(path): more than \(mostVisits) entries") }
      let part = key.string ?? key.integerValue.map(String.init) ?? ""
      let name = prefix + part
      let tensor: Pickled
      switch value {
      // Paddle: what parameters are called inside it, by their names in the state dict.
      case .dictionary where part == "StructuredToParameterName@@": continue
      case .dictionary where part == "UnpackBigParamInfor@@":
        throw Fault(
          "\(path): Paddle has cut large arrays into pieces, as with protocols 2 and 3",
          advice: "save it with protocol 4")
      case .dictionary(let inner):
        try collect(inner, prefix: name + ".", path: path, into: &found, &visits)
        continue
      case .array(let array): tensor = .array(array)
      case .tensor(let inner): tensor = .tensor(inner)
      default: continue
      }
      guard found.tensors.updateValue(tensor, forKey: name) == nil else {
        throw Fault("\(path): two tensors are named '\(PickleReader.shown(name))'")
      }
      found.names.append(name)
    }
  }
}

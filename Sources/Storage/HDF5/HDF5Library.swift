import Base
import Foundation

/// The functions of libhdf5 1.10 or newer that reading and writing arrays takes, loaded by the
/// first file.
///
/// The library is not always built for several threads, and a child must not be forked while one is
/// inside: whoever calls it has entered.
struct HDF5Library: Sendable {
  static let loaded = Result { try HDF5Library() }
  private static let lock = NSRecursiveLock()
  /// Whether this process is a child of one thread, in which the lock has no owner.
  nonisolated(unsafe) static var isChild = false

  static func enter() { if !isChild { lock.lock() } }
  static func leave() { if !isChild { lock.unlock() } }

  /// `hid_t`, of 64 bits since version 1.10.
  typealias ID = Int64
  /// `herr_t` and `htri_t`: negative where it failed.
  typealias Status = Int32
  typealias Sizes = UnsafePointer<UInt64>?
  typealias MutableSizes = UnsafeMutablePointer<UInt64>?

  // MARK: - Files and names

  let openFile: @convention(c) (UnsafePointer<CChar>, UInt32, ID) -> ID
  let createFile: @convention(c) (UnsafePointer<CChar>, UInt32, ID, ID) -> ID
  let closeFile: @convention(c) (ID) -> Status
  let flush: @convention(c) (ID, Int32) -> Status
  let groupInfo: @convention(c) (ID, UnsafeMutableRawPointer) -> Status
  let linkName:
    @convention(c) (
      ID, UnsafePointer<CChar>, Int32, Int32, UInt64, UnsafeMutablePointer<CChar>?, Int, ID
    ) -> Int

  // MARK: - Data sets

  let openDataset: @convention(c) (ID, UnsafePointer<CChar>, ID) -> ID
  let createDataset: @convention(c) (ID, UnsafePointer<CChar>, ID, ID, ID, ID, ID) -> ID
  let closeDataset: @convention(c) (ID) -> Status
  let space: @convention(c) (ID) -> ID
  let type: @convention(c) (ID) -> ID
  let creation: @convention(c) (ID) -> ID
  let storageSize: @convention(c) (ID) -> UInt64
  let offset: @convention(c) (ID) -> UInt64
  let read: @convention(c) (ID, ID, ID, ID, ID, UnsafeMutableRawPointer?) -> Status
  let write: @convention(c) (ID, ID, ID, ID, ID, UnsafeRawPointer?) -> Status

  // MARK: - Spaces and properties

  let rank: @convention(c) (ID) -> Int32
  let sizes: @convention(c) (ID, MutableSizes, MutableSizes) -> Int32
  let makeSpace: @convention(c) (Int32, Sizes, Sizes) -> ID
  let select: @convention(c) (ID, Int32, Sizes, Sizes, Sizes, Sizes) -> Status
  let closeSpace: @convention(c) (ID) -> Status
  let layout: @convention(c) (ID) -> Int32
  let chunk: @convention(c) (ID, Int32, MutableSizes) -> Int32
  let externalFiles: @convention(c) (ID) -> Int32
  let makeProperties: @convention(c) (ID) -> ID
  let trackTimes: @convention(c) (ID, Bool) -> Status
  let makeGroups: @convention(c) (ID, UInt32) -> Status
  let closeProperties: @convention(c) (ID) -> Status
  /// Since 1.10.7.
  let lockFiles: (@convention(c) (ID, Bool, Bool) -> Status)?

  // MARK: - Types

  let typeClass: @convention(c) (ID) -> Int32
  let typeSize: @convention(c) (ID) -> Int
  let typeOrder: @convention(c) (ID) -> Int32
  let typeSign: @convention(c) (ID) -> Int32
  let typeFields:
    @convention(c) (
      ID, UnsafeMutablePointer<Int>, UnsafeMutablePointer<Int>, UnsafeMutablePointer<Int>,
      UnsafeMutablePointer<Int>, UnsafeMutablePointer<Int>
    ) -> Status
  let typeBias: @convention(c) (ID) -> Int
  let copyType: @convention(c) (ID) -> ID
  let setSize: @convention(c) (ID, Int) -> Status
  let setPrecision: @convention(c) (ID, Int) -> Status
  let setFields: @convention(c) (ID, Int, Int, Int, Int, Int) -> Status
  let setBias: @convention(c) (ID, Int) -> Status
  let closeType: @convention(c) (ID) -> Status

  // MARK: - Errors

  private typealias ErrorVisitor =
    @convention(c) (UInt32, UnsafeRawPointer, UnsafeMutableRawPointer?) -> Status
  private let walkErrors:
    @convention(c) (ID, Int32, ErrorVisitor, UnsafeMutableRawPointer?) -> Status

  private let library: SharedLibrary

  init() throws {
    let library = try SharedLibrary(.hdf5)
    self.library = library
    let begin: @convention(c) () -> Status = try library.function("H5open")
    let version:
      @convention(c) (
        UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>
      ) -> Status = try library.function("H5get_libversion")
    var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
    guard begin() >= 0, version(&major, &minor, &release) >= 0, (major, minor) >= (1, 10) else {
      throw Fault(
        "libhdf5: found version \(major).\(minor).\(release), expected 1.10 or newer (Debian: "
          + "libhdf5-103-1 or libhdf5-310)")
    }
    // What goes wrong is one line, not the library's own report on standard error.
    let silence: @convention(c) (ID, UnsafeRawPointer?, UnsafeRawPointer?) -> Status =
      try library.function("H5Eset_auto2")
    _ = silence(0, nil, nil)
    openFile = try library.function("H5Fopen")
    createFile = try library.function("H5Fcreate")
    closeFile = try library.function("H5Fclose")
    flush = try library.function("H5Fflush")
    groupInfo = try library.function("H5Gget_info")
    linkName = try library.function("H5Lget_name_by_idx")
    openDataset = try library.function("H5Dopen2")
    createDataset = try library.function("H5Dcreate2")
    closeDataset = try library.function("H5Dclose")
    space = try library.function("H5Dget_space")
    type = try library.function("H5Dget_type")
    creation = try library.function("H5Dget_create_plist")
    storageSize = try library.function("H5Dget_storage_size")
    offset = try library.function("H5Dget_offset")
    read = try library.function("H5Dread")
    write = try library.function("H5Dwrite")
    rank = try library.function("H5Sget_simple_extent_ndims")
    sizes = try library.function("H5Sget_simple_extent_dims")
    makeSpace = try library.function("H5Screate_simple")
    select = try library.function("H5Sselect_hyperslab")
    closeSpace = try library.function("H5Sclose")
    layout = try library.function("H5Pget_layout")
    chunk = try library.function("H5Pget_chunk")
    externalFiles = try library.function("H5Pget_external_count")
    makeProperties = try library.function("H5Pcreate")
    trackTimes = try library.function("H5Pset_obj_track_times")
    makeGroups = try library.function("H5Pset_create_intermediate_group")
    closeProperties = try library.function("H5Pclose")
    lockFiles = try? library.function("H5Pset_file_locking")
    typeClass = try library.function("H5Tget_class")
    typeSize = try library.function("H5Tget_size")
    typeOrder = try library.function("H5Tget_order")
    typeSign = try library.function("H5Tget_sign")
    typeFields = try library.function("H5Tget_fields")
    typeBias = try library.function("H5Tget_ebias")
    copyType = try library.function("H5Tcopy")
    setSize = try library.function("H5Tset_size")
    setPrecision = try library.function("H5Tset_precision")
    setFields = try library.function("H5Tset_fields")
    setBias = try library.function("H5Tset_ebias")
    closeType = try library.function("H5Tclose")
    walkErrors = try library.function("H5Ewalk2")
  }

  /// A constant that the library sets up, such as `H5T_IEEE_F32LE_g`.
  func constant(_ name: String) throws -> ID {
    let place: UnsafePointer<ID> = try library.function(name)
    return place.pointee
  }

  /// What the last call that failed says, from where it began.
  var reason: String {
    var text: String?
    // H5E_WALK_UPWARD is 0: the innermost call comes first. `desc` is behind three numbers of 64
    // bits, a padded line number and two names.
    _ = withUnsafeMutablePointer(to: &text) { place in
      walkErrors(
        0, 0,
        { _, error, place in
          let desc = error.load(fromByteOffset: 48, as: UnsafePointer<CChar>?.self)
          let text = place?.assumingMemoryBound(to: String?.self)
          if let text, text.pointee == nil { text.pointee = desc.map { String(cString: $0) } }
          return 0
        }, UnsafeMutableRawPointer(place))
    }
    return (text ?? "unknown error").filter { !$0.isNewline }
  }
}

extension HDF5Library {
  /// The type of a file's elements; nil where they are no numbers that are read.
  func elementType(_ id: ID) -> (type: ElementType, isBigEndian: Bool)? {
    let (size, order) = (typeSize(id), typeOrder(id))
    // H5T_ORDER_LE and H5T_ORDER_BE.
    guard order == 0 || order == 1 else { return nil }
    switch typeClass(id) {
    // H5T_INTEGER; its sign is H5T_SGN_NONE or H5T_SGN_2.
    case 0:
      guard let sign = [Int32(0): "u", 1: "i"][typeSign(id)] else { return nil }
      return ElementType(numpy: "\(sign)\(size)").map { ($0, order == 1) }
    // H5T_FLOAT.
    case 1:
      let formats: [Int: (type: ElementType, exponent: Int, bits: Int, bias: Int)] = [
        2: (.float16, 5, 10, 15), 4: (.float32, 8, 23, 127), 8: (.float64, 11, 52, 1023),
      ]
      var (sign, exponent, bits, mantissa, digits) = (0, 0, 0, 0, 0)
      guard typeFields(id, &sign, &exponent, &bits, &mantissa, &digits) >= 0,
        let format = formats[size], sign == 8 * size - 1, exponent == format.bits,
        bits == format.exponent, mantissa == 0, digits == format.bits, typeBias(id) == format.bias
      else { return nil }
      return (format.type, order == 1)
    default: return nil
    }
  }

  /// A type of the library, little-endian, to be closed by `closeType`.
  func makeType(_ type: ElementType) throws -> ID {
    let names: [ElementType: String] = [
      .float64: "IEEE_F64LE", .float32: "IEEE_F32LE", .float16: "IEEE_F32LE",
      .int64: "STD_I64LE", .int32: "STD_I32LE", .int16: "STD_I16LE", .int8: "STD_I8LE",
      .uint64: "STD_U64LE", .uint32: "STD_U32LE", .uint16: "STD_U16LE", .uint8: "STD_U8LE",
      .boolean: "STD_U8LE",
    ]
    guard let name = names[type] else { throw Fault("HDF5 has no type for \(type.rawValue)") }
    let id = copyType(try constant("H5T_\(name)_g"))
    guard id >= 0 else { throw Fault("HDF5: \(reason)") }
    guard type == .float16 else { return id }
    // As h5py writes it.
    guard setFields(id, 15, 10, 5, 0, 10) >= 0, setSize(id, 2) >= 0, setBias(id, 15) >= 0 else {
      throw Fault("HDF5: \(reason)")
    }
    return id
  }

  /// Reads or writes some rows of a data set by `body`.
  ///
  /// - Parameters:
  ///   - rows: Of the first index.
  ///   - dataset: The data set.
  ///   - rowSizes: Its other sizes.
  ///   - body: Takes the space of the rows in memory, and that of the rows in the file.
  /// - Returns: Whether that went well; else `reason` says why not.
  func transfer(
    _ rows: Range<Int>, of dataset: ID, rowSizes: [Int],
    _ body: (_ memory: ID, _ file: ID) -> Status
  ) -> Bool {
    let start = [UInt64(rows.lowerBound)] + rowSizes.map { _ in 0 }
    let count = [UInt64(rows.count)] + rowSizes.map { UInt64($0) }
    let file = space(dataset)
    let memory = makeSpace(Int32(count.count), count, nil)
    defer {
      _ = closeSpace(memory)
      _ = closeSpace(file)
    }
    // H5S_SELECT_SET.
    return select(file, 0, start, nil, count, nil) >= 0 && body(memory, file) >= 0
  }
}

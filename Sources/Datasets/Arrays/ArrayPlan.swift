import Base
import Storage

/// Where the arrays of a data set lie: what one process finds out and others need to map the same.
struct ArrayPlan: Codable, Sendable, Equatable {
  /// Samples of one file, or of all that was read of several.
  struct Segment: Codable, Sendable, Equatable {
    /// The file to be mapped; nil for bytes that were read, and are held.
    var path: String?
    /// Where sample 0 begins.
    var start: Int
    var count: Int
    /// Bytes from a sample to the next.
    var rowStep: Int
    /// Elements from an index of each of a sample's dimensions to the next.
    var steps: [Int]
    var type: ElementType
    var isBigEndian: Bool
  }

  /// An array with the names and sizes that its files have.
  struct Field: Codable, Sendable, Equatable {
    /// As the user calls it; empty where files have one array.
    var name: String
    /// Of a sample, as in the file.
    var sizes: [Int]
    var columns: [String]?
    var segments: [Segment]

    var count: Int { segments.reduce(0) { $0 + $1.count } }
    var type: ElementType { segments[0].type }
  }

  /// The samples, each number that is a condition, and the labels where there are any.
  var fields: [Field]
  /// Bytes that are held.
  var heldBytes: Int
}

/// Reads arrays that cannot be mapped as they are, and plans where all of them lie.
struct ArrayReading {
  /// A field as the user names it.
  struct Request {
    /// Of the keys that name it: `samples`.
    var key: String
    var names: [String]
  }

  private let paths: [String]
  private let rows: Range<Int>
  private let requests: [Request]

  /// - Parameters:
  ///   - paths: Files, one behind the other.
  ///   - rows: Of them, counted through all.
  ///   - requests: The samples first.
  init(paths: [String], rows: Range<Int>, requests: [Request]) {
    self.paths = paths
    self.rows = rows
    self.requests = requests
  }

  /// The fields' arrays in each of the files, opened.
  private func open(_ request: Request) throws -> [any ArrayField] {
    let others = requests.filter { $0.key != request.key }.flatMap(\.names)
    return try paths.map { path in
      do {
        let format = try ArrayFormat(path: path)
        guard !format.hasNames else {
          return try format.open(path: path, names: request.names, others: others)
        }
        // A file of one array: the others are in files of their own.
        guard request.key != "samples" else { return try format.open(path: path, names: []) }
        guard paths.count == 1, request.names.count == 1 else {
          throw Fault(
            "\(path): has one array without a name; conditions and labels beside several such "
              + "files need one .npz or HDF5 file a part")
        }
        let file = Self.path(request.names[0], beside: path)
        return try ArrayFormat(path: file).open(path: file, names: [])
      } catch var fault as Fault {
        if request.key != "samples" { fault.parameter = nil }
        throw fault
      }
    }
  }

  /// A file that is named in place of a field: in the samples' folder unless it says another.
  private static func path(_ name: String, beside path: String) -> String {
    if name.hasPrefix("/") || FileSystem.exists(name) { return name }
    return FileSystem.folder(of: path) + "/" + name
  }

  /// Whether all arrays can be mapped as they are: then nothing has to be read.
  func isMappable() throws -> Bool {
    try requests.allSatisfy { try open($0).allSatisfy { $0.offset != nil } }
  }

  /// Bytes that will be held, as far as the files tell before they are read.
  func expectedBytes() throws -> Int {
    try requests.reduce(0) { sum, request in
      try open(request).reduce(sum) { sum, field in
        guard field.offset == nil else { return sum }
        // A number in text and its comma have two bytes or more.
        guard let count = field.rows else { return sum + 4 * (try FileSystem.fileSize(paths[0])) }
        return sum + min(count, rows.upperBound) * field.rowBytes
      }
    }
  }

  /// Opens all arrays, and gives what has to be held to `hold`.
  ///
  /// - Parameter hold: Takes bytes, one part behind the other.
  /// - Returns: Where everything lies.
  /// - Throws: `Fault` where a file cannot be read, or arrays do not belong together; what `hold`
  ///   throws.
  func plan(_ hold: (UnsafeRawBufferPointer) throws -> Void) throws -> ArrayPlan {
    var plan = ArrayPlan(fields: [], heldBytes: 0)
    for request in requests {
      let arrays = try open(request)
      let first = arrays[0]
      var base = 0
      var segments: [ArrayPlan.Segment] = []
      for array in arrays {
        guard array.sizes == first.sizes else {
          throw Fault(
            "\(array.name): samples of \(text(array.sizes)), but \(first.name) has some of "
              + text(first.sizes))
        }
        guard base < rows.upperBound else { break }
        let wanted = max(0, rows.lowerBound - base)..<max(0, rows.upperBound - base)
        let (segment, count) = try Self.segment(array, wanted, &plan.heldBytes, hold)
        if segment.count > 0 { segments.append(segment) }
        base += count
      }
      guard !segments.isEmpty else {
        throw Fault(
          "\(first.name): \(base) samples; expected some in rows \(rows.lowerBound) and on")
      }
      plan.fields.append(
        .init(
          name: request.names.count == 1 ? request.names[0] : "", sizes: first.sizes,
          columns: first.columns, segments: segments))
    }
    for (field, request) in zip(plan.fields, requests).dropFirst()
    where field.count != plan.fields[0].count {
      throw Fault(
        "\(paths[0]): \(plan.fields[0].count) samples, but \(field.count) of "
          + "\(request.names.joined(separator: ", ")); expected one each")
    }
    return plan
  }

  private func text(_ sizes: [Int]) -> String {
    sizes.isEmpty ? "one number" : sizes.map(String.init).joined(separator: "x")
  }

  /// Where some samples of a file lie, and how many samples the file has.
  private static func segment(
    _ array: any ArrayField, _ rows: Range<Int>, _ held: inout Int,
    _ hold: (UnsafeRawBufferPointer) throws -> Void
  ) throws -> (ArrayPlan.Segment, Int) {
    let element = array.type.byteCount
    var segment = ArrayPlan.Segment(
      start: held, count: 0, rowStep: array.rowBytes, steps: steps(of: array.sizes),
      type: array.type, isBigEndian: array.isBigEndian)
    let all: Int
    if let offset = array.offset, let count = array.rows {
      (segment.start, all) = (offset, count)
      segment.path = array.path
    } else {
      var got = 0
      all = try array.read(rows: rows) { bytes in
        got += bytes.count
        try hold(bytes)
      }
      held += got
    }
    let wanted = rows.clamped(to: 0..<all)
    segment.count = wanted.count
    if array.isFortranOrdered {
      segment.rowStep = element
      segment.steps = []
      var step = all
      for size in array.sizes {
        segment.steps.append(step)
        step *= size
      }
    }
    // What was read begins with the first sample that is wanted, but in Fortran's order.
    if segment.path != nil || array.isFortranOrdered {
      segment.start += wanted.lowerBound * segment.rowStep
    }
    return (segment, all)
  }

  /// Elements from an index to the next, of the last dimension one.
  static func steps(of sizes: [Int]) -> [Int] {
    var steps = [Int](repeating: 1, count: sizes.count)
    for index in sizes.indices.dropLast().reversed() {
      steps[index] = steps[index + 1] * sizes[index + 1]
    }
    return steps
  }
}

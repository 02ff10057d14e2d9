import Base
import Collectives
import Datasets
import Storage

/// Samples as arrays, with what they are conditioned on.
///
/// Of data that are arrays themselves, in the layout of their files: names, sizes, element types
/// and units. Of others:
///
/// | array | shape | type |
/// |---|---|---|
/// | `samples` | N x C x H x W, for vectors N x C, below | float32, in the data's range |
/// | `noise` | N x the generator's input, likewise | float32 |
/// | `labels` | N, of a generator with classes | int64 |
/// | `conditions` | N x K, of a generator with K numbers, as it takes them | float32 |
///
/// Samples of lines are N x C x L, of volumes N x C x D x H x W.
///
/// Drawn by all ranks, a pass each, and written by rank 0 in their order, whatever N is: the same
/// bytes on any number of ranks. With a batch's statistics rank 0 draws all at once.
package struct SampleArrays {
  package enum Format: String, Sendable, CaseIterable {
    /// NumPy's arrays in one file, which is not compressed.
    case npz
    /// A file an array: `x.npy`, `x-noise.npy`, `x-labels.npy`.
    case npy
    case hdf5
    /// A table: conditions, labels and samples, a row a sample.
    case csv
  }

  private let feed: SampleFeed
  private let layout: SampleGenerator.Layout
  private let columns: SampleColumns

  /// - Parameters:
  ///   - generator: Draws the samples.
  ///   - layout: How many, and of which conditions.
  ///   - arrays: Of data that are arrays: their settings, and what the run has kept of them.
  ///   - communicator: All ranks, which write together; nil for this one alone.
  /// - Throws: `Fault` where settings and record do not fit.
  package init(
    _ generator: SampleGenerator, _ layout: SampleGenerator.Layout,
    arrays: (settings: ArraySettings, record: ArrayRecord)? = nil,
    communicator: (any Communicator)? = nil
  ) throws {
    feed = SampleFeed(generator, layout, communicator ?? SoloCommunicator())
    columns = try SampleColumns(generator, layout, arrays)
    self.layout = layout
  }

  /// Writes the files, each replaced as a whole; all ranks call it together.
  ///
  /// - Parameters:
  ///   - path: The file; with `npy` that of the samples.
  ///   - format: What is written.
  /// - Returns: The paths.
  /// - Throws: On all ranks: what a pass throws, and `Fault` where writing fails.
  package func write(to path: String, _ format: Format) throws -> [String] {
    guard feed.isWriter else {
      try feed.forEachPart { _, _ in }
      return []
    }
    do {
      try FileSystem.createDirectory(FileSystem.folder(of: path))
      switch format {
      case .npz: return try writeArchive(path)
      case .npy: return try writeFiles(path)
      case .hdf5: return try writeHDF5(path)
      case .csv: return try writeTable(path)
      }
    } catch {
      // The others wait for the first part.
      try feed.fail(error)
      throw error
    }
  }

  /// Calls `write` with an array's bytes, in their order.
  private func fill(
    _ column: SampleColumns.Column,
    _ write: (_ rows: Range<Int>, UnsafeRawBufferPointer) throws -> Void
  ) throws {
    if column.isOfSamples {
      return try feed.forEachPart { rows, images in
        let bytes = column.type.encode(columns.values(rows, images))
        try bytes.withUnsafeBytes { try write(rows, $0) }
      }
    }
    for first in stride(from: 0, to: layout.count, by: 4096) {
      let rows = first..<min(first + 4096, layout.count)
      let bytes = column.type.encode(rows.flatMap(column.values))
      try bytes.withUnsafeBytes { try write(rows, $0) }
    }
  }

  private func preamble(_ column: SampleColumns.Column) -> NumPyPreamble {
    NumPyPreamble(column.type, shape: [layout.count] + column.sizes)
  }

  private func writeArchive(_ path: String) throws -> [String] {
    try FileSystem.writeAtomically(to: path) { file in
      let zip = ZipWriter(file)
      for column in columns.all {
        let preamble = preamble(column)
        try zip.begin("\(column.name).npy", size: preamble.fileSize)
        try preamble.bytes.withUnsafeBytes { try zip.write($0) }
        try fill(column) { try zip.write($1) }
      }
      try zip.finish()
    }
    return [path]
  }

  private func writeFiles(_ path: String) throws -> [String] {
    let stem = path.hasSuffix(".npy") ? String(path.dropLast(4)) : path
    return try columns.all.map { column in
      // A field may be in a group, or a file of its own.
      let name = FileSystem.name(of: column.name)
      let file = name.hasSuffix(".npy") ? name : "\(name).npy"
      let path = column.isOfSamples ? path : "\(stem)-\(file)"
      try FileSystem.writeAtomically(to: path) { file in
        try preamble(column).bytes.withUnsafeBytes { try file.write($0) }
        try fill(column) { try file.write($1) }
      }
      return path
    }
  }

  private func writeHDF5(_ path: String) throws -> [String] {
    try HDF5Writer.write(to: path) { file in
      for column in columns.all {
        let array = try file.makeArray(
          column.name, column.type, shape: [layout.count] + column.sizes)
        try fill(column) { try array.write($1, rows: $0) }
      }
    }
    return [path]
  }

  /// Conditions first: what is asked for stands before what comes of it.
  private func writeTable(_ path: String) throws -> [String] {
    let others = columns.all.filter { !$0.isOfSamples && !$0.isNoise }
    let samples = columns.all[0]
    let names = (others + [samples]).flatMap(\.columnNames)
    try FileSystem.writeAtomically(to: path) { file in
      let header = names.map(Self.cell).joined(separator: ",") + "\n"
      try Array(header.utf8).withUnsafeBytes { try file.write($0) }
      try feed.forEachPart { rows, images in
        let values = columns.values(rows, images)
        let width = values.count / rows.count
        var text = ""
        for (place, row) in rows.enumerated() {
          let before = others.flatMap { other in other.values(row).map(other.type.text) }
          let own = values[place * width..<(place + 1) * width].map(samples.type.text)
          text += (before + own).joined(separator: ",") + "\n"
        }
        try Array(text.utf8).withUnsafeBytes { try file.write($0) }
      }
    }
    return [path]
  }

  /// A name, in quotes where it has what separates cells.
  private static func cell(_ name: String) -> String {
    guard name.contains(where: { ",;\t\"\n\r".contains($0) }) else { return name }
    return "\""
      + name.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }
}

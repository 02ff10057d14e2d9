import Base
import Foundation

/// Writes arrays into a new HDF5 file, one range of rows after the other.
///
/// The bytes depend on what is written alone: no times are kept.
package final class HDF5Writer {
  private let path: String
  private let library: HDF5Library
  private let file: HDF5Library.ID

  /// Writes a file, which replaces another one of its name as a whole.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - body: Makes and fills the arrays.
  /// - Throws: `Fault` where writing fails or libhdf5 is missing, and what `body` throws.
  package static func write(to path: String, _ body: (HDF5Writer) throws -> Void) throws {
    try FileSystem.replace(path) { temporary in
      try writeAndClose(temporary, shownPath: path, body)
      try FileSystem.synchronizeFile(temporary)
    }
  }

  private static func writeAndClose(
    _ path: String, shownPath: String, _ body: (HDF5Writer) throws -> Void
  ) throws {
    let writer = try HDF5Writer(path, shownPath: shownPath)
    try body(writer)
    HDF5Library.enter()
    defer { HDF5Library.leave() }
    // H5F_SCOPE_GLOBAL. A full disk may show only here.
    guard writer.library.flush(writer.file, 1) >= 0 else { throw writer.failure }
  }

  private init(_ path: String, shownPath: String) throws {
    HDF5Library.enter()
    defer { HDF5Library.leave() }
    self.path = shownPath
    library = try HDF5Library.loaded.get()
    // H5F_ACC_TRUNC.
    file = library.createFile(path, 2, 0, 0)
    guard file >= 0 else { throw Fault("\(shownPath): cannot write: \(library.reason)") }
  }

  deinit {
    HDF5Library.enter()
    defer { HDF5Library.leave() }
    if file >= 0 { _ = library.closeFile(file) }
  }

  /// An array that is being filled.
  package final class Array {
    private let writer: HDF5Writer
    private let id: HDF5Library.ID
    private let typeID: HDF5Library.ID
    private let sizes: [Int]

    fileprivate init(
      _ writer: HDF5Writer, _ id: HDF5Library.ID, _ typeID: HDF5Library.ID, _ sizes: [Int]
    ) {
      self.writer = writer
      self.id = id
      self.typeID = typeID
      self.sizes = sizes
    }

    deinit {
      HDF5Library.enter()
      defer { HDF5Library.leave() }
      _ = writer.library.closeDataset(id)
      _ = writer.library.closeType(typeID)
    }

    /// Writes the elements of some rows.
    ///
    /// - Parameters:
    ///   - bytes: Little-endian elements.
    ///   - rows: Of the first index.
    /// - Throws: `Fault` where writing fails.
    package func write(_ bytes: UnsafeRawBufferPointer, rows: Range<Int>) throws {
      let library = writer.library
      guard !rows.isEmpty else { return }
      HDF5Library.enter()
      defer { HDF5Library.leave() }
      let isWritten = library.transfer(rows, of: id, rowSizes: sizes) {
        library.write(id, typeID, $0, $1, 0, bytes.baseAddress)
      }
      guard isWritten else { throw writer.failure }
    }
  }

  private var failure: Fault { Fault("\(path): cannot write: \(library.reason)") }

  /// Makes an array.
  ///
  /// - Parameters:
  ///   - name: `group/name` in a group, which is made.
  ///   - type: Of its elements.
  ///   - shape: The sizes, the slowest first.
  /// - Returns: The array, to be filled.
  /// - Throws: `Fault` where it cannot be made.
  package func makeArray(_ name: String, _ type: ElementType, shape: [Int]) throws -> Array {
    HDF5Library.enter()
    defer { HDF5Library.leave() }
    let typeID = try library.makeType(type)
    let space = library.makeSpace(Int32(shape.count), shape.map { UInt64($0) }, nil)
    let creation = library.makeProperties(try library.constant("H5P_CLS_DATASET_CREATE_ID_g"))
    let links = library.makeProperties(try library.constant("H5P_CLS_LINK_CREATE_ID_g"))
    defer {
      _ = library.closeProperties(links)
      _ = library.closeProperties(creation)
      _ = library.closeSpace(space)
    }
    guard library.trackTimes(creation, false) >= 0, library.makeGroups(links, 1) >= 0 else {
      throw failure
    }
    let id = library.createDataset(file, name, typeID, space, links, creation, 0)
    guard id >= 0 else { throw failure }
    return Array(self, id, typeID, Swift.Array(shape.dropFirst()))
  }
}

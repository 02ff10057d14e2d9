import Base
import Foundation
import Storage

/// The pictures in a folder, in order: class after class, names by their UTF-8 bytes.
///
/// A class is a folder, with all that lies in it at any depth; pictures right in the folder are
/// without a class. Names that begin with a dot and files that are no pictures by their names are
/// passed over.
package struct ImageFolderListing: Equatable, Sendable {
  /// Empty where the pictures have no classes.
  package private(set) var classes: [String] = []
  /// Relative to the folder.
  package private(set) var files: [String] = []
  /// A class for every file, 0 without classes.
  package private(set) var labels: [Int32] = []
  /// Name, size and time of change of every file, a line each.
  private(set) var record = ""

  /// - Throws: `Fault` if there are no pictures, a class without one, pictures beside
  ///   classes, or pictures of a kind that is not read.
  package init(_ folder: String) throws {
    guard FileSystem.isDirectory(folder) else {
      throw Fault("\(folder): no such folder; expected one with PNG or JPEG pictures")
    }
    let loose = try pictures(in: folder, under: "", entersFolders: false)
    let names = try Self.list(folder).filter { FileSystem.isDirectory("\(folder)/\($0)") }
    for name in names {
      let found = try pictures(in: folder, under: name + "/", entersFolders: true)
      guard !found.isEmpty else {
        throw Fault(
          "\(folder)/\(name): no PNG or JPEG pictures; a folder is a class, remove it if it is none"
        )
      }
      labels += [Int32](repeating: Int32(classes.count), count: found.count)
      classes.append(name)
      files += found
    }
    guard loose.isEmpty || classes.isEmpty else {
      throw Fault(
        "\(folder): both pictures (\(loose[0])) and folders (\(classes[0])); expected pictures "
          + "only, or a folder a class")
    }
    files += loose
    labels += [Int32](repeating: 0, count: loose.count)
    guard !files.isEmpty else { throw Fault("\(folder): no PNG or JPEG pictures") }
    for file in files {
      var status = stat()
      guard stat("\(folder)/\(file)", &status) == 0 else {
        throw Fault("\(folder)/\(file): cannot be read: \(String(cString: strerror(errno)))")
      }
      if let kind = FileSystem.irregularKind(status.st_mode) {
        throw Fault("\(folder)/\(file): is \(kind); expected a picture in a regular file")
      }
      record +=
        "\(file)\0\(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)\n"
    }
  }

  private static func list(_ path: String) throws -> [String] {
    try FileSystem.listDirectory(path).filter { !$0.hasPrefix(".") }
  }

  /// Folders in one another; a link to a folder above has no end.
  private static let deepest = 32

  private func pictures(
    in folder: String, under prefix: String, entersFolders: Bool, depth: Int = 0
  ) throws -> [String] {
    guard depth <= Self.deepest else {
      throw Fault(
        "\(folder)/\(prefix): more than \(Self.deepest) folders deep; a link to a folder above?")
    }
    var found: [String] = []
    for name in try Self.list("\(folder)/\(prefix)") {
      let path = "\(folder)/\(prefix)\(name)"
      if FileSystem.isDirectory(path) {
        if entersFolders {
          found += try pictures(
            in: folder, under: prefix + name + "/", entersFolders: true, depth: depth + 1)
        }
        continue
      }
      let ending = name.split(separator: ".").last?.lowercased() ?? ""
      if ["png", "jpg", "jpeg"].contains(ending) {
        found.append(prefix + name)
      } else if Self.otherPictures.contains(ending) {
        throw Fault("\(path): only PNG and JPEG pictures are read; convert or remove it")
      }
    }
    return found
  }

  /// Leaving these out without a word would make a smaller set than its owner thinks.
  private static let otherPictures: Set<String> = [
    "webp", "gif", "bmp", "tif", "tiff", "heic", "avif", "ppm", "pgm", "jp2", "tga",
  ]
}

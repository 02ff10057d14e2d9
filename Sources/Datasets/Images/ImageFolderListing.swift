import Base
import Foundation
import Storage

/// The pictures in a folder, in order: class after class, names by their bytes.
///
/// A class is a folder, with all that lies in it at any depth; pictures right in the folder are
/// without a class. Names that begin with a dot and files that are no pictures by their names are
/// passed over. Names need not be UTF-8 (`SystemName`).
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
    let above = try Place.above(folder)
    for name in try Self.classNames(in: folder) {
      let path = "\(folder)/\(name)"
      guard try !above.contains(Place(path)) else { throw Self.loop(path) }
      let found = try pictures(in: folder, under: name + "/", entersFolders: true, above: above)
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
      guard let status = FileSystem.status("\(folder)/\(file)") else {
        throw Fault("\(folder)/\(file): cannot be read: \(String(cString: strerror(errno)))")
      }
      if let kind = FileSystem.irregularKind(status.st_mode) {
        throw Fault("\(folder)/\(file): is \(kind); expected a picture in a regular file")
      }
      record +=
        "\(file)\0\(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)\n"
    }
  }

  /// The names of the folders in a folder, in order.
  ///
  /// - Throws: `Fault` if it cannot be read.
  static func classNames(in folder: String) throws -> [String] {
    try list(folder).filter { FileSystem.isDirectory("\(folder)/\($0)") }
  }

  private static func list(_ path: String) throws -> [String] {
    try FileSystem.listDirectory(path).filter { !$0.hasPrefix(".") }
  }

  /// Which folder a path leads to, by whichever name.
  private struct Place: Equatable {
    var device: dev_t
    var number: ino_t

    init(_ path: String) throws {
      guard let status = FileSystem.status(path) else {
        throw Fault("\(path): cannot be read: \(String(cString: strerror(errno)))")
      }
      (device, number) = (status.st_dev, status.st_ino)
    }

    /// A folder and all that it is in.
    static func above(_ folder: String) throws -> [Place] {
      var (places, path) = ([try Place(folder)], folder)
      while true {
        path += "/.."
        // The root is in itself; what cannot be looked at is not gone through either.
        guard let place = try? Place(path), place != places.last else { return places }
        places.append(place)
      }
    }
  }

  /// Its pictures would count again and again, without an end.
  private static func loop(_ path: String) -> Fault {
    Fault("\(path): a link to a folder above it", advice: "remove it")
  }

  /// Folders in one another.
  private static let deepest = 32

  private func pictures(
    in folder: String, under prefix: String, entersFolders: Bool, above: [Place] = []
  ) throws -> [String] {
    let above = try above + [Place("\(folder)/\(prefix)")]
    guard prefix.utf8.count(where: { $0 == UInt8(ascii: "/") }) <= Self.deepest else {
      throw Fault("\(folder)/\(prefix): more than \(Self.deepest) folders deep")
    }
    var found: [String] = []
    for name in try Self.list("\(folder)/\(prefix)") {
      let path = "\(folder)/\(prefix)\(name)"
      if FileSystem.isDirectory(path) {
        if entersFolders {
          guard try !above.contains(Place(path)) else { throw Self.loop(path) }
          found += try pictures(
            in: folder, under: prefix + name + "/", entersFolders: true, above: above)
        }
        continue
      }
      let ending = name.split(separator: ".").last?.lowercased() ?? ""
      if Self.readPictures.contains(ending) {
        found.append(prefix + name)
      } else if Self.otherPictures.contains(ending) {
        throw Fault(
          "\(path): only PNG and JPEG pictures are read", advice: "convert or remove it")
      }
    }
    return found
  }

  private static let readPictures: Set<String> = ["png", "jpg", "jpeg", "jpe", "jfif", "jif"]

  /// Leaving these out without a word would make a smaller set than its owner thinks.
  private static let otherPictures: Set<String> = [
    "webp", "gif", "bmp", "dib", "tif", "tiff", "apng", "mng", "tga", "pcx", "sgi", "dds", "xbm",
    "xpm", "heic", "heif", "hif", "avif", "avifs", "jxl", "jp2", "j2k", "j2c", "jpf", "jpx", "jxr",
    "ppm", "pgm", "pbm", "pnm", "pam", "pfm", "exr", "hdr", "qoi", "ico", "icns", "cur", "psd",
    "psb", "xcf", "kra", "svg", "svgz", "eps", "wmf", "emf", "dcm", "dng", "raw", "arw", "cr2",
    "cr3", "crw", "nef", "nrw", "orf", "pef", "raf", "rw2", "srw",
  ]
}

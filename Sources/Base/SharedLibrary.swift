import Foundation

/// A library of the system that is loaded when it is needed, not when the program starts.
///
/// What is linked is found, mapped and set up by every rank of every run; some libraries start
/// threads besides. Training calls none of these. A loaded one stays until the program ends.
package struct SharedLibrary: @unchecked Sendable {
  private let kind: Kind
  private let handle: UnsafeMutableRawPointer

  /// What is loaded, and who asks for it.
  package struct Kind: Sendable {
    /// The file names to try, one after the other, without folders: `libcurl.so.4`.
    package var names: [String]
    /// What does not work without it: `data download`.
    package var purpose: String
    /// Debian's package that has it.
    package var package: String

    package init(_ names: [String], for purpose: String, package: String) {
      self.names = names
      self.purpose = purpose
      self.package = package
    }
  }

  /// Loads the first of the kind's names that is there.
  ///
  /// - Parameter kind: The library.
  /// - Throws: `Fault` if there is none, or what it needs itself is missing.
  package init(_ kind: Kind) throws {
    self.kind = kind
    var reasons: [String] = []
    for name in kind.names {
      if let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) {
        self.handle = handle
        Messages.detail("loads \(name), for \(kind.purpose)")
        return
      }
      reasons.append(dlerror().map { String(cString: $0) } ?? name)
    }
    throw kind.fault(reasons.joined(separator: ", "))
  }

  /// A function of the library.
  ///
  /// - Parameter name: The function's name in C.
  /// - Returns: The function; the type asked for, a `@convention(c)` one or a pointer, must be its
  ///   own.
  /// - Throws: `Fault` if the library has no such function.
  package func function<Function>(_ name: String) throws -> Function {
    guard let symbol = dlsym(handle, name) else {
      throw kind.fault("it has no function \(name)")
    }
    return unsafeBitCast(symbol, to: Function.self)
  }
}

extension SharedLibrary.Kind {
  package static let openBLAS = Self(
    ["libopenblas.so.0", "libopenblas.so"], for: "bench --layers and most scores",
    package: "libopenblas0")
  package static let curl = Self(
    ["libcurl.so.4", "libcurl-gnutls.so.4"], for: "data download", package: "libcurl4")
  package static let crypto = Self(
    ["libcrypto.so.3", "libcrypto.so.1.1"], for: "the MD5 of data download and data verify",
    package: "libssl3")
  package static let archive = Self(
    ["libarchive.so.13", "libarchive.so"], for: "reading tar archives and PyTorch's files",
    package: "libarchive13")
  package static let turboJPEG = Self(
    ["libturbojpeg.so.0", "libturbojpeg.so"], for: "reading JPEG files", package: "libturbojpeg0")
  package static let hdf5 = Self(
    ["libhdf5_serial.so.103", "libhdf5_serial.so.310", "libhdf5.so", "libhdf5_serial.so"],
    for: "reading and writing HDF5 files", package: "libhdf5-103-1 or libhdf5-310")

  /// All that any command loads.
  package static let all: [Self] = [.openBLAS, .curl, .crypto, .archive, .turboJPEG, .hdf5]
}

extension SharedLibrary.Kind {
  /// Why the library cannot be used.
  fileprivate func fault(_ reason: String) -> Fault {
    Fault(
      "\(purpose) needs \(names[0]): \(reason)", advice: "install it (Debian: \(package))")
  }
}

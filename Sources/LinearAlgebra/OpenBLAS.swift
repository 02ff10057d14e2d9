import Base
import Foundation

/// OpenBLAS on the calling thread alone, loaded by the first who asks for it.
///
/// Any number of threads may call it at a time. A further function is a line here and one where it
/// is called.
package struct OpenBLAS: Sendable {
  let library: SharedLibrary
  let sgemm: SGEMM
  let dgemm: DGEMM
  let dsyrk: DSYRK
  let dsyevd: DSYEVD
  /// The kernel set chosen for this processor, such as `Haswell`.
  package let kernel: String
  /// Version and build options, such as `OpenBLAS 0.3.21 DYNAMIC_ARCH ...`.
  package let configuration: String

  private static let loaded = Result { try OpenBLAS() }

  /// The library.
  ///
  /// - Throws: `Fault` if it is not installed.
  package static func load() throws -> OpenBLAS { try loaded.get() }

  private init() throws {
    // Read while the library is loaded: it would start a thread for every other core, which no
    // later call stops.
    setenv("OPENBLAS_NUM_THREADS", "1", 1)
    library = try SharedLibrary(.openBLAS)
    let setThreads: @convention(c) (Int32) -> Void = try library.function(
      "openblas_set_num_threads")
    setThreads(1)
    sgemm = try library.function("cblas_sgemm")
    dgemm = try library.function("cblas_dgemm")
    dsyrk = try library.function("cblas_dsyrk")
    dsyevd = try library.function("dsyevd_")
    let name: Text = try library.function("openblas_get_corename")
    kernel = String(cString: name())
    let build: Text = try library.function("openblas_get_config")
    configuration = String(cString: build())
  }

  private typealias Text = @convention(c) () -> UnsafePointer<CChar>
}

import COpenBLAS

/// What the linked BLAS says of itself.
package enum BLAS {
  /// Keeps every product on the calling thread.
  ///
  /// To be called once, before the first product.
  package static func useOneThread() { openblas_set_num_threads(1) }

  /// The kernel set chosen for this processor, such as `Haswell`.
  package static var kernel: String { String(cString: openblas_get_corename()) }

  /// Version and build options, such as `OpenBLAS 0.3.21 DYNAMIC_ARCH ...`.
  package static var configuration: String { String(cString: openblas_get_config()) }
}

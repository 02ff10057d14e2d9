// The files of this module are compiled twice: here for AVX2 and FMA, and, as links in
// VectorKernelsAVX512, for AVX-512 with `AVX512` defined. Swift has no way to choose the
// instructions of one function. The results have the same bits: sums are made in the same order.

#if AVX512
  /// Floats of a register: the 16 columns of a panel at once.
  typealias Lanes = SIMD16<Float>
#else
  /// Floats of a register: half of a panel's 16 columns.
  typealias Lanes = SIMD8<Float>
#endif

extension UnsafePointer where Pointee == Float {
  /// The vector from `index` on, at any alignment.
  ///
  /// - Parameter index: In values from the pointer. All lanes are read, so the whole vector must
  ///   lie inside of the memory.
  /// - Returns: The `Lanes.scalarCount` values.
  @inline(__always)
  func lanes(_ index: Int) -> Lanes {
    UnsafeRawPointer(self + index).loadUnaligned(as: Lanes.self)
  }
}

extension UnsafeMutablePointer where Pointee == Float {
  /// The vector from `index` on, at any alignment: as of an `UnsafePointer`.
  @inline(__always)
  func lanes(_ index: Int) -> Lanes {
    UnsafeRawPointer(self + index).loadUnaligned(as: Lanes.self)
  }

  /// Overwrites the vector from `index` on, at any alignment.
  ///
  /// - Parameters:
  ///   - index: In values from the pointer.
  ///   - value: All its lanes are written; what lies behind a row's end needs `store` of some
  ///     lanes.
  @inline(__always)
  func setLanes(_ index: Int, _ value: Lanes) {
    UnsafeMutableRawPointer(self + index).storeBytes(of: value, as: Lanes.self)
  }
}

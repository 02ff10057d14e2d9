// The files of this module are compiled twice: here for AVX2 and FMA, and, as links in
// VectorKernelsAVX512, for AVX-512 with `AVX512` defined. Swift has no way to choose the
// instructions of one function. The results have the same bits: sums are made in the same order.

#if AVX512
  /// Floats of a register.
  typealias Lanes = SIMD16<Float>
#else
  /// Floats of a register.
  typealias Lanes = SIMD8<Float>
#endif

extension UnsafePointer where Pointee == Float {
  /// The vector from `index` on, at any alignment.
  @inline(__always)
  func lanes(_ index: Int) -> Lanes {
    UnsafeRawPointer(self + index).loadUnaligned(as: Lanes.self)
  }
}

extension UnsafeMutablePointer where Pointee == Float {
  /// The vector from `index` on, at any alignment.
  @inline(__always)
  func lanes(_ index: Int) -> Lanes {
    UnsafeRawPointer(self + index).loadUnaligned(as: Lanes.self)
  }

  /// Overwrites the vector from `index` on.
  @inline(__always)
  func setLanes(_ index: Int, _ value: Lanes) {
    UnsafeMutableRawPointer(self + index).storeBytes(of: value, as: Lanes.self)
  }
}

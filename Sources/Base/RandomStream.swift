import Foundation

/// The random numbers of one purpose at one step: number `element` of sample `sample` is a function
/// of (seed, purpose, step, sample, element) and of nothing else, so it does not depend on the rank
/// or thread that draws it, nor on what was drawn before.
///
/// The Philox counter is (element / 4, sample, low half of the step, purpose and high half of the
/// step), the key is the seed. Limits: 2^34 elements a sample, 2^32 samples, 2^56 steps.
package struct RandomStream: Sendable {
  private let key: SIMD2<UInt32>
  private let stepLow: UInt32
  private let stepHighAndPurpose: UInt32

  package init(seed: UInt64, purpose: RandomPurpose, step: Int = 0) {
    precondition(step >= 0 && step < 1 << 56, "step \(step) is outside 0 ..< 2^56")
    key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    stepLow = UInt32(truncatingIfNeeded: step)
    stepHighAndPurpose = UInt32(truncatingIfNeeded: step >> 32) << 8 | purpose.rawValue
  }

  /// Four random 32-bit numbers: elements 4 * block ..< 4 * block + 4 of `sample`.
  package func bits(sample: Int, block: Int) -> SIMD4<UInt32> {
    Philox.block(
      counter: SIMD4(
        UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: sample), stepLow,
        stepHighAndPurpose),
      key: key)
  }

  /// A uniform integer in 0 ..< bound: number `element` of `sample`.
  ///
  /// Multiplies a 64-bit number by the bound and keeps the high half (Lemire 2019); the bias is
  /// under bound / 2^64. Two neighbouring 32-bit elements make one number.
  package func integer(below bound: Int, sample: Int, element: Int = 0) -> Int {
    precondition(bound > 0, "bound \(bound) is not positive")
    let block = bits(sample: sample, block: element >> 1)
    let half = (element & 1) * 2
    let number = UInt64(block[half]) << 32 | UInt64(block[half + 1])
    return Int(number.multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// Overwrites `output` with the uniform numbers in [0, 1) of `sample`: multiples of 2^-24.
  package func uniforms(sample: Int, into output: UnsafeMutableBufferPointer<Float>) {
    var index = 0
    while index < output.count {
      let block = bits(sample: sample, block: index >> 2)
      for lane in 0..<min(4, output.count - index) {
        output[index + lane] = Float(block[lane] >> 8) * 0x1p-24
      }
      index += 4
    }
  }

  /// Overwrites `output` with the standard normal numbers of `sample` by Box and Muller's method:
  /// sqrt(-2 ln u) times cos and sin of 2 pi v.
  ///
  /// Computed in Double and rounded once, so that the last bits of the C library's functions
  /// practically never reach the result. u is in (0, 1]: the logarithm is finite, |x| <= 6.7.
  package func normals(sample: Int, into output: UnsafeMutableBufferPointer<Float>) {
    var index = 0
    while index < output.count {
      let block = bits(sample: sample, block: index >> 2)
      for pair in 0..<2 {
        let u = (Double(block[2 * pair]) + 1) * 0x1p-32
        let v = Double(block[2 * pair + 1]) * 0x1p-32
        let radius = (-2 * log(u)).squareRoot()
        let angle = 2 * Double.pi * v
        let first = index + 2 * pair
        if first < output.count { output[first] = Float(radius * cos(angle)) }
        if first + 1 < output.count { output[first + 1] = Float(radius * sin(angle)) }
      }
      index += 4
    }
  }

  /// Overwrites `permutation` with a random order of 0 ..< count (Fisher and Yates, from the end).
  package func permutation(into permutation: UnsafeMutableBufferPointer<Int32>) {
    for index in 0..<permutation.count { permutation[index] = Int32(index) }
    var last = permutation.count - 1
    while last > 0 {
      permutation.swapAt(last, integer(below: last + 1, sample: last))
      last -= 1
    }
  }
}

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
    Philox.block(counter: counter(sample: sample, block: block), key: key)
  }

  private func counter(sample: Int, block: Int) -> SIMD4<UInt32> {
    SIMD4(
      UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: sample), stepLow,
      stepHighAndPurpose)
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
    fill(output, sample: sample) { first, second, third, fourth in
      func uniforms(_ words: SIMD4<UInt32>) -> SIMD4<Float> {
        SIMD4<Float>(words &>> 8) * 0x1p-24
      }
      let (a, b, c, d) = (uniforms(first), uniforms(second), uniforms(third), uniforms(fourth))
      return SIMD16(
        a[0], b[0], c[0], d[0], a[1], b[1], c[1], d[1], a[2], b[2], c[2], d[2], a[3], b[3], c[3],
        d[3])
    }
  }

  /// Overwrites `output` with the standard normal numbers of `sample` by Box and Muller's method:
  /// sqrt(-2 ln u) times cos and sin of 2 pi v.
  ///
  /// Computed in Double and rounded once (`NormalPairs`). u is in (0, 1]: the logarithm is finite,
  /// |x| <= 6.7.
  package func normals(sample: Int, into output: UnsafeMutableBufferPointer<Float>) {
    fill(output, sample: sample) { first, second, third, fourth in
      let left = NormalPairs.normals(u: first, v: second)
      let right = NormalPairs.normals(u: third, v: fourth)
      // Two pairs a block: one of the left, one of the right.
      return SIMD16(
        lowHalf: SIMD8(
          left[0], left[1], right[0], right[1], left[2], left[3], right[2], right[3]),
        highHalf: SIMD8(
          left[4], left[5], right[4], right[5], left[6], left[7], right[6], right[7]))
    }
  }

  /// Fills `output` with what four blocks give, and so on.
  ///
  /// - Parameters:
  ///   - output: What is overwritten.
  ///   - sample: The sample of the counter.
  ///   - numbers: Makes the 16 numbers of four blocks, from the first, second, third and fourth
  ///     numbers of each.
  @inline(__always)
  private func fill(
    _ output: UnsafeMutableBufferPointer<Float>, sample: Int,
    _ numbers: (
      _ first: SIMD4<UInt32>, _ second: SIMD4<UInt32>, _ third: SIMD4<UInt32>,
      _ fourth: SIMD4<UInt32>
    ) -> SIMD16<Float>
  ) {
    guard let target = UnsafeMutableRawPointer(output.baseAddress) else { return }
    for index in stride(from: 0, to: output.count, by: 16) {
      let (first, second, third, fourth) = Philox.fourBlocks(
        counter: counter(sample: sample, block: index >> 2), key: key)
      let values = numbers(first, second, third, fourth)
      if index + 16 <= output.count {
        (target + index * 4).storeBytes(of: values, as: SIMD16<Float>.self)
      } else {
        for lane in 0..<output.count - index { output[index + lane] = values[lane] }
      }
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

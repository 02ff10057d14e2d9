import Base

/// The random factors of dropout.
///
/// Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014, JMLR 15.
package enum DropoutMask {
  /// Overwrites `mask` with the factors of one sample: 0 with probability `rate`, otherwise
  /// 1 / (1 - rate), so that the expectation of the product is the value itself.
  ///
  /// Value i is 0 where number i of the stream's `sample` is below rate 2^32: the rate is exact to
  /// 2^-32.
  ///
  /// - Parameters:
  ///   - mask: One factor for each value of the sample.
  ///   - rate: Probability of a 0, in 0 ..< 1.
  ///   - stream: The pass's random numbers.
  ///   - sample: The sample's number in the stream.
  package static func fill(
    _ mask: MutableFloatBuffer, rate: Double, stream: RandomStream, sample: Int
  ) {
    precondition(rate >= 0 && rate < 1, "dropout rate \(rate) is outside 0 ..< 1")
    let kept = Float(1 / (1 - rate))
    let threshold = UInt32(rate * 0x1p32)
    var index = 0
    while index < mask.count {
      let block = stream.bits(sample: sample, block: index >> 2)
      for lane in 0..<min(4, mask.count - index) {
        mask[index + lane] = block[lane] < threshold ? 0 : kept
      }
      index += 4
    }
  }
}

/// Sorting of many Floats: three passes over their bits, eleven at a time, which for a million
/// values takes a tenth of the time of a sort by comparisons.
package enum FloatSort {
  private static let (digitBits, digits) = (UInt32(11), 3)

  /// Puts values into ascending order; NaNs go to an end.
  ///
  /// - Parameters:
  ///   - values: The values.
  ///   - scratch: As many.
  package static func sort(
    _ values: UnsafeMutableBufferPointer<Float>, scratch: UnsafeMutableBufferPointer<Float>
  ) {
    let buckets = 1 << digitBits
    var counts = [Int](repeating: 0, count: buckets * digits)
    func digit(_ key: UInt32, _ number: Int) -> Int {
      Int(key >> (UInt32(number) * digitBits)) & (buckets - 1)
    }
    for value in values {
      let key = key(value)
      for number in 0..<digits { counts[number * buckets + digit(key, number)] += 1 }
    }
    var (source, target) = (values, scratch)
    for number in 0..<digits {
      var total = 0
      for bucket in number * buckets..<(number + 1) * buckets {
        (counts[bucket], total) = (total, total + counts[bucket])
      }
      for value in source {
        let bucket = number * buckets + digit(key(value), number)
        target[counts[bucket]] = value
        counts[bucket] += 1
      }
      swap(&source, &target)
    }
    // An odd number of passes ends in the scratch.
    _ = values.update(fromContentsOf: scratch)
  }

  /// Bits whose order as integers is that of the values.
  @inline(__always)
  private static func key(_ value: Float) -> UInt32 {
    let bits = value.bitPattern
    return bits & 0x8000_0000 == 0 ? bits | 0x8000_0000 : ~bits
  }
}

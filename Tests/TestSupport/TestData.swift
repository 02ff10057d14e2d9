import Base

/// Seeded test data: a function of the seed and the number of the list.
package struct TestData {
  private let stream: RandomStream
  private var list = 0

  /// - Parameter seed: Other seeds give independent numbers.
  package init(seed: UInt64) {
    stream = RandomStream(seed: seed, purpose: .drawing, step: 77)
  }

  /// The next list of standard normal numbers.
  package mutating func normals(
    _ count: Int, mean: Float = 0, deviation: Float = 1
  ) -> [Float] {
    defer { list += 1 }
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      buffer.initialize(repeating: 0)
      stream.normals(sample: list, into: UnsafeMutableBufferPointer(rebasing: buffer[0..<count]))
      for index in 0..<count { buffer[index] = mean + deviation * buffer[index] }
      initialized = count
    }
  }

  /// The next list of numbers of either sign whose magnitude is at least `gap`: away from kinks at
  /// 0.
  package mutating func normals(_ count: Int, awayFromZero gap: Float) -> [Float] {
    normals(count).map { $0 < 0 ? $0 - gap : $0 + gap }
  }

  /// The next list of numbers whose sums depend on the order of addition: magnitudes from 2^-12 to
  /// 2^12.
  package mutating func orderSensitive(_ count: Int) -> [Float] {
    let signs = normals(count)
    let exponents = normals(count)
    return zip(signs, exponents).map { value, exponent in
      value * Float(sign: .plus, exponent: max(-12, min(12, Int(exponent * 6))), significand: 1)
    }
  }
}

/// `count` NaNs: what an output holds before a kernel that overwrites it.
package func nanFilled(_ count: Int) -> [Float] { [Float](repeating: .nan, count: count) }

/// Calls `body` with an output of NaNs and gives what it wrote.
package func withOutput(
  _ count: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> Void
) rethrows -> [Float] {
  var output = nanFilled(count)
  try output.withUnsafeMutableBufferPointer { try body($0) }
  return output
}

extension Array where Element == Float {
  /// Calls `body` with a copy of the array, and gives the changed copy.
  package func changed(
    by body: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) rethrows -> [Float] {
    var copy = self
    try copy.withUnsafeMutableBufferPointer { try body($0) }
    return copy
  }

  /// Calls `body` with the array's values.
  package func read<Result>(_ body: (UnsafeBufferPointer<Float>) throws -> Result) rethrows
    -> Result
  {
    try withUnsafeBufferPointer { try body($0) }
  }
}

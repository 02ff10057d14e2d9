/// How much samples differ from each other, by which a collapsed generator is known.
package enum Diversity {
  /// The deviation of samples over that of as many reals; 1 where reals do not differ.
  ///
  /// The deviation of n samples is the root of their variance about their mean, averaged over a
  /// sample's elements.
  package static func share(of samples: [Float], reals: [Float], _ count: Int) -> Double {
    let expected = variance(reals, count)
    return expected > 0 ? (variance(samples, count) / expected).squareRoot() : 1
  }

  private static func variance(_ values: [Float], _ count: Int) -> Double {
    let size = values.count / max(count, 1)
    guard count > 1, size > 0 else { return 0 }
    var total = 0.0
    for element in 0..<size {
      var (sum, squares) = (0.0, 0.0)
      for sample in 0..<count {
        let value = Double(values[sample * size + element])
        sum += value
        squares += value * value
      }
      total += max(0, squares - sum * sum / Double(count)) / Double(count)
    }
    return total / Double(size)
  }
}

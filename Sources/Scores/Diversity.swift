import Configuration

/// How much samples differ from each other, by which a collapsed generator is known.
///
/// The deviation of samples over that of as many reals: 1 where samples differ as reals do, 0 where
/// they are all the same.
package struct Diversity: Score {
  package static let name = "diversity"
  package let columns = ["diversity (1)"]
  /// 256: an estimate from n samples of one element is off by 1 / sqrt(2 n) of itself, 4 %; less
  /// where elements vary apart from each other.
  package let wantedSamples = (training: 256, evaluation: 1000)

  package init() {}

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {}

  package static func refusal(of subject: ScoreSubject) -> String? {
    subject.refusalWithoutGenerator
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    [
      Self.share(
        of: try input.sampleValues(), reals: try input.realValues(), input.samples.count)
    ]
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    [reportLine("diversity", "\(scoreText(values[0])) of the reals' deviation")]
  }

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

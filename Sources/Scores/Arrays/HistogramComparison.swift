/// Two histograms of one quantity with the same bins: of reals and of samples.
///
/// With n_i of N reals and m_i of M samples in bin i, of those that are in any, p_i = n_i / N and
/// q_i = m_i / M:
///
/// The separation power, CaloChallenge's (eq. 15 of arXiv:2009.03796), 0 of equals to 1 of what has
/// nothing in common:
///
///     S = 1/2 sum (p_i - q_i)^2 / (p_i + q_i)
///
/// Chi-squared of two samples, as FastCaloGAN picks its epochs by: ROOT's `TH1::Chi2TestX` with the
/// option `WW` on histograms that are scaled to 1 (Gagunashvili 2006, arXiv:physics/0605123), which
/// the scaling does not change:
///
///     chi2 = sum (M n_i - N m_i)^2 / (M^2 n_i + N^2 m_i)
///
/// over the bins where there is any; its degrees of freedom are those bins less 1.
package struct HistogramComparison: Sendable, Equatable {
  package let binning: Binning
  package let reals: [Int]
  package let samples: [Int]
  /// Of all reals, and of all samples, the share in no bin.
  package let realsOutside: Double
  package let samplesOutside: Double

  package init(_ binning: Binning, reals: [Double], samples: [Double]) {
    self.binning = binning
    let (ofReals, ofSamples) = (binning.counts(reals), binning.counts(samples))
    self.reals = ofReals.bins
    self.samples = ofSamples.bins
    realsOutside = Double(ofReals.outside) / Double(max(reals.count, 1))
    samplesOutside = Double(ofSamples.outside) / Double(max(samples.count, 1))
  }

  private var totals: (reals: Double, samples: Double) {
    (Double(reals.reduce(0, +)), Double(samples.reduce(0, +)))
  }

  /// S; 1 where all of one set lies outside the bins, NaN where all of both does.
  package var separation: Double {
    let (all, drawn) = totals
    guard all > 0 || drawn > 0 else { return .nan }
    guard all > 0, drawn > 0 else { return 1 }
    var sum = 0.0
    for (real, sample) in zip(reals, samples) where real + sample > 0 {
      let (p, q) = (Double(real) / all, Double(sample) / drawn)
      sum += (p - q) * (p - q) / (p + q)
    }
    return sum / 2
  }

  /// Chi-squared, and its degrees of freedom; infinite where one set has nothing in the bins.
  package var chiSquared: (value: Double, degrees: Int) {
    let (all, drawn) = totals
    let filled = zip(reals, samples).count { $0 + $1 > 0 }
    guard filled > 0 else { return (0, 0) }
    guard all > 0, drawn > 0 else { return (.infinity, max(1, filled - 1)) }
    var sum = 0.0
    for (real, sample) in zip(reals, samples) where real + sample > 0 {
      let (real, sample) = (Double(real), Double(sample))
      let difference = drawn * real - all * sample
      sum += difference * difference / (drawn * drawn * real + all * all * sample)
    }
    return (sum, filled - 1)
  }
}

extension Sequence<HistogramComparison> {
  /// The sum of chi-squared over the sum of the degrees of freedom; NaN where there are none.
  package var chiSquaredPerDegree: Double {
    var (sum, degrees) = (0.0, 0)
    for comparison in self {
      let found = comparison.chiSquared
      sum += found.value
      degrees += found.degrees
    }
    return degrees > 0 ? sum / Double(degrees) : .nan
  }
}

/// By what the squares about the mean are divided.
package enum VarianceDivisor: String, Sendable, CaseIterable {
  /// m, the number of values.
  case biased
  /// m - 1.
  case unbiased

  /// n, at least 1.
  package func divisor(count m: Double) -> Double {
    switch self {
    case .biased: m
    case .unbiased: max(m - 1, 1)
    }
  }
}

/// The coefficients of a normalization's second-order pass for one cell: m values that share mean
/// and deviation.
///
/// Letters as in `BatchNormalization`, n the variance's divisor and u = gamma d. With the sums
/// below,
///
///     P v = v - mean(v) - x^ sum(x^ v) / n,  dx = r P u,  b = sum(x^ t) / n,  c = sum(x^ u) / n
///     F = <dx, t> = r (sum(u t) - m mean(u) mean(t) - n b c)
///
/// and, since the gradients of r, b and c with respect to x are -r^2 x^ / n, r P t / n and
/// r P u / n, the share is
///
///     dF/dx = -r^2 (x^ g + c P t + b P u),  g = (sum(u t) - m mean(u) mean(t)) / n - b c
///           = weightU u + weightT t + weightNormal x^ + constant.
///
/// The other two derivatives are J t = gamma r P t and dgamma = sum of d r P t.
package struct NormalizationCurvature {
  package let meanT: Double
  /// b.
  package let normalT: Double
  package let weightU: Double
  package let weightT: Double
  package let weightNormal: Double
  package let constant: Double

  /// Computes the coefficients of a cell from its sums.
  ///
  /// - Parameters:
  ///   - m: Number of values in the cell.
  ///   - n: The divisor of the variance: m or m - 1.
  ///   - r: 1 / sqrt(variance + epsilon).
  ///   - meanU: Mean of u = gamma d.
  ///   - c: sum(x^ u) / n.
  ///   - sumT: Sum of the direction t.
  ///   - sumNormalT: Sum of x^ t.
  ///   - sumProduct: Sum of u t.
  package init(
    count m: Double, divisor n: Double, inverseDeviation r: Double, meanU: Double,
    normalU c: Double, sumT: Double, sumNormalT: Double, sumProduct: Double
  ) {
    meanT = sumT / m
    let b = sumNormalT / n
    normalT = b
    let g = (sumProduct - m * meanU * meanT) / n - b * c
    weightU = -r * r * b
    weightT = -r * r * c
    weightNormal = -r * r * (g - 2 * b * c)
    constant = r * r * (c * meanT + b * meanU)
  }
}

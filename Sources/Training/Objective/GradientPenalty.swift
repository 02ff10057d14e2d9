import Configuration

/// A penalty on the norm of the critic's gradient with respect to its input.
///
/// For B points u, one for each sample of the batch, and g_i the gradient of C at u_i,
///
///     two sides: weight * mean (|g_i| - target)^2
///     one side: weight * mean max(0, |g_i| - target)^2
///
/// | `at` | u_i | source |
/// |---|---|---|
/// | `interpolates` | a_i x_i + (1 - a_i) y_i | Gulrajani et al. 2017, arXiv:1704.00028 |
/// | `reals` | x_i; with target 0 R1 | Mescheder et al. 2018, arXiv:1801.04406, equation 9 |
/// | `fakes` | y_i; with target 0 R2 | the same, equation 10 |
/// | `noise` | x_i + s v_i / 2 | DRAGAN: Kodali et al. 2017, arXiv:1705.07215 |
///
/// a_i is uniform in [0, 1), s the deviation of all values of the reals, v_i uniform in [0, 1) for
/// each value. The weight of R1 and R2 is gamma / 2 of their paper.
///
/// With `every` k it is computed in each k-th critic step of the run, the first of them step 0,
/// with k times the weight: Karras et al. 2020, arXiv:1912.04958, section 3.1 (lazy
/// regularization).
package struct GradientPenalty: Sendable, Equatable {
  /// Where gradients are taken: the table above.
  package enum Points: String, Sendable, CaseIterable {
    case interpolates
    case reals
    case fakes
    case noise
  }

  /// Whether norms below the target cost too.
  package enum Sides: String, Sendable, CaseIterable {
    case one
    case two
  }

  /// What the mean is multiplied by: lambda of WGAN-GP, gamma / 2 of R1 and R2.
  package var weight: Double
  /// u.
  package var points: Points
  /// 1 or 0: the norm that costs nothing.
  package var target: Double
  /// With target 0 always two.
  package var sides: Sides
  /// k, in critic steps of the run.
  package var every: Int
  /// Whether the critic's Adam takes k / (k + 1) times its rate, and its betas to that power, where
  /// `every` is k > 1: StyleGAN2's adjustment for the steps that the penalty is not in.
  package var adjustsOptimizer: Bool

  package init(
    weight: Double, points: Points = .interpolates, target: Double = 1, sides: Sides = .two,
    every: Int = 1, adjustsOptimizer: Bool = false
  ) {
    self.weight = weight
    self.points = points
    self.target = target
    self.sides = sides
    self.every = every
    self.adjustsOptimizer = adjustsOptimizer
  }

  /// Reads `objective.gradientPenalty`.
  ///
  /// - Throws: `ConfigurationError`, also for options that do not go together.
  init(_ section: ConfigurationReader) throws {
    sides = try section.choice("sides", default: Sides.two)
    weight = try section.number("weight", default: 10, in: 0...1e6)
    points = try section.choice("at", default: Points.interpolates)
    target = Double(try section.integer("target", default: 1, in: 0...1))
    every = try section.integer("every", default: 1, in: 1...1_000_000)
    adjustsOptimizer = try section.boolean("adjustOptimizer", default: false)
    if sides == .one, target == 0 {
      throw section.fail(
        "sides", "expected two with target 0, which no norm is below, found one")
    }
    if adjustsOptimizer, every == 1 {
      throw section.fail("adjustOptimizer", "expected every of 2 or more with it, found 1")
    }
  }

  /// Whether critic step `step` of the run, from 0, computes it.
  package func isDue(inStep step: Int) -> Bool { step % every == 0 }

  /// What the mean is weighted with in a step that computes it.
  package var stepWeight: Double { weight * Double(every) }

  /// The penalty of one point, not weighted, and what its gradient g is multiplied with to give the
  /// derivative with respect to g, up to 2 weight / B.
  ///
  /// At g = 0 the norm has no derivative: it contributes 0, as PyTorch's norm does. With target 0
  /// no root is taken.
  ///
  /// - Parameter sumOfSquares: |g|^2.
  /// - Returns: The value, and the factor of g.
  package func term(sumOfSquares: Double) -> (value: Double, factor: Double) {
    guard target != 0 else { return (sumOfSquares, 1) }
    let norm = sumOfSquares.squareRoot()
    let excess = sides == .one ? max(0, norm - target) : norm - target
    return (excess * excess, norm > 0 ? excess / norm : 0)
  }
}

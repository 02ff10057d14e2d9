/// The distributions that parameters start from.
///
/// Letters: fi and fo are a weight's fan-in and fan-out: inputs or outputs of a linear layer,
/// channels times kernel pixels of a convolution.
package struct Initialization: Sendable, Equatable {
  package enum Scheme: String, Sendable, CaseIterable {
    /// PyTorch's defaults: weights and biases uniform in +-1/sqrt(fi), norm weights 1.
    case pytorch
    /// DCGAN's (Radford et al. 2016, arXiv:1511.06434), which touches weights only.
    ///
    /// Convolution weights `N(0, 0.02)`, norm weights `N(1, 0.02)`; everything else, convolution
    /// biases too, as PyTorch's defaults.
    case dcgan
    /// Keras's defaults: Glorot-uniform weights, zero biases.
    case keras
    /// The scheme of WGAN-GP's authors (Gulrajani et al. 2017, arXiv:1704.00028, their code):
    /// convolutions `he`, linear layers `glorot`, zero biases; a convolution's stride takes a part
    /// of a fan.
    case gulrajani
    /// PaddleScience's: as `gulrajani`, but a fan does not know of the stride.
    case paddlescience
  }

  /// How one layer's weight begins, whatever the scheme.
  package enum Weight: Sendable, Equatable {
    /// U(+-1/sqrt(fi)), PyTorch's default.
    case pytorch
    /// U(+-sqrt(6 / (fi + fo))): deviation sqrt(2 / (fi + fo)) (Glorot and Bengio 2010).
    case glorot
    /// U(+-sqrt(12 / (fi + fo))): sqrt(2) times Glorot's, for layers before a ReLU.
    case he
    /// U(+-sqrt(6 / fi)) (He et al. 2015, arXiv:1502.01852).
    case heFanIn
    case zeros
    case normal(deviation: Float)
    case uniform(limit: Float)
  }

  package var scheme: Scheme
  /// Replaces the scheme's weight distribution, not that of biases.
  package var weight: Weight?

  package init(_ scheme: Scheme, weight: Weight? = nil) {
    self.scheme = scheme
    self.weight = weight
  }

  /// The fans of a convolution's or linear layer's weight.
  package struct Fans: Sendable, Equatable {
    package var inputs: Int
    package var outputs: Int
    package var kernelPixels = 1
    /// The strides of all directions, multiplied.
    package var stridePixels = 1
    package var isTransposed = false

    package init(
      inputs: Int, outputs: Int, kernelPixels: Int = 1, stridePixels: Int = 1,
      isTransposed: Bool = false
    ) {
      self.inputs = inputs
      self.outputs = outputs
      self.kernelPixels = kernelPixels
      self.stridePixels = stridePixels
      self.isTransposed = isTransposed
    }

    /// What PyTorch calls the fan-in: of a transposed convolution's weight (I, O, H, W) it takes
    /// the second dimension, the output channels.
    var pytorchIn: Int { (isTransposed ? outputs : inputs) * kernelPixels }

    /// fi and fo.
    ///
    /// Corrected for the stride, fo of a convolution is divided by stride^2 (of a line by the
    /// stride, of a volume by its cube), of a transposed one fi: so many of the kernel's pixels
    /// meet a value on the average.
    func values(correctingStride: Bool) -> (fanIn: Double, fanOut: Double) {
      let part = correctingStride ? Double(stridePixels) : 1
      let (fanIn, fanOut) = (Double(inputs * kernelPixels), Double(outputs * kernelPixels))
      return isTransposed ? (fanIn / part, fanOut) : (fanIn, fanOut / part)
    }
  }

  package func convolutionWeight(_ fans: Fans) -> Initializer {
    let schemeWeight: Weight =
      switch scheme {
      case .pytorch: .pytorch
      case .dcgan: .normal(deviation: 0.02)
      case .keras: .glorot
      case .gulrajani, .paddlescience: .he
      }
    return initializer(weight ?? schemeWeight, fans)
  }

  /// How a linear layer's weight begins.
  ///
  /// - Parameters:
  ///   - inputs: Number of inputs: the fan-in.
  ///   - heads: The outputs of the layers that this weight holds one under the other: each begins
  ///     with its own fan-out.
  /// - Returns: The layer's own choice where the configuration has one, otherwise the scheme's.
  package func linearWeight(inputs: Int, heads: [Int]) -> Initializer {
    let schemeWeight: Weight =
      switch scheme {
      case .pytorch, .dcgan: .pytorch
      case .keras, .gulrajani, .paddlescience: .glorot
      }
    let each = heads.map {
      initializer(weight ?? schemeWeight, Fans(inputs: inputs, outputs: $0))
    }
    guard each.contains(where: { $0 != each[0] }) else { return each[0] }
    return .uniformParts(
      zip(heads, each).map { outputs, initializer in
        guard case .uniform(let limit) = initializer else {
          preconditionFailure("only a limit depends on the fan-out")
        }
        return Initializer.UniformPart(count: outputs * inputs, limit: limit)
      })
  }

  package func bias(_ fans: Fans) -> Initializer {
    switch scheme {
    case .pytorch, .dcgan: .uniform(limit: Float(1 / Double(fans.pytorchIn).squareRoot()))
    case .keras, .gulrajani, .paddlescience: .constant(0)
    }
  }

  var normWeight: Initializer {
    switch scheme {
    case .dcgan: .normal(mean: 1, deviation: 0.02)
    case .pytorch, .keras, .gulrajani, .paddlescience: .constant(1)
    }
  }

  private func initializer(_ weight: Weight, _ fans: Fans) -> Initializer {
    let (fanIn, fanOut) = fans.values(correctingStride: scheme == .gulrajani)
    return switch weight {
    case .pytorch: .uniform(limit: Float(1 / Double(fans.pytorchIn).squareRoot()))
    case .glorot: .uniform(limit: Float((6 / (fanIn + fanOut)).squareRoot()))
    case .he: .uniform(limit: Float((12 / (fanIn + fanOut)).squareRoot()))
    case .heFanIn: .uniform(limit: Float((6 / fanIn).squareRoot()))
    case .zeros: .constant(0)
    case .normal(let deviation): .normal(mean: 0, deviation: deviation)
    case .uniform(let limit): .uniform(limit: limit)
    }
  }
}

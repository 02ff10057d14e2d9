/// The distributions that parameters start from.
package struct Initialization: Sendable, Equatable {
  package enum Scheme: String, Sendable, CaseIterable {
    /// PyTorch's defaults: weights and biases uniform in +-1/sqrt(fan-in), norm weights 1.
    case pytorch
    /// DCGAN's (Radford et al. 2016, arXiv:1511.06434), which touches weights only.
    ///
    /// Convolution weights `N(0, 0.02)`, norm weights `N(1, 0.02)`; everything else, convolution
    /// biases too, as PyTorch's defaults.
    case dcgan
  }

  package var scheme: Scheme

  package init(_ scheme: Scheme) { self.scheme = scheme }

  func convolutionWeight(fanIn: Int) -> Initializer {
    switch scheme {
    case .pytorch: bias(fanIn: fanIn)
    case .dcgan: .normal(mean: 0, deviation: 0.02)
    }
  }

  func linearWeight(fanIn: Int) -> Initializer { bias(fanIn: fanIn) }

  func bias(fanIn: Int) -> Initializer {
    .uniform(limit: Float(1 / Double(fanIn).squareRoot()))
  }

  var normWeight: Initializer {
    switch scheme {
    case .pytorch: .constant(1)
    case .dcgan: .normal(mean: 1, deviation: 0.02)
    }
  }
}

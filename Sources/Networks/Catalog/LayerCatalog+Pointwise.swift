import Configuration
import Kernels

extension LayerCatalog {
  /// A layer of a function without options.
  static func activation(_ function: ActivationFunction) -> Builder {
    { item, site in
      try item.options.finish()
      return Activation(
        function, kind: item.name, inputShape: site.inputShape, context: site.context)
    }
  }

  @Sendable static func elu(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    // A negative alpha would hide the sign of x from the backward pass.
    let alpha = try item.options.number("alpha", default: 1, in: 0...1000)
    return try activation(.elu(alpha: Float(alpha)))(item, site)
  }

  @Sendable static func gelu(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let form = try item.options.choice("approximate", default: "none", of: ["none", "tanh"])
    return try activation(form == "tanh" ? .geluTanh : .gelu)(item, site)
  }

  @Sendable static func dropout(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let rate = try item.options.number("rate", default: 0.5, in: 0...0.999)
    try item.options.finish()
    return Dropout(
      inputShape: site.inputShape, rate: rate, layerNumber: site.layerNumber, context: site.context)
  }
}

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

  @Sendable static func spans(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let functions = try item.options.items("functions").map { entry in
      try entry.options.finish()
      guard let function = Spans.Function(rawValue: entry.name) else {
        throw entry.unknownName(known: Spans.Function.allCases.map(\.rawValue))
      }
      return function
    }
    let channels = try item.options.integers("channels", count: 1...sizes.upperBound, in: sizes)
    try item.options.finish()
    guard functions.count == channels.count else {
      throw item.options.fail(
        "channels",
        "expected \(functions.count), one for each of functions, found "
          + "\(channels.count)")
    }
    let sum = channels.reduce(0, +)
    guard sum == site.inputShape.channels else {
      throw site.misfit(
        item, "spans of \(sum) channels together do not fit its input \(site.inputShape)")
    }
    return Spans(
      zip(functions, channels).map { Spans.Span($0, channels: $1) }, inputShape: site.inputShape,
      context: site.context)
  }

  @Sendable static func dropout(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let rate = try item.options.number("rate", default: 0.5, in: 0...0.999)
    try item.options.finish()
    return Dropout(
      inputShape: site.inputShape, rate: rate, layerNumber: site.layerNumber, context: site.context)
  }
}

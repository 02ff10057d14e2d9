/// A layer of lwtnn: activation(W x + b), or W (x + b) of a normalization.
struct LwtnnLayer: Encodable {
  var architecture = "dense"
  /// Outputs x inputs, row by row; empty for none.
  var weights: [Float]
  /// Empty for none.
  var bias: [Float]
  /// nil where there is no place for one.
  var activation: LwtnnActivation? = .linear
}

/// A function of lwtnn: a name, or one with its number.
struct LwtnnActivation: Encodable, Equatable {
  static let linear = LwtnnActivation("linear")

  private enum Key: String, CodingKey {
    case function, alpha
  }

  let function: String
  let alpha: Double?

  init(_ function: String, alpha: Double? = nil) {
    self.function = function
    self.alpha = alpha
  }

  /// A text, or with a number an object of `function` and `alpha`: lwtnn reads both.
  func encode(to encoder: any Encoder) throws {
    guard let alpha else {
      var container = encoder.singleValueContainer()
      return try container.encode(function)
    }
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(function, forKey: .function)
    try container.encode(alpha, forKey: .alpha)
  }
}

import Kernels

/// One option of a layer, by its name in a configuration.
package struct LayerOption: Sendable, Equatable {
  package enum Value: Sendable, Equatable {
    case integer(Int)
    case number(Double)
    case flag(Bool)
    case word(String)
    case integers([Int])
    case words([String])
    /// A name with one number, such as the distribution `normal: {deviation: 0.02}`.
    case choice(String, option: String, number: Double)
  }

  /// Where the value comes from.
  package enum Origin: Sendable, Equatable {
    /// A configuration says it: it has no default, or another than this.
    case chosen
    /// What a configuration need not say.
    case byDefault
    /// Not the layer's own option: from the data or from another option.
    case derived
  }

  package let name: String
  package let value: Value
  package let origin: Origin

  /// - Parameters:
  ///   - name: As in a configuration.
  ///   - value: The layer's.
  ///   - usual: The value that a configuration need not say; nil for an option without a default.
  package init(_ name: String, _ value: Value, default usual: Value? = nil) {
    self.name = name
    self.value = value
    origin = value == usual ? .byDefault : .chosen
  }

  private init(derived name: String, _ value: Int) {
    self.name = name
    self.value = .integer(value)
    origin = .derived
  }

  /// A fact that follows from the data or from another option, which a configuration cannot say
  /// here.
  package static func derived(_ name: String, _ value: Int) -> LayerOption {
    LayerOption(derived: name, value)
  }

  package init(_ name: String, _ value: Int, default usual: Int? = nil) {
    self.init(name, .integer(value), default: usual.map { .integer($0) })
  }

  package init(_ name: String, _ value: Bool, default usual: Bool) {
    self.init(name, .flag(value), default: .flag(usual))
  }

  package init(_ name: String, _ value: Double, default usual: Double) {
    self.init(name, .number(value), default: .number(usual))
  }

  /// A Float by its shortest decimal, as it was written: 0.2 and not 0.200000003.
  package init(_ name: String, _ value: Float, default usual: Float) {
    self.init(name, Self.shortest(value), default: Self.shortest(usual) as Double)
  }

  package init<Choice: RawRepresentable<String>>(
    _ name: String, _ value: Choice, default usual: Choice
  ) {
    self.init(name, .word(value.rawValue), default: .word(usual.rawValue))
  }

  static func shortest(_ value: Float) -> Double { Double("\(value)") ?? Double(value) }
}

extension LayerOption.Value {
  /// As a configuration has it: `64`, `false`, `[128, 7, 7]`, `{normal: {deviation: 0.02}}`.
  package var yaml: String {
    switch self {
    case .integer(let value): "\(value)"
    case .number(let value):
      value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    case .flag(let value): "\(value)"
    case .word(let value): value
    case .integers(let values): "[\(values.map(String.init).joined(separator: ", "))]"
    case .words(let values): "[\(values.joined(separator: ", "))]"
    case .choice(let name, let option, let number):
      "{\(name): {\(option): \(LayerOption.Value.number(number).yaml)}}"
    }
  }
}

extension LayerOption {
  /// A convolution's rows and columns of zeros: one number, or [top, bottom, left, right].
  static func padding(_ geometry: ConvolutionGeometry) -> LayerOption {
    let sides = [
      geometry.paddingTop, geometry.paddingBottom, geometry.paddingLeft, geometry.paddingRight,
    ]
    return sides.allSatisfy { $0 == sides[0] }
      ? .init("padding", sides[0], default: 0) : .init("padding", .integers(sides))
  }
}

extension LayerOption {
  /// A kernel or window: one number, or [rows, columns].
  static func kernel(_ geometry: ConvolutionGeometry) -> LayerOption {
    let (height, width) = (geometry.kernelHeight, geometry.kernelWidth)
    return height == width
      ? .init("kernel", height) : .init("kernel", .integers([height, width]))
  }

  /// A pooling layer's windows.
  static func windows(_ geometry: ConvolutionGeometry) -> [LayerOption] {
    let stride = LayerOption.Value.integer(geometry.stride)
    let isDefault =
      geometry.kernelHeight == geometry.stride && geometry.kernelWidth == geometry.stride
    return [
      kernel(geometry), .init("stride", stride, default: isDefault ? stride : nil),
      padding(geometry),
    ]
  }

  /// How a weight begins, where a configuration says it of this layer.
  static func initialization(_ weight: Initialization.Weight?) -> [LayerOption] {
    guard let weight else { return [] }
    let value: LayerOption.Value =
      switch weight {
      case .pytorch: .word("pytorch")
      case .glorot: .word("glorot")
      case .he: .word("he")
      case .heFanIn: .word("heFanIn")
      case .zeros: .word("zeros")
      case .normal(let deviation):
        .choice("normal", option: "deviation", number: LayerOption.shortest(deviation))
      case .uniform(let limit):
        .choice("uniform", option: "limit", number: LayerOption.shortest(limit))
      }
    return [LayerOption("initialization", value)]
  }
}

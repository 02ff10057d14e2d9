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

/// Options of layers on images of so many `dimensions`: one number, or one for each direction.
extension LayerOption {
  /// A convolution's zeros: one number, or one for each side: [top, bottom, left, right].
  static func padding(_ geometry: ConvolutionGeometry, _ dimensions: Int) -> LayerOption {
    each("padding", geometry.padding.numbers(dimensions), default: 0)
  }

  /// A kernel or window.
  static func kernel(_ geometry: ConvolutionGeometry, _ dimensions: Int) -> LayerOption {
    each("kernel", geometry.kernel.numbers(dimensions))
  }

  static func stride(_ geometry: ConvolutionGeometry, _ dimensions: Int) -> LayerOption {
    each("stride", geometry.stride.numbers(dimensions), default: 1)
  }

  /// What the input of a convolution has behind the last that its kernel meets: a transposed one's
  /// further pixels.
  static func outputPadding(_ geometry: ConvolutionGeometry, _ dimensions: Int) -> LayerOption {
    let rests = [geometry.depth, geometry.rows, geometry.columns].map { axis in
      axis.input + axis.before + axis.after - (axis.output - 1) * axis.stride - axis.kernel
    }
    return each("outputPadding", rests.suffix(dimensions), default: 0)
  }

  /// A pooling layer's windows.
  static func windows(_ geometry: ConvolutionGeometry, _ dimensions: Int) -> [LayerOption] {
    let stride = value(geometry.stride.numbers(dimensions))
    let usual = geometry.stride == geometry.kernel ? stride : nil
    return [
      kernel(geometry, dimensions), .init("stride", stride, default: usual),
      padding(geometry, dimensions),
    ]
  }

  /// An option with a number for each direction or side; `usual` is what a configuration need not
  /// say, where all are that.
  static func each(
    _ name: String, _ numbers: some Sequence<Int>, default usual: Int? = nil
  ) -> LayerOption {
    .init(name, value(Array(numbers)), default: usual.map { .integer($0) })
  }

  private static func value(_ numbers: [Int]) -> Value {
    numbers.allSatisfy { $0 == numbers[0] } ? .integer(numbers[0]) : .integers(numbers)
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

import Base
import Networks

/// Writes layers as PyTorch's modules, following what lies between them: N x C, N x C x L,
/// N x C x H x W or N x C x D x H x W.
struct PyTorchLayers {
  /// A module's name in the state dict and its expression, which may have several lines.
  typealias Module = (name: String, lines: [String])

  /// For errors.
  let network: String
  /// Whether layers of the network look at labels.
  let hasLabels: Bool
  /// Dimensions of what the next module takes: 2 to 5.
  var rank: Int
  var helpers: Set<PyTorchHelper> = []

  var sequenceName: String { hasLabels ? "Layers" : "nn.Sequential" }

  init(network: String, hasLabels: Bool, rank: Int) {
    self.network = network
    self.hasLabels = hasLabels
    self.rank = rank
    if hasLabels { helpers.insert(.layers) }
  }

  /// Dimensions of a network's input: what its first layer that cares takes.
  static func rank(of layers: [LayerDescription], input: Shape) -> Int {
    if input.pixels > 1 { return rank(of: input) }
    for layer in layers {
      if layer.kind == "residual" { return rank(of: layer.children, input: input) }
      if let rank = rank(takenBy: layer) { return rank }
      if ["reshape", "flatten"].contains(layer.kind) { return 2 }
    }
    return 2
  }

  /// Dimensions of images, batch and channels included.
  private static func rank(of shape: Shape) -> Int { shape.dimensions + 2 }

  /// Dimensions that a layer insists on; nil for one that takes any.
  private static func rank(takenBy layer: LayerDescription) -> Int? {
    switch layer.kind {
    case "linear": 2
    // What they give has the dimensions that they say.
    case "conv1d", "conv2d", "conv3d", "convTranspose1d", "convTranspose2d", "convTranspose3d",
      "maxPool1d", "maxPool2d", "maxPool3d", "avgPool1d", "avgPool2d", "avgPool3d":
      rank(of: layer.outputShape)
    case "upsample", "meanPool", "globalMean", "crop", "instanceNorm", "selfAttention":
      rank(of: layer.inputShape)
    default: nil
    }
  }

  // MARK: - Sequences

  /// The modules of layers one after the other.
  ///
  /// - Throws: `Fault` naming a layer that there is no module for.
  mutating func modules(_ layers: [LayerDescription]) throws -> [Module] {
    var modules: [Module] = []
    for layer in layers {
      let name = layer.path.split(separator: ".").last.map(String.init) ?? layer.path
      let needed = layer.kind == "residual" ? nil : Self.rank(takenBy: layer)
      if let needed, needed != rank {
        let input = layer.inputShape
        modules.append(
          needed == 2
            ? ("flatten_\(name)", ["nn.Flatten()"])
            : ("unflatten_\(name)", ["Reshape(\(input.sizesText(needed - 2)))"]))
        if needed > 2 { helpers.insert(.reshape) }
        rank = needed
      }
      modules += try self.modules(layer, name: name)
    }
    return modules
  }

  /// Modules in the parentheses of a call: by their places, or with names where others stand
  /// between the layers.
  func sequence(_ modules: [Module], before: String, after: String, indent: Int) -> [String] {
    let space = String(repeating: " ", count: indent)
    let isPlain = modules.enumerated().allSatisfy { "\($0)" == $1.name }
    var lines = [space + before + (isPlain ? "" : "OrderedDict([")]
    for (name, expression) in modules {
      var expression = expression
      if !isPlain {
        expression[0] = "(\"\(name)\", " + expression[0]
        expression[expression.count - 1] += ")"
      }
      expression[expression.count - 1] += ","
      lines += expression.map { space + "    " + $0 }
    }
    return lines + [space + (isPlain ? "" : "])") + after]
  }

  // MARK: - Layers

  private mutating func modules(_ layer: LayerDescription, name: String) throws -> [Module] {
    switch layer.kind {
    case "residual": return [(name, try residual(layer))]
    case "conv1d", "conv2d", "conv3d": return convolution(layer, name)
    case "convTranspose1d", "convTranspose2d", "convTranspose3d":
      return transposedConvolution(layer, name)
    case "maxPool1d", "maxPool2d", "maxPool3d", "avgPool1d", "avgPool2d", "avgPool3d":
      return try pooling(layer, name)
    case "conditionConcat": return [(name, try conditionConcat(layer))]
    default: return [(name, [try expression(layer)])]
    }
  }

  /// A module of one line, and the dimensions that it gives.
  private mutating func expression(_ layer: LayerDescription) throws -> String {
    let (input, output) = (layer.inputShape, layer.outputShape)
    switch layer.kind {
    case "linear":
      let (inputs, outputs) = (input.channels, output.channels)
      return spectral(layer, "nn.Linear(\(inputs), \(outputs)\(bias(layer)))")
    case "batchNorm":
      let momentum = layer.pythonNumber("momentum")
      return "nn.BatchNorm\(max(1, rank - 2))d(\(input.channels), eps=\(epsilon(layer)), "
        + "momentum=\(momentum))"
    case "conditionalBatchNorm": return conditionalBatchNorm(layer)
    case "layerNorm": return layerNorm(layer)
    case "instanceNorm":
      let affine = layer[option: "affine"] == .flag(true) ? "True" : "False"
      return
        "nn.InstanceNorm\(rank - 2)d(\(input.channels), eps=\(epsilon(layer)), affine=\(affine))"
    case "relu": return "nn.ReLU()"
    case "leakyReLU": return "nn.LeakyReLU(\(layer.pythonNumber("slope")))"
    case "tanh": return "nn.Tanh()"
    case "sigmoid": return "nn.Sigmoid()"
    case "softplus": return "nn.Softplus()"
    case "elu": return "nn.ELU(\(layer.pythonNumber("alpha")))"
    case "gelu":
      return layer[option: "approximate"] == .word("tanh")
        ? "nn.GELU(approximate=\"tanh\")" : "nn.GELU()"
    case "swish": return "nn.SiLU()"
    case "dropout": return "nn.Dropout(\(layer.pythonNumber("rate")))"
    case "upsample":
      let factor = layer.numbers("factor")
      guard layer[option: "order"] == .word("shuffled") else {
        return "nn.Upsample(scale_factor=\(factor))"
      }
      helpers.insert(.shuffledUpsample)
      return "ShuffledUpsample(\(factor))"
    case "meanPool": return "nn.AvgPool\(rank - 2)d(\(layer.numbers("size")))"
    case "selfAttention": return selfAttention(layer)
    case "globalMean":
      helpers.insert(.globalMean)
      rank = 2
      return "GlobalMean()"
    case "flatten":
      rank = 2
      return "nn.Flatten()"
    case "reshape":
      helpers.insert(.reshape)
      rank = output.pixels > 1 ? Self.rank(of: output) : 2
      return "Reshape(\(rank == 2 ? "\(output.channels)" : output.sizesText))"
    case "crop":
      helpers.insert(.crop)
      return crop(from: output.pixelSizes.map { _ in 0 }, output)
    case "labelConcat":
      helpers.insert(.labelConcat)
      let embedding =
        layer[option: "embedding"] == nil ? "" : ", embedding=\(layer.integer("added"))"
      return "LabelConcat(\(layer.integer("classes"))\(embedding))"
    case "conditionScale":
      helpers.insert(.conditionScale)
      return "ConditionScale(\(layer.integer("number")))"
    case "spans":
      helpers.insert(.spans)
      let functions = layer.words("functions").map { "\"\($0)\"" }.joined(separator: ", ")
      return "Spans([\(functions)], \(layer.pythonList("channels")))"
    default:
      throw Fault(
        "export: \(network).layers: layer \(layer.path) is \(layer.kind), for which no PyTorch "
          + "module is written")
    }
  }

  private mutating func residual(_ layer: LayerDescription) throws -> [String] {
    helpers.insert(hasLabels ? .labelledResidual : .residual)
    let begin = rank
    var lines = ["Residual("]
    let main = try modules(layer.branch("main"))
    lines += sequence(main, before: "\(sequenceName)(", after: "),", indent: 4)
    let end = rank
    rank = begin
    let shortcut = try modules(layer.branch("shortcut"))
    if !shortcut.isEmpty {
      lines += sequence(shortcut, before: "\(sequenceName)(", after: "),", indent: 4)
    }
    guard rank == end else {
      throw Fault(
        "export: \(network).layers: layer \(layer.path): residual adds a vector and an image of "
          + "one pixel, which PyTorch has in two shapes")
    }
    return lines + [")"]
  }

  /// The numbers, through the layers inside where there are any: they take and give vectors.
  private mutating func conditionConcat(_ layer: LayerDescription) throws -> [String] {
    helpers.insert(.conditionConcat)
    let begin = rank
    rank = 2
    // Inside, modules take what the one before gives, and no condition.
    let readers = ["conditionConcat", "conditionScale", "labelConcat", "conditionalBatchNorm"]
    if let inner = layer.children.first(where: { readers.contains($0.kind) }) {
      throw Fault(
        "export: \(network).layers: layer \(inner.path) is \(inner.kind) inside of "
          + "\(layer.kind), for which no PyTorch module is written")
    }
    let inner = try modules(layer.children)
    rank = begin
    let numbers = layer.pythonList("numbers")
    guard !inner.isEmpty else { return ["ConditionConcat(\(numbers))"] }
    return sequence(inner, before: "ConditionConcat(\(numbers), ", after: ")", indent: 0)
  }

  private func convolution(_ layer: LayerDescription, _ name: String) -> [Module] {
    let sides = layer.padding
    let padding = sides.symmetric.map { paddingArgument($0) }
    let convolution =
      "nn.Conv\(rank - 2)d(\(layer.inputShape.channels), \(layer.outputShape.channels), "
      + "\(layer.numbers("kernel"))\(stride(layer))\(padding ?? "")\(bias(layer)))"
    let module: Module = (name, [spectral(layer, convolution)])
    return padding == nil ? [pad(sides, name), module] : [module]
  }

  /// Zeros around an image, where one side's number is not the other's.
  ///
  /// PyTorch begins with the last direction: left, right, top, bottom.
  private func pad(_ sides: PaddedSides, _ name: String) -> Module {
    let numbers = zip(sides.before, sides.after).reversed().flatMap { ["\($0)", "\($1)"] }
    return ("pad_\(name)", ["nn.ZeroPad\(rank - 2)d((\(numbers.joined(separator: ", "))))"])
  }

  private func paddingArgument(_ numbers: [Int]) -> String {
    numbers.allSatisfy { $0 == 0 } ? "" : ", padding=\(numbers.pythonTuple)"
  }

  private mutating func transposedConvolution(
    _ layer: LayerDescription, _ name: String
  ) -> [Module] {
    let sides = layer.padding
    let padding = sides.symmetric.map { paddingArgument($0) }
    let extra = layer[option: "outputPadding"] == .integer(0) ? nil : layer.numbers("outputPadding")
    let convolution =
      "nn.ConvTranspose\(rank - 2)d(\(layer.inputShape.channels), \(layer.outputShape.channels), "
      + "\(layer.numbers("kernel"))\(stride(layer))\(padding ?? "")"
      + (extra.map { ", output_padding=\($0)" } ?? "") + "\(bias(layer)))"
    let module: Module = (name, [spectral(layer, convolution)])
    guard padding == nil else { return [module] }
    helpers.insert(.crop)
    // Without padding nothing is cut off; what another padding would cut is cut behind it.
    return [module, ("crop_\(name)", [crop(from: sides.before, layer.outputShape)])]
  }

  /// The part of an image with the pixels of `shape`, from a corner on.
  private func crop(from corner: [Int], _ shape: Shape) -> String {
    let tuple = { (numbers: [Int]) in
      numbers.count == 1
        ? "(\(numbers[0]),)" : "(\(numbers.map(String.init).joined(separator: ", ")))"
    }
    return "Crop(\(tuple(corner)), \(tuple(shape.pixelSizes)))"
  }

  private func pooling(_ layer: LayerDescription, _ name: String) throws -> [Module] {
    let isMean = layer.kind.hasPrefix("avg")
    let sides = layer.padding
    guard let padding = sides.symmetric else {
      throw Fault(
        "export: \(network).layers: layer \(layer.path): \(layer.kind) with another padding on one "
          + "side than on the other, for which no PyTorch module is written")
    }
    let isUsual = layer[option: "stride"] == layer[option: "kernel"]
    let stride = isUsual ? "" : ", stride=\(layer.numbers("stride"))"
    let counted =
      layer[option: "countIncludePad"] == .flag(false) ? ", count_include_pad=False" : ""
    let module =
      "nn.\(isMean ? "Avg" : "Max")Pool\(rank - 2)d(\(layer.numbers("kernel"))\(stride)"
      + "\(paddingArgument(padding))\(counted))"
    return [(name, [module])]
  }

  private mutating func selfAttention(_ layer: LayerDescription) -> String {
    helpers.insert(.selfAttention)
    let pool = layer.integer("pool")
    let isSpectral = layer[option: "spectralNorm"] == .flag(true)
    return "SelfAttention(nn.Conv\(rank - 2)d, \(layer.inputShape.channels)"
      + (pool == 1 ? "" : ", pool=nn.MaxPool\(rank - 2)d(\(pool))")
      + (isSpectral ? ", norm=nn.utils.spectral_norm" : "") + ")"
  }

  private mutating func conditionalBatchNorm(_ layer: LayerDescription) -> String {
    helpers.insert(.conditionalBatchNorm)
    let unbiased = layer[option: "variance"] == .word("unbiased") ? 1 : 0
    let running =
      layer[option: "statistics"] == .word("running")
      ? ", momentum=\(layer.pythonNumber("momentum"))" : ""
    return "ConditionalBatchNorm(\(layer.integer("classes")), \(layer.inputShape.channels), "
      + "eps=\(epsilon(layer)), correction=\(unbiased)\(running))"
  }

  private mutating func layerNorm(_ layer: LayerDescription) -> String {
    let shape = layer.inputShape
    let isBiased = layer[option: "variance"] != .word("unbiased")
    let sizes = rank == 2 ? "\(shape.channels)" : shape.sizesText
    let (parameters, affine): (String, String) =
      switch layer[option: "affine"] {
      case .word("scalar"): ("1,", "")
      case .word("channel"): ("\(shape.channels),", "")
      case .word("none"): ("", ", elementwise_affine=False")
      default: (rank == 2 ? "\(sizes)," : sizes, "")
      }
    if isBiased, layer[option: "affine"] == .word("channel") {
      return "nn.GroupNorm(1, \(shape.channels), eps=\(epsilon(layer)))"
    }
    if isBiased, layer[option: "affine"] != .word("scalar") {
      return "nn.LayerNorm([\(sizes)], eps=\(epsilon(layer))\(affine))"
    }
    helpers.insert(.layerNorm)
    return "LayerNorm((\(parameters)), eps=\(epsilon(layer)), correction=\(isBiased ? 0 : 1))"
  }

  // MARK: - Options

  private func stride(_ layer: LayerDescription) -> String {
    layer[option: "stride"] == .integer(1) ? "" : ", stride=\(layer.numbers("stride"))"
  }

  private func bias(_ layer: LayerDescription) -> String {
    layer[option: "bias"] == .flag(false) ? ", bias=False" : ""
  }

  private func epsilon(_ layer: LayerDescription) -> String { layer.pythonNumber("epsilon") }

  private func spectral(_ layer: LayerDescription, _ module: String) -> String {
    layer[option: "spectralNorm"] == .flag(true) ? "nn.utils.spectral_norm(\(module))" : module
  }
}

extension LayerDescription {
  /// A list as Python writes it.
  fileprivate func pythonList(_ name: String) -> String {
    "[\(integers(name).map(String.init).joined(separator: ", "))]"
  }

  /// A number as Python writes it.
  fileprivate func pythonNumber(_ name: String) -> String { "\(number(name))" }

  /// One number, or one for each direction, as Python has it: `3`, `(1, 7)`.
  fileprivate func numbers(_ name: String) -> String {
    isList(name) ? integers(name).pythonTuple : "\(integer(name))"
  }
}

extension [Int] {
  /// One number where all are the same, else a tuple.
  fileprivate var pythonTuple: String {
    allSatisfy { $0 == self[0] } ? "\(self[0])" : "(\(map(String.init).joined(separator: ", ")))"
  }
}

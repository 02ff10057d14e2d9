import Base
import Networks

/// Writes layers as PyTorch's modules, following what lies between them: N x C, N x C x L, N x C x
/// H x W or N x C x D x H x W.
///
/// A vector is an image of one pixel in a network here, but not in PyTorch: where a layer insists
/// on other dimensions than `rank`, an `nn.Flatten` or a `Reshape` goes in between, under a name
/// that no layer has, so that the tensors keep theirs.
struct PyTorchLayers {
  /// A module's path in the state dict, behind that of the module around it, and its expression,
  /// which may have several lines.
  typealias Module = (path: String, lines: [String])

  /// For errors.
  let network: String
  /// Whether layers of the network look at labels.
  let hasLabels: Bool
  /// Dimensions of what the next module takes: 2 to 5.
  var rank: Int
  var helpers: Set<PyTorchHelper> = []

  /// Begins with values of so many dimensions; `rank(of:input:)` tells a network's.
  init(network: String, hasLabels: Bool, rank: Int) {
    self.network = network
    self.hasLabels = hasLabels
    self.rank = rank
  }

  /// Dimensions of a network's input: what its first layer that cares takes.
  static func rank(of layers: [LayerDescription], input: Shape) -> Int {
    if input.pixels > 1 { return rank(of: input) }
    for layer in layers {
      if ["residual", "concat", "branch", "sequential"].contains(layer.kind) {
        return rank(of: layer.children, input: input)
      }
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
      "maxPool1d", "maxPool2d", "maxPool3d", "avgPool1d", "avgPool2d", "avgPool3d", "basicConv2d":
      rank(of: layer.outputShape)
    case "upsample", "meanPool", "globalMean", "crop", "instanceNorm", "selfAttention":
      rank(of: layer.inputShape)
    default: nil
    }
  }

  // MARK: - Sequences

  /// The modules of layers one after the other.
  ///
  /// - Parameters:
  ///   - layers: The layers.
  ///   - path: Of the layer that they are in; empty for those of the network.
  /// - Returns: One module a layer, with those between that change the dimensions.
  /// - Throws: `Fault` naming a layer that there is no module for.
  mutating func modules(_ layers: [LayerDescription], inside path: String) throws -> [Module] {
    var modules: [Module] = []
    for layer in layers {
      let name = String(layer.path.dropFirst(path.isEmpty ? 0 : path.count + 1))
      guard !name.isEmpty || layer.kind == "concat" else {
        throw Fault(
          "export: \(network).layers: layer \(layer.path) is \(layer.kind) with the name '', for "
            + "which no PyTorch module is written")
      }
      if let needed = Self.rank(takenBy: layer), needed != rank {
        let input = layer.inputShape
        modules.append(
          needed == 2
            ? (Self.path("flatten", beside: name), ["nn.Flatten()"])
            : (
              Self.path("unflatten", beside: name),
              ["Reshape(\(input.sizesText(needed - 2)))"]
            ))
        if needed > 2 { helpers.insert(.reshape) }
        rank = needed
      }
      modules += try self.modules(layer, name: name)
    }
    return modules
  }

  /// The path of a module that stands beside a layer and has no tensors: `1.pad_0` beside `1.0`.
  private static func path(_ what: String, beside name: String) -> String {
    var parts = name.split(separator: ".").map(String.init)
    parts[parts.count - 1] = "\(what)_\(parts[parts.count - 1])"
    return parts.joined(separator: ".")
  }

  /// The class of modules one after the other: a `Concat` of one branch where their paths are no
  /// names.
  func sequenceName(_ modules: [Module]) -> String {
    guard modules.allSatisfy({ !$0.path.isEmpty && !$0.path.contains(".") }) else {
      return "Concat"
    }
    return hasLabels ? "Layers" : "nn.Sequential"
  }

  /// Modules in the parentheses of a call: by their places, or with names where others stand
  /// between the layers.
  mutating func sequence(
    _ modules: [Module], before: String, after: String, indent: Int
  ) -> [String] {
    let name = sequenceName(modules)
    let isConcat = name == "Concat"
    if isConcat || hasLabels { helpers.insert(isConcat ? .concat : .layers) }
    let space = String(repeating: " ", count: indent)
    let isPlain = modules.enumerated().allSatisfy { "\($0)" == $1.path }
    let (open, close) = isConcat ? ("[", "]") : isPlain ? ("", "") : ("OrderedDict([", "])")
    return [space + before + open]
      + Self.lines(of: modules, hasPaths: !isPlain).map { space + "    " + $0 }
      + [space + close + after]
  }

  /// Modules with commas behind them, in pairs with their paths where those are wanted.
  private static func lines(of modules: [Module], hasPaths: Bool) -> [String] {
    modules.flatMap { path, expression -> [String] in
      var lines = expression
      if hasPaths {
        lines[0] = "(\"\(path)\", " + lines[0]
        lines[lines.count - 1] += ")"
      }
      lines[lines.count - 1] += ","
      return lines
    }
  }

  // MARK: - Layers

  /// The modules of a layer: one, and what has to stand in front of it or behind it.
  ///
  /// - Parameters:
  ///   - layer: The layer.
  ///   - name: Its path behind that of the layer around it.
  /// - Returns: The modules in their order; `rank` is that of what they give.
  /// - Throws: `Fault` naming a layer that there is no module for.
  private mutating func modules(_ layer: LayerDescription, name: String) throws -> [Module] {
    switch layer.kind {
    case "residual": return [(name, try residual(layer))]
    case "concat": return [(name, try concat(layer))]
    case "sequential":
      let inner = try modules(layer.children, inside: layer.path)
      return [
        (name, sequence(inner, before: "\(sequenceName(inner))(", after: ")", indent: 0))
      ]
    case "conv1d", "conv2d", "conv3d", "basicConv2d": return convolution(layer, name)
    case "convTranspose1d", "convTranspose2d", "convTranspose3d":
      return transposedConvolution(layer, name)
    case "maxPool1d", "maxPool2d", "maxPool3d", "avgPool1d", "avgPool2d", "avgPool3d":
      return pooling(layer, name)
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
        layer[option: "embedding"] == nil ? "" : ", embedding=\(layer.integer("embedding"))"
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

  /// `Residual(main, shortcut)`; an empty shortcut is left out.
  private mutating func residual(_ layer: LayerDescription) throws -> [String] {
    helpers.insert(hasLabels ? .labelledResidual : .residual)
    let branches = try self.branches(
      ["main", "shortcut"].map {
        (layers: layer.branch($0), path: "\(layer.path).\($0)", end: "flatten")
      })
    let lines = branches.filter { !$0.isEmpty }.flatMap {
      sequence($0, before: "\(sequenceName($0))(", after: "),", indent: 4)
    }
    return ["Residual("] + lines + [")"]
  }

  /// `Concat([...], [...])`, a list of pairs of path and module for each branch.
  private mutating func concat(_ layer: LayerDescription) throws -> [String] {
    helpers.insert(.concat)
    let branches = try self.branches(
      layer.children.enumerated().map {
        (layers: $1.children, path: layer.path, end: "\($0).flatten")
      })
    var lines = ["Concat("]
    for branch in branches {
      lines.append("    [")
      lines += Self.lines(of: branch, hasPaths: true).map { "        " + $0 }
      lines.append("    ],")
    }
    return lines + [")"]
  }

  /// The modules of branches that take the same, and whose outputs are put together.
  ///
  /// A vector and an image of one pixel are two shapes in PyTorch: all are vectors then, by a
  /// module at the path `end`.
  private mutating func branches(
    _ branches: [(layers: [LayerDescription], path: String, end: String)]
  ) throws -> [[Module]] {
    let begin = rank
    var found: [(modules: [Module], rank: Int)] = []
    for branch in branches {
      rank = begin
      found.append((try modules(branch.layers, inside: branch.path), rank))
    }
    if !found.allSatisfy({ $0.rank == rank }) {
      rank = 2
      for index in found.indices where found[index].rank != 2 {
        found[index].modules.append((branches[index].end, ["nn.Flatten()"]))
      }
    }
    return found.map(\.modules)
  }

  /// The numbers, through the layers inside where there are any: they take and give vectors.
  private mutating func conditionConcat(_ layer: LayerDescription) throws -> [String] {
    helpers.insert(.conditionConcat)
    let numbers = layer.pythonList("numbers")
    let begin = rank
    rank = 2
    var inner = try modules(layer.children, inside: layer.path)
    if rank != 2 { inner.append(("flatten", ["nn.Flatten()"])) }
    rank = begin
    guard !inner.isEmpty else { return ["ConditionConcat(\(numbers))"] }
    guard sequenceName(inner) != "Concat" else {
      throw Fault(
        "export: \(network).layers: layer \(layer.path): conditionConcat of layers whose names "
          + "have points, for which no PyTorch module is written")
    }
    return sequence(inner, before: "ConditionConcat(\(numbers), ", after: ")", indent: 0)
  }

  /// A convolution; where its padding is not the same on both sides, an `nn.ZeroPad` in front.
  private mutating func convolution(_ layer: LayerDescription, _ name: String) -> [Module] {
    let sides = layer.padding
    let padding = sides.symmetric.map { paddingArgument($0) }
    let sizes =
      "(\(layer.inputShape.channels), \(layer.outputShape.channels), "
      + "\(layer.numbers("kernel"))\(stride(layer))\(padding ?? "")"
    let module: Module
    if layer.kind == "basicConv2d" {
      helpers.insert(.basicConvolution)
      module = (name, ["BasicConv2d\(sizes), eps=\(epsilon(layer)))"])
    } else {
      module = (name, [spectral(layer, "nn.Conv\(rank - 2)d\(sizes)\(bias(layer)))")])
    }
    return padding == nil ? [pad(sides, beside: name), module] : [module]
  }

  /// Zeros around an image, where one side's number is not the other's.
  private func pad(_ sides: PaddedSides, beside name: String) -> Module {
    (
      Self.path("pad", beside: name),
      ["nn.ZeroPad\(rank - 2)d((\(Self.paddingNumbers(sides))))"]
    )
  }

  /// PyTorch begins with the last direction: left, right, top, bottom.
  private static func paddingNumbers(_ sides: PaddedSides) -> String {
    zip(sides.before, sides.after).reversed().flatMap { ["\($0)", "\($1)"] }
      .joined(separator: ", ")
  }

  /// `, padding=1` for a call; nothing for zeros.
  private func paddingArgument(_ numbers: [Int]) -> String {
    numbers.allSatisfy { $0 == 0 } ? "" : ", padding=\(numbers.pythonTuple)"
  }

  /// A transposed convolution; where its padding is not the same on both sides, a `Crop` behind it.
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
    return [
      module,
      (Self.path("crop", beside: name), [crop(from: sides.before, layer.outputShape)]),
    ]
  }

  /// The part of an image with the pixels of `shape`, from a corner on.
  private func crop(from corner: [Int], _ shape: Shape) -> String {
    let tuple = { (numbers: [Int]) in
      numbers.count == 1
        ? "(\(numbers[0]),)" : "(\(numbers.map(String.init).joined(separator: ", ")))"
    }
    return "Crop(\(tuple(corner)), \(tuple(shape.pixelSizes)))"
  }

  /// Maxima or means of windows, with a module for padding that is not the same on both sides.
  ///
  /// Maxima are padded by -infinity; means by zeros, or where these do not count by `InnerMean`, a
  /// mean of the padded inputs over that of padded ones.
  private mutating func pooling(_ layer: LayerDescription, _ name: String) -> [Module] {
    let isMean = layer.kind.hasPrefix("avg")
    let sides = layer.padding
    let padding = sides.symmetric
    let isUsual = layer[option: "stride"] == layer[option: "kernel"]
    let stride = isUsual ? "" : ", stride=\(layer.numbers("stride"))"
    let countsPadding = !isMean || layer[option: "countIncludePad"] != .flag(false)
    let counted = padding == nil || countsPadding ? "" : ", count_include_pad=False"
    let module =
      "nn.\(isMean ? "Avg" : "Max")Pool\(rank - 2)d(\(layer.numbers("kernel"))\(stride)"
      + "\(padding.map { paddingArgument($0) } ?? "")\(counted))"
    guard padding == nil else { return [(name, [module])] }
    guard countsPadding else {
      helpers.insert(.innerMean)
      return [(name, ["InnerMean(\(pad(sides, beside: name).lines[0]), \(module))"])]
    }
    guard !isMean else { return [pad(sides, beside: name), (name, [module])] }
    let border = "nn.ConstantPad\(rank - 2)d((\(Self.paddingNumbers(sides))), -torch.inf)"
    return [(Self.path("pad", beside: name), [border]), (name, [module])]
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

  /// `nn.LayerNorm` or `nn.GroupNorm` where they have the same variance and parameters, else a
  /// class of the file.
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

  /// `, stride=2` for a call; nothing for 1.
  private func stride(_ layer: LayerDescription) -> String {
    layer[option: "stride"] == .integer(1) ? "" : ", stride=\(layer.numbers("stride"))"
  }

  /// `, bias=False` for a call; nothing for PyTorch's default.
  private func bias(_ layer: LayerDescription) -> String {
    layer[option: "bias"] == .flag(false) ? ", bias=False" : ""
  }

  private func epsilon(_ layer: LayerDescription) -> String { layer.pythonNumber("epsilon") }

  /// The module in PyTorch's `spectral_norm` where the layer has one: its tensors are
  /// `weight_orig`, `weight_u` and `weight_v` then.
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

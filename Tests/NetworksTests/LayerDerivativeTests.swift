import Base
import Networks
import TestSupport
import Testing

/// First- and second-order passes of every layer against differences.
@Suite struct LayerDerivativeTests {
  struct Case: Sendable, CustomStringConvertible {
    var layer: String
    var input: Shape
    var scheme = Initialization.Scheme.pytorch
    var classes = 0
    var numbers = 0
    /// Whether inputs are 1/2 apart or more, for layers that compare them.
    var isSpread = false
    /// Of the differences.
    var step: Float = 0x1p-4
    /// Of a composite layer; nil for what its kind says.
    var isCurved: Bool?
    var kind: String { String(layer.prefix { $0 != ":" }) }
    var description: String { "\(layer) of \(input)" }
  }

  static let cases = pictures + otherDimensions + attention

  /// Lines, volumes, and numbers for each direction.
  static let otherDimensions = [
    Case(
      layer: "conv1d: {channels: 5, kernel: 4, stride: 2, padding: 1}",
      input: Shape(channels: 3, length: 9)),
    Case(
      layer: "conv1d: {channels: 5, kernel: [3], padding: [0, 2], spectralNorm: true}",
      input: Shape(channels: 3, length: 7)),
    Case(
      layer: "conv2d: {channels: 5, kernel: [3, 2], stride: [2, 1], padding: [1, 0]}",
      input: Shape(channels: 3, height: 6, width: 4)),
    Case(
      layer: "conv3d: {channels: 5, kernel: 3, stride: 2, padding: 1}",
      input: Shape(channels: 3, depth: 3, height: 4, width: 2)),
    Case(
      layer: """
        conv3d: {channels: 4, kernel: [2, 3, 1], stride: [1, 2, 1], padding: [1, 0, 0, 1, 0, 2], \
        bias: false, spectralNorm: true}
        """,
      input: Shape(channels: 3, depth: 2, height: 4, width: 3)),
    Case(
      layer: "conv3d: {channels: 1, kernel: [3, 3, 2], padding: same}",
      input: Shape(channels: 17, depth: 3, height: 2, width: 3)),
    Case(
      layer: "convTranspose1d: {channels: 5, kernel: 4, stride: 2, padding: 1}",
      input: Shape(channels: 3, length: 4)),
    Case(
      layer: """
        convTranspose2d: {channels: 5, kernel: [4, 3], stride: [2, 3], padding: [1, 0], \
        outputPadding: [1, 2]}
        """,
      input: Shape(channels: 3, height: 3, width: 2)),
    Case(
      layer: "convTranspose3d: {channels: 3, kernel: 4, stride: 2, padding: 1}",
      input: Shape(channels: 5, depth: 2, height: 1, width: 3)),
    Case(
      layer: """
        convTranspose3d: {channels: 3, kernel: [1, 3, 2], stride: [1, 2, 1], padding: same, \
        spectralNorm: true}
        """,
      input: Shape(channels: 2, depth: 2, height: 3, width: 2)),
    Case(
      layer: "convTranspose3d: {channels: 4, kernel: [2, 3, 4], bias: false}",
      input: Shape(channels: 11)),
    Case(layer: "batchNorm", input: Shape(channels: 3, depth: 2, height: 2, width: 3)),
    Case(layer: "batchNorm", input: Shape(channels: 11, length: 5)),
    Case(
      layer: "conditionalBatchNorm", input: Shape(channels: 3, depth: 2, height: 1, width: 3),
      classes: 3),
    Case(layer: "layerNorm", input: Shape(channels: 3, depth: 2, height: 2, width: 3)),
    Case(layer: "layerNorm: {affine: channel}", input: Shape(channels: 3, length: 5)),
    Case(
      layer: "instanceNorm: {affine: true}",
      input: Shape(channels: 3, depth: 3, height: 2, width: 2)),
    Case(layer: "instanceNorm", input: Shape(channels: 9, length: 6)),
    Case(
      layer: "dropout: {rate: 0.3}", input: Shape(channels: 3, depth: 2, height: 3, width: 2)),
    Case(
      layer: "maxPool1d: {kernel: 3, stride: 2}", input: Shape(channels: 9, length: 7),
      isSpread: true),
    Case(
      layer: "maxPool2d: {kernel: [2, 3], stride: [1, 2], padding: [1, 0]}",
      input: Shape(channels: 3, height: 4, width: 7), isSpread: true),
    Case(
      layer: "maxPool3d: {kernel: [2, 3, 2], stride: [1, 2, 2], padding: [1, 1, 0]}",
      input: Shape(channels: 3, depth: 3, height: 4, width: 5), isSpread: true),
    Case(
      layer: "avgPool1d: {kernel: 3, stride: 1, padding: [0, 1]}",
      input: Shape(channels: 3, length: 6)),
    Case(
      layer: """
        avgPool3d: {kernel: [2, 3, 2], stride: [1, 2, 2], padding: [1, 1, 0], \
        countIncludePad: false}
        """,
      input: Shape(channels: 11, depth: 3, height: 4, width: 5)),
    Case(layer: "upsample: {factor: [3, 1]}", input: Shape(channels: 3, height: 2, width: 4)),
    Case(
      layer: "upsample: {factor: [2, 1, 3]}",
      input: Shape(channels: 9, depth: 2, height: 3, width: 2)),
    Case(layer: "upsample", input: Shape(channels: 3, length: 4)),
    Case(
      layer: "meanPool: {size: [2, 1, 3]}",
      input: Shape(channels: 9, depth: 3, height: 2, width: 4)),
    Case(layer: "meanPool: {size: 2}", input: Shape(channels: 3, length: 5)),
    Case(layer: "globalMean", input: Shape(channels: 9, depth: 2, height: 3, width: 2)),
    Case(layer: "reshape: {to: [3, 2, 5, 2]}", input: Shape(channels: 60)),
    Case(
      layer: "reshape: {to: [4, 6]}", input: Shape(channels: 2, depth: 2, height: 3, width: 2)),
    Case(layer: "flatten", input: Shape(channels: 5, depth: 2, height: 3, width: 2)),
    Case(
      layer: "crop: {depth: 2, height: 2, width: 3}",
      input: Shape(channels: 3, depth: 3, height: 4, width: 3)),
    Case(
      layer: "crop: {height: 2, width: 1}",
      input: Shape(channels: 3, depth: 2, height: 3, width: 2)),
    Case(layer: "crop: {width: 4}", input: Shape(channels: 3, length: 5)),
    Case(
      layer: "labelConcat: {embedding: 2}",
      input: Shape(channels: 3, depth: 2, height: 1, width: 3), classes: 4),
    Case(
      layer: "concat: {branches: [[{conv3d: {channels: 2, kernel: 1}}], [relu]]}",
      input: Shape(channels: 3, depth: 2, height: 3, width: 2), isCurved: false),
    Case(
      layer: "residual: {main: [{conv3d: {channels: 3, kernel: 3, padding: 1}}, tanh]}",
      input: Shape(channels: 3, depth: 2, height: 2, width: 3)),
  ]

  static let attention = [
    Case(
      layer: "selfAttention: {pool: 1}", input: Shape(channels: 17, height: 3, width: 2),
      step: 0x1p-7),
    Case(
      layer: "selfAttention: {pool: 1, spectralNorm: true}",
      input: Shape(channels: 9, depth: 2, height: 3, width: 2), step: 0x1p-7),
    Case(
      layer: "selfAttention: {pool: 1}", input: Shape(channels: 8, length: 9), step: 0x1p-7),
    Case(
      layer: "selfAttention", input: Shape(channels: 16, height: 2, width: 3), step: 0x1p-7),
  ]

  static let pictures = [
    Case(
      layer: "conv2d: {channels: 5, kernel: 4, stride: 2, padding: 1}",
      input: Shape(channels: 3, height: 5, width: 7)),
    Case(
      layer: "conv2d: {channels: 5, kernel: 3, padding: 2, bias: false}",
      input: Shape(channels: 3, height: 3, width: 2)),
    Case(
      layer: "conv2d: {channels: 5, kernel: 4, stride: 2, padding: 1, algorithm: winograd}",
      input: Shape(channels: 3, height: 9, width: 7)),
    Case(
      layer:
        "convTranspose2d: {channels: 5, kernel: 3, stride: 2, padding: 1, algorithm: winograd}",
      input: Shape(channels: 3, height: 4, width: 3)),
    Case(layer: "conv2d: {channels: 1, kernel: 4}", input: Shape(channels: 9, height: 4, width: 4)),
    Case(layer: "conv2d: {channels: 5, kernel: 1}", input: Shape(channels: 3, height: 3, width: 2)),
    Case(
      layer: "convTranspose2d: {channels: 5, kernel: 4, stride: 2, padding: 1}",
      input: Shape(channels: 3, height: 3, width: 4)),
    Case(
      layer: "convTranspose2d: {channels: 3, kernel: 3, stride: 3, outputPadding: 2}",
      input: Shape(channels: 5, height: 2, width: 3)),
    Case(
      layer: "convTranspose2d: {channels: 5, kernel: 4, bias: false}", input: Shape(channels: 11)),
    Case(
      layer: "convTranspose2d: {channels: 1, kernel: 4, stride: 2, padding: 3}",
      input: Shape(channels: 3, height: 4, width: 4)),
    Case(layer: "linear: {outputs: 5}", input: Shape(channels: 11)),
    Case(layer: "linear: {outputs: 1, bias: false}", input: Shape(channels: 3)),
    Case(layer: "leakyReLU: {slope: 0.2}", input: Shape(channels: 3, height: 3, width: 5)),
    Case(layer: "relu", input: Shape(channels: 11, height: 3, width: 2)),
    Case(layer: "tanh", input: Shape(channels: 3, height: 3, width: 5)),
    Case(layer: "batchNorm", input: Shape(channels: 3, height: 3, width: 5)),
    Case(
      layer: "batchNorm: {epsilon: 0.3}", input: Shape(channels: 11, height: 2, width: 3),
      scheme: .dcgan),
    Case(layer: "batchNorm", input: Shape(channels: 8)),
    Case(
      layer: "conditionalBatchNorm", input: Shape(channels: 3, height: 3, width: 2), classes: 3),
    Case(
      layer: "conditionalBatchNorm: {epsilon: 0.3, variance: unbiased, statistics: running}",
      input: Shape(channels: 11), classes: 2),
    Case(layer: "layerNorm", input: Shape(channels: 3, height: 3, width: 5)),
    Case(layer: "layerNorm: {epsilon: 0.3, variance: unbiased}", input: Shape(channels: 11)),
    Case(
      layer: "layerNorm: {affine: channel, variance: unbiased}",
      input: Shape(channels: 11, height: 3, width: 2)),
    Case(
      layer: "layerNorm: {affine: scalar, variance: unbiased, initialization: xavier}",
      input: Shape(channels: 3, height: 3, width: 3)),
    Case(layer: "layerNorm: {affine: none}", input: Shape(channels: 9, height: 1, width: 2)),
    Case(layer: "instanceNorm", input: Shape(channels: 3, height: 3, width: 5)),
    Case(
      layer: "instanceNorm: {affine: true, epsilon: 0.1}",
      input: Shape(channels: 11, height: 2, width: 3)),
    Case(layer: "linear: {outputs: 5, spectralNorm: true}", input: Shape(channels: 11)),
    Case(
      layer: "conv2d: {channels: 5, kernel: 3, stride: 2, padding: 1, spectralNorm: true}",
      input: Shape(channels: 3, height: 5, width: 7)),
    Case(
      layer: "convTranspose2d: {channels: 5, kernel: 4, stride: 2, padding: 1, spectralNorm: true}",
      input: Shape(channels: 3, height: 3, width: 4)),
    Case(
      layer: """
        residual: {main: [batchNorm, {conv2d: {channels: 5, kernel: 3, padding: 1}}, tanh], \
        shortcut: [{conv2d: {channels: 5, kernel: 1}}]}
        """,
      input: Shape(channels: 3, height: 3, width: 2)),
    Case(
      layer: "residual: {main: [tanh, {linear: {outputs: 5}}]}", input: Shape(channels: 5)),
    Case(
      layer: "conv2d: {channels: 5, kernel: 5, stride: 2, padding: same}",
      input: Shape(channels: 3, height: 4, width: 7)),
    Case(
      layer: "conv2d: {channels: 3, kernel: 3, stride: 2, padding: [0, 2, 1, 3]}",
      input: Shape(channels: 2, height: 5, width: 4)),
    Case(
      layer: "convTranspose2d: {channels: 5, kernel: 5, stride: 2, padding: same}",
      input: Shape(channels: 3, height: 2, width: 3)),
    Case(
      layer: "convTranspose2d: {channels: 2, kernel: 4, stride: 3, padding: [0, 2, 1, 3]}",
      input: Shape(channels: 3, height: 3, width: 4)),
    Case(layer: "sigmoid", input: Shape(channels: 3, height: 3, width: 5)),
    Case(layer: "softplus", input: Shape(channels: 3, height: 3, width: 5)),
    Case(layer: "elu", input: Shape(channels: 3, height: 3, width: 5)),
    Case(layer: "elu: {alpha: 0.3}", input: Shape(channels: 11)),
    Case(layer: "gelu", input: Shape(channels: 3, height: 3, width: 5)),
    Case(layer: "gelu: {approximate: tanh}", input: Shape(channels: 3, height: 3, width: 5)),
    Case(layer: "swish", input: Shape(channels: 3, height: 3, width: 5)),
    Case(layer: "dropout: {rate: 0.3}", input: Shape(channels: 3, height: 3, width: 5)),
    Case(layer: "upsample", input: Shape(channels: 11, height: 3, width: 2)),
    Case(layer: "upsample: {factor: 3}", input: Shape(channels: 3, height: 2, width: 1)),
    Case(
      layer: "upsample: {order: shuffled}", input: Shape(channels: 8, height: 3, width: 2)),
    Case(
      layer: "upsample: {factor: 3, order: shuffled}",
      input: Shape(channels: 5, height: 2, width: 3)),
    Case(layer: "meanPool: {size: 2}", input: Shape(channels: 11, height: 5, width: 7)),
    Case(layer: "meanPool: {size: 3}", input: Shape(channels: 3, height: 6, width: 3)),
    Case(layer: "globalMean", input: Shape(channels: 9, height: 3, width: 5)),
    Case(layer: "reshape: {to: [3, 2, 5]}", input: Shape(channels: 30)),
    Case(layer: "reshape: {to: [30]}", input: Shape(channels: 5, height: 3, width: 2)),
    Case(layer: "reshape: {to: [2, 5, 3]}", input: Shape(channels: 5, height: 3, width: 2)),
    Case(layer: "flatten", input: Shape(channels: 5, height: 3, width: 2)),
    Case(
      layer: "crop: {height: 2, width: 3}", input: Shape(channels: 3, height: 5, width: 3)),
    Case(layer: "labelConcat", input: Shape(channels: 5, height: 2, width: 3), classes: 4),
    Case(layer: "labelConcat: {embedding: 3}", input: Shape(channels: 5), classes: 4),
    Case(
      layer: "labelConcat: {embedding: 2}", input: Shape(channels: 3, height: 2, width: 3),
      classes: 3),
    Case(
      layer: "conditionConcat", input: Shape(channels: 5, height: 2, width: 3), numbers: 2),
    Case(
      layer: """
        conditionConcat: {numbers: [2, 0], layers: [{linear: {outputs: 4}}, tanh, \
        {linear: {outputs: 3}}]}
        """,
      input: Shape(channels: 3, height: 2, width: 3), numbers: 3),
    Case(
      layer: "conditionConcat: {layers: [{linear: {outputs: 4}}, batchNorm, swish]}",
      input: Shape(channels: 5), numbers: 2, step: 0x1p-7),
    // The layers inside get their share from the curved ones behind.
    Case(
      layer: """
        sequential: {layers: [{conditionConcat: {layers: [{linear: {outputs: 3}}, tanh]}}, \
        {linear: {outputs: 4}}, sigmoid]}
        """,
      input: Shape(channels: 3), numbers: 2),
    Case(
      layer: "conditionScale: {number: 1}", input: Shape(channels: 5, height: 2, width: 3),
      numbers: 2),
    Case(
      layer: "spans: {functions: [tanh, softmax, none, sigmoid], channels: [1, 4, 2, 2]}",
      input: Shape(channels: 9)),
    Case(
      layer: "spans: {functions: [softmax, tanh, softmax], channels: [3, 1, 2]}",
      input: Shape(channels: 6, height: 2, width: 3)),
    Case(
      layer: "conv2d: {channels: 5, kernel: [1, 3], padding: [0, 2]}",
      input: Shape(channels: 3, height: 5, width: 4)),
    Case(
      layer: "conv2d: {channels: 5, kernel: [3, 1], padding: [1, 0], stride: 2, bias: false}",
      input: Shape(channels: 3, height: 5, width: 4)),
    Case(
      layer: "maxPool2d: {kernel: 3, stride: 2}", input: Shape(channels: 11, height: 5, width: 6),
      isSpread: true),
    Case(
      layer: "maxPool2d: {kernel: [3, 2], stride: 1, padding: [1, 0]}",
      input: Shape(channels: 3, height: 5, width: 4), isSpread: true),
    Case(
      layer: "maxPool2d: {kernel: 3, stride: 2, padding: same}",
      input: Shape(channels: 3, height: 5, width: 4), isSpread: true),
    Case(layer: "avgPool2d: {kernel: 2}", input: Shape(channels: 11, height: 5, width: 4)),
    Case(
      layer: "avgPool2d: {kernel: 3, stride: 1, padding: 1}",
      input: Shape(channels: 3, height: 3, width: 4)),
    Case(
      layer: "avgPool2d: {kernel: 3, stride: 2, padding: 1, countIncludePad: false}",
      input: Shape(channels: 11, height: 4, width: 5)),
    Case(
      layer: """
        concat: {branches: [[{conv2d: {channels: 2, kernel: 3, padding: 1}}], \
        [{maxPool2d: {kernel: 3, stride: 1, padding: 1}}, {conv2d: {channels: 9, kernel: 1}}]]}
        """,
      input: Shape(channels: 3, height: 3, width: 4), isSpread: true, isCurved: false),
    // Curved at the end, inside and not at all; in one of a concat's branches another.
    Case(
      layer: """
        concat: {branches: [[{linear: {outputs: 4}}, tanh], [batchNorm, {linear: {outputs: 2}}], \
        [{linear: {outputs: 5}}], [{concat: {branches: [[sigmoid], [{linear: {outputs: 3}}]]}}]]}
        """,
      input: Shape(channels: 3)),
    Case(
      layer: "sequential: {layers: [{linear: {outputs: 7}}, tanh, {linear: {outputs: 2}}]}",
      input: Shape(channels: 3)),
    // Only the shortcut is curved; a residual in a residual.
    Case(
      layer: """
        residual: {main: [{linear: {outputs: 7}}], \
        shortcut: [{linear: {outputs: 7}}, {residual: {main: [{linear: {outputs: 7}}, tanh]}}]}
        """,
      input: Shape(channels: 3)),
  ]

  static let curved: Set = [
    "tanh", "sigmoid", "softplus", "elu", "gelu", "swish", "batchNorm", "residual",
    "concat", "sequential", "selfAttention", "spans",
  ]

  private func setUp(_ test: Case) throws -> (
    passes: LayerPasses, x: [Float], dy: [Float], t: [Float]
  ) {
    let harness = try Harness(
      "- \(test.layer)", input: test.input, scheme: test.scheme, classes: test.classes,
      numbers: test.numbers)
    let layer = harness.network.layers[0]
    var data = TestData(seed: 7)
    let count = harness.batch * layer.inputShape.elementCount
    let normals = data.normals(count, awayFromZero: 0.25)
    let x = test.isSpread ? Self.spread(count) : normals
    let dy = data.normals(harness.batch * layer.outputShape.elementCount)
    let t = data.normals(harness.batch * layer.inputShape.elementCount)
    // Norm weights of 1 and offsets of 0 hide factors.
    if layer.kind.hasSuffix("Norm") {
      harness.parameters = data.normals(harness.parameters.count, awayFromZero: 0.5)
    }
    // So does a gamma of 0, the first of the parameters.
    if layer.kind == "selfAttention" { harness.parameters[0] = 0.7 }
    return (LayerPasses(harness: harness), x, dy, t)
  }

  /// Numbers 1/2 apart in no order of theirs.
  private static func spread(_ count: Int) -> [Float] {
    precondition(!count.isMultiple(of: 7919), "\(count) numbers")
    return (0..<count).map { Float(($0 + 1) * 7919 % count - count / 2) / 2 }
  }

  /// d<dy, y> with respect to x and to the parameters.
  @Test(arguments: cases)
  func firstOrder(test: Case) throws {
    let (passes, x, dy, _) = try setUp(test)
    let parameters = passes.harness.parameters
    let found = try passes.first(x: x, dy: dy)
    try expectGradient(found.dx, at: x, step: test.step, "input") {
      dot(try passes.first(x: $0, dy: dy).y, dy)
    }
    try expectGradient(found.dw, at: parameters, step: test.step, "parameters") {
      passes.harness.parameters = $0
      return dot(try passes.first(x: x, dy: dy).y, dy)
    }
  }

  /// dF with respect to dy, the parameters and x, F = <backward(dy; x, W), t>.
  @Test(arguments: cases)
  func secondOrder(test: Case) throws {
    let (passes, x, dy, t) = try setUp(test)
    let parameters = passes.harness.parameters
    let found = try passes.second(x: x, dy: dy, t: t)
    try expectGradient(found.jt, at: dy, "output gradient") {
      dot(try passes.first(x: x, dy: $0).dx, t)
    }
    try expectGradient(
      found.dw, at: parameters, floor: 0.1, step: test.step, "parameters"
    ) {
      passes.harness.parameters = $0
      return dot(try passes.first(x: x, dy: dy).dx, t)
    }
    passes.harness.parameters = parameters
    // Without a share F must not depend on x at all.
    let share = found.share ?? [Float](repeating: 0, count: x.count)
    try expectGradient(share, at: x, floor: 0.1, step: test.step, "input") {
      dot(try passes.first(x: $0, dy: dy).dx, t)
    }
  }

  /// Passes add to parameter gradients, and only for the groups that are asked for.
  @Test(
    arguments: cases.filter {
      $0.kind.hasPrefix("conv") || $0.kind == "linear" || $0.kind.hasSuffix("Norm")
        || $0.layer.contains("embedding")
        || $0.layer.hasPrefix("conditionConcat: {")
    })
  func parameterGradientsAdd(test: Case) throws {
    let (passes, x, dy, t) = try setUp(test)
    let (harness, layer) = (passes.harness, passes.layer)
    let once = try passes.first(x: x, dy: dy).dw
    let second = try passes.second(x: x, dy: dy, t: t).dw
    harness.network.arena.clearGradient()
    let (xs, y) = (harness.filled(layer.inputShape, x), harness.tensor(layer.outputShape))
    let (ds, dx) = (harness.filled(layer.outputShape, dy), harness.tensor(layer.inputShape))
    try layer.forward(xs, into: y, harness.pass)
    try layer.backward(ds, input: xs, output: y, into: dx, harness.pass)
    try layer.backward(ds, input: xs, output: y, into: nil, harness.pass)
    try layer.backward(
      ds, input: xs, output: y, into: dx, harness.pass(0..<1, parameterGroups: 0..<0))
    try layer.doubleBackward(
      harness.filled(layer.inputShape, t), outputGradient: ds, input: xs, output: y, into: nil,
      share: layer.traits.isCurved ? harness.tensor(layer.inputShape) : nil, harness.pass)
    try harness.network.arena.reduceGradient()
    let scale = dot(once, once).squareRoot() + dot(second, second).squareRoot()
    expectClose(
      harness.gradients, zip(once, second).map { 2 * Double($0) + Double($1) },
      absolute: 1e-5 * scale)
  }

  /// Layers that say they work in place give the same bits in place.
  @Test(arguments: cases)
  func inPlace(test: Case) throws {
    let (passes, x, dy, _) = try setUp(test)
    let (harness, layer) = (passes.harness, passes.layer)
    let expected = try passes.first(x: x, dy: dy)
    let xs = harness.filled(layer.inputShape, x)
    if layer.traits.forwardInPlace {
      try layer.forward(xs, into: xs, harness.pass)
      expectSameBits(harness.values(xs), expected.y, "forward")
    }
    if layer.traits.backwardInPlace {
      let (ys, ds) = (
        harness.filled(layer.outputShape, expected.y), harness.filled(layer.outputShape, dy)
      )
      try layer.backward(ds, input: xs, output: ys, into: ds, harness.pass)
      expectSameBits(harness.values(ds), expected.dx, "backward")
    }
    let isCurved =
      test.isCurved ?? (Self.curved.contains(layer.kind) || layer.kind.hasSuffix("Norm"))
    #expect(layer.traits.isCurved == isCurved)
  }
}

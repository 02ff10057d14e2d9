import Base
import Collectives
import Configuration
import Networks
import Testing

/// What layers say of themselves, and what is told from it when a generator's size is off.
@Suite struct DescriptionTests {
  private func network(
    _ layers: String, input: Shape, classes: Int = 0
  ) throws -> NetworkDescription {
    let context = try ExecutionContext(
      plan: try ShardPlan(shards: 1, rank: 0, ranks: 1), communicator: SoloCommunicator())
    let items = try ConfigurationDocument(text: "layers:\n\(layers)", name: "test.yaml").root()
      .items("layers")
    return NetworkDescription(
      name: "generator",
      layers: try LayerCatalog.layers(
        items, inputShape: input,
        .init(
          initialization: Initialization(.pytorch), groups: 1,
          condition: ConditionShape(classes: classes), context: context)))
  }

  /// Every layer with all of its options off their defaults, as a configuration writes them.
  @Test(arguments: [
    "conv2d: {channels: 3, kernel: 4, stride: 2, padding: 1, bias: false, spectralNorm: true, "
      + "algorithm: im2col, initialization: {normal: {deviation: 0.02}}}",
    "conv2d: {channels: 3, kernel: 3, stride: 1, padding: [0, 1, 2, 3], bias: true, "
      + "spectralNorm: false, algorithm: winograd, initialization: zeros}",
    "convTranspose2d: {channels: 3, kernel: 5, stride: 3, padding: 2, outputPadding: 1, "
      + "bias: false, spectralNorm: true, algorithm: im2col, "
      + "initialization: {uniform: {limit: 0.5}}}",
    "batchNorm: {epsilon: 0.25, momentum: 0.5, runningVariance: biased}",
    "conditionalBatchNorm: {epsilon: 0.25, statistics: running, variance: unbiased, momentum: 0.5}",
    "layerNorm: {epsilon: 0.25, affine: scalar, variance: unbiased, initialization: xavier}",
    "instanceNorm: {epsilon: 0.25, affine: true}",
    "leakyReLU: {slope: 0.2}", "relu", "tanh", "sigmoid", "softplus", "elu: {alpha: 0.3}",
    "gelu: {approximate: tanh}", "swish", "dropout: {rate: 0.25}",
    "upsample: {factor: 3, order: shuffled}", "meanPool: {size: 3}", "globalMean",
    "reshape: {to: [72, 4, 2]}", "reshape: {to: [576]}", "flatten", "crop: {height: 5, width: 7}",
    "labelConcat: {embedding: 5}", "labelConcat",
    "residual: {main: [{elu: {alpha: 0.5}}, {batchNorm: {epsilon: 0.25, momentum: 0.5, "
      + "runningVariance: biased}}], shortcut: [tanh]}",
  ])
  func everyOptionIsTold(layer: String) throws {
    let found = try network(
      "- \(layer)", input: Shape(channels: 9, height: 8, width: 8), classes: 6)
    #expect(found.layers[0].configurationItems == [layer])
  }

  /// One number where all are the same, else one for each direction or side.
  @Test(arguments: [
    "conv2d: {channels: 3, kernel: [4, 3], stride: [2, 1], padding: [1, 1, 0, 0], bias: true, "
      + "spectralNorm: false, algorithm: auto}",
    "convTranspose2d: {channels: 3, kernel: [4, 3], stride: [3, 2], padding: 1, "
      + "outputPadding: [2, 0], bias: true, spectralNorm: false, algorithm: auto}",
    "maxPool2d: {kernel: [1, 2], stride: [1, 2], padding: 0}",
    "avgPool2d: {kernel: [3, 2], stride: [2, 3], padding: [1, 1, 0, 0], countIncludePad: false}",
    "upsample: {factor: [1, 3], order: nearest}", "meanPool: {size: [2, 1]}",
    "reshape: {to: [9, 4, 4, 4]}", "reshape: {to: [24, 24]}",
    "selfAttention: {pool: 4, spectralNorm: true, initialization: glorot}",
  ])
  func numbersForDirectionsAreTold(layer: String) throws {
    let found = try network("- \(layer)", input: Shape(channels: 9, height: 8, width: 8))
    #expect(found.layers[0].configurationItems == [layer])
  }

  @Test(arguments: [
    "conv3d: {channels: 3, kernel: [3, 2, 1], stride: [1, 2, 1], padding: [1, 0, 0, 0, 2, 1], "
      + "bias: true, spectralNorm: false, algorithm: auto}",
    "convTranspose3d: {channels: 3, kernel: 4, stride: 2, padding: 1, outputPadding: 1, "
      + "bias: true, spectralNorm: false, algorithm: auto}",
    "maxPool3d: {kernel: 2, stride: 2, padding: 0}",
    "avgPool3d: {kernel: [2, 3, 2], stride: 1, padding: 0, countIncludePad: true}",
    "upsample: {factor: [1, 2, 3], order: nearest}", "crop: {depth: 3, height: 2, width: 4}",
    "meanPool: {size: 2}",
  ])
  func optionsOfVolumesAreTold(layer: String) throws {
    let found = try network("- \(layer)", input: Shape(channels: 9, depth: 4, height: 3, width: 5))
    #expect(found.layers[0].configurationItems == [layer])
  }

  @Test(arguments: [
    "conv1d: {channels: 3, kernel: 5, stride: 2, padding: [2, 1], bias: true, "
      + "spectralNorm: false, algorithm: auto}",
    "convTranspose1d: {channels: 3, kernel: 5, stride: 2, padding: 1, outputPadding: 1, "
      + "bias: true, spectralNorm: false, algorithm: auto}",
    "maxPool1d: {kernel: 3, stride: 2, padding: 1}", "upsample: {factor: 3, order: nearest}",
    "crop: {width: 4}",
  ])
  func optionsOfLinesAreTold(layer: String) throws {
    let found = try network("- \(layer)", input: Shape(channels: 9, length: 8))
    #expect(found.layers[0].configurationItems == [layer])
  }

  @Test func linearTellsItsHeads() throws {
    for layer in [
      "linear: {outputs: 7, bias: false, spectralNorm: true, initialization: heFanIn}",
      "linear: {heads: [1, 10], bias: true, spectralNorm: false}",
    ] {
      let found = try network("- \(layer)", input: Shape(channels: 9))
      #expect(found.layers[0].configurationItems == [layer])
    }
  }

  @Test func defaultsAndDerivedFactsAreMarked() throws {
    let found = try network(
      "- conv2d: {channels: 4, kernel: 3}\n- labelConcat",
      input: Shape(channels: 2, height: 6, width: 5), classes: 3)
    let conv = found.layers[0]
    #expect(
      conv.options.filter { $0.origin == .chosen }.map(\.name) == ["channels", "kernel"], "\(conv)")
    #expect(conv.path == "0" && conv.algorithm == "im2col")
    #expect(conv.inputShape == Shape(channels: 2, height: 6, width: 5))
    #expect(conv.outputShape == Shape(channels: 4, height: 4, width: 3))
    #expect(conv.parameterCount == 4 * 2 * 9 + 4)
    #expect(conv.operations == 2 * 4 * 3 * 4 * 2 * 9)
    #expect(found.layers[1][option: "added"] == .integer(3))
    #expect(found.layers[1].options.allSatisfy { $0.origin == .derived })
    #expect(found.parameterCount == conv.parameterCount && found.operations == conv.operations)
  }

  @Test func blocksHaveChildrenByPath() throws {
    let found = try network(
      "- relu\n- residual: {main: [{conv2d: {channels: 4, kernel: 1}}, tanh], shortcut: "
        + "[{conv2d: {channels: 4, kernel: 1, bias: false}}]}",
      input: Shape(channels: 2, height: 3, width: 3))
    let block = found.layers[1]
    #expect(block.children.map(\.path) == ["1.main.0", "1.main.1", "1.shortcut.0"])
    #expect(block.parameterCount == 12 + 8 && block.operations == 2 * 2 * 4 * 2 * 9)
    #expect(found.allLayers.count == 5)
    let table = found.table.components(separatedBy: "\n")
    #expect(table.contains { $0.hasPrefix("1  residual ") }, "\(found.table)")
    #expect(table.contains { $0.hasPrefix("     shortcut.0 conv2d channels 4") }, "\(found.table)")
  }

  // MARK: - Sizes

  private let samples = Shape(channels: 1, height: 28, width: 28)

  private func fault(_ layers: [String], input: Int = 8) throws -> SizeFault? {
    try network(
      layers.map { "- \($0)" }.joined(separator: "\n"), input: Shape(channels: input)
    ).sizeFault(samples: samples)
  }

  private let tail = ["conv2d: {channels: 1, kernel: 3, padding: 1}", "tanh"]

  @Test func theRightSizeHasNoFault() throws {
    #expect(
      try fault(
        ["linear: {outputs: 98}", "reshape: {to: [2, 7, 7]}", "upsample", "upsample"] + tail)
        == nil)
  }

  @Test func oneUpsamplingTooMany() throws {
    let found = try fault(
      [
        "linear: {outputs: 98}", "reshape: {to: [2, 7, 7]}", "upsample", "upsample", "relu",
        "upsample",
      ]
        + tail)
    #expect(found?.layer == 5)
    #expect(found?.reason.hasPrefix("larger than 28x28 from here on") == true, "\(found as Any)")
    // What was larger on the way and is not at the end is no fault of size.
    let cropped = try fault(
      ["linear: {outputs: 98}", "reshape: {to: [2, 7, 7]}", "upsample: {factor: 8}"]
        + ["crop: {height: 28, width: 28}", "upsample"] + tail)
    #expect(cropped?.layer == 4)
  }

  @Test func forgottenReshape() throws {
    let inside = try fault(["linear: {outputs: 98}", "relu", "upsample", "upsample"] + tail)
    #expect(inside?.layer == 2)
    #expect(
      inside?.reason.contains("takes the 98 values of linear (layer 0) as one pixel") == true,
      "\(inside as Any)")
    let atTheEnd = try fault(["linear: {outputs: 784}", "tanh"])
    #expect(atTheEnd?.layer == 1)
    #expect(atTheEnd?.reason.contains("a reshape to [1, 28, 28] is missing behind it") == true)
  }

  @Test func whatCannotBeToldIsNotBlamed() throws {
    let small = try fault(["linear: {outputs: 98}", "reshape: {to: [2, 7, 7]}", "upsample"] + tail)
    #expect(small?.layer == nil)
    #expect(small?.reason.contains("which of them should grow more cannot be told") == true)
    let shrunk = try fault(
      ["linear: {outputs: 1568}", "reshape: {to: [2, 28, 28]}", "meanPool: {size: 2}"] + tail)
    #expect(shrunk?.layer == 2)
  }

  @Test func channels() throws {
    let found = try fault(
      ["linear: {outputs: 1568}", "reshape: {to: [2, 28, 28]}"]
        + ["conv2d: {channels: 3, kernel: 1}", "tanh"])
    #expect(found?.layer == 2)
    #expect(found?.reason == "3 channels, where a sample has 1")
  }

  /// What building the layers says.
  private func misfit(_ layers: [String], input: Shape = Shape(channels: 8)) -> [String] {
    do {
      _ = try network(layers.map { "- \($0)" }.joined(separator: "\n"), input: input)
      return ["fine"]
    } catch { return "\(error)".components(separatedBy: "\n") }
  }

  /// A layer that cannot be built is told with the layer that is probably at fault before it.
  @Test func forgottenReshapeOfALayerThatDoesNotFit() {
    let found = misfit([
      "linear: {outputs: 98}", "relu", "upsample", "relu", "crop: {height: 7, width: 7}",
    ])
    #expect(
      found == [
        "test.yaml:6: layers.4.crop: 7x7 pixels of an input of 98x2x2; layer 2 (upsample): takes "
          + "the 98 values of linear (layer 0) as one pixel: a reshape is missing before it",
        "     input     8x1x1", "  0  linear    98x1x1", "  2  upsample  98x2x2  <- here",
        "  4  crop      <- does not fit",
      ])
  }

  private static let reshape = "it takes a vector: a reshape to [channels, height, width] is "

  @Test(arguments: [
    (["linear: {outputs: 98}", "relu", "conv2d: {channels: 2, kernel: 3}"], true),
    (["flatten", "crop: {height: 7, width: 7}"], true), (["meanPool: {size: 2}"], true),
    // One pixel, but of an image that has grown small; and what fits no shape.
    (["upsample", "conv2d: {channels: 2, kernel: 2}", "conv2d: {channels: 2, kernel: 3}"], false),
    (["linear: {outputs: 98}", "reshape: {to: [2, 7, 8]}"], false),
  ])
  func vectorsWhereImagesAreWanted(layers: [String], isTold: Bool) {
    let found = misfit(layers)
    #expect(found.first?.contains(Self.reshape) == isTold, "\(found)")
    #expect(found.last?.hasSuffix("  <- does not fit") == true, "\(found)")
    #expect(found.last?.hasPrefix("  \(layers.count - 1)  ") == true, "\(found)")
  }

  @Test func imagesWhereVectorsAreWanted() {
    let image = Shape(channels: 2, height: 3, width: 3)
    #expect(
      misfit(["linear: {outputs: 1}"], input: image) == [
        "test.yaml:2: layers.0.linear: expected a vector as input, found 2x3x3; a flatten is "
          + "missing before it",
        "     input   2x3x3", "  0  linear  <- does not fit",
      ])
  }

  /// A layer inside a block is named by its path, the block in the table.
  @Test func misfitsInsideBlocks() {
    let found = misfit(
      ["upsample", "residual: {main: [{conv2d: {channels: 2, kernel: 2}}, {meanPool: {size: 2}}]}"])
    #expect(
      found == [
        "test.yaml:3: layers.1.residual.main.1.meanPool: blocks of 2x2 pixels do not fit its input "
          + "2x1x1",
        "     input     8x1x1", "  0  upsample  8x2x2", "  1  residual  <- does not fit",
      ])
  }

  /// Blocks of linear layers are no layers of pixels.
  @Test func blocksOfVectorsTakeVectors() throws {
    let found = misfit([
      "linear: {outputs: 4}", "residual: {main: [{linear: {outputs: 4}}]}",
      "crop: {height: 2, width: 2}",
    ])
    #expect(found.first?.contains("pixels of an input of 4x1x1; it takes a vector") == true)
  }

  @Test func theMessageHasTheTable() throws {
    let found = try network("- linear: {outputs: 784}\n- tanh", input: Shape(channels: 8))
    #expect(found.sizeError(samples: Shape(channels: 784), of: "x") == nil)
    let lines = found.sizeError(samples: samples, of: "idx x (train)")?.components(
      separatedBy: "\n")
    #expect(
      lines?.first?.hasPrefix(
        "generator.layers: the last layer gives 784x1x1, but the samples of idx x (train) are "
          + "1x28x28; layer 1 (tanh): ") == true, "\(lines as Any)")
    #expect(
      lines?.dropFirst() == [
        "     input   8x1x1", "  0  linear  784x1x1", "  1  tanh    784x1x1  <- here",
      ],
      "\(lines as Any)")
  }
}

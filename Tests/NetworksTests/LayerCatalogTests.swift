import Base
import Collectives
import Configuration
import Networks
import TestSupport
import Testing

@Suite struct LayerCatalogTests {
  private func message(_ layers: String, input: Shape = Shape(channels: 3, height: 5, width: 5))
    -> String
  {
    do {
      _ = try Harness(layers, input: input)
      return "fine"
    } catch { return "\(error)" }
  }

  @Test func kernelsMustFit() {
    let found = message("- relu\n- conv2d: {channels: 4, kernel: 8, padding: 1}")
    #expect(found.contains("layers.1.conv2d"), "\(found)")
    #expect(found.contains("a 8x8 kernel with padding 1 does not fit its input 3x5x5"), "\(found)")
    let negative = message("- convTranspose2d: {channels: 4, kernel: 2, padding: 4}")
    #expect(negative.contains("gives -2x-2 pixels from 3x5x5"), "\(negative)")
    #expect(
      message("- convTranspose2d: {channels: 4, kernel: 4, stride: 2, outputPadding: 2}").contains(
        "outputPadding"))
  }

  @Test func linearTakesVectors() {
    let found = message("- linear: {outputs: 4}")
    #expect(found.contains("layers.0.linear"), "\(found)")
    #expect(found.contains("expected a vector as input, found 3x5x5"), "\(found)")
  }

  @Test func unknownLayersSuggestTheNearest() {
    let found = message("- convTranspose: {channels: 4, kernel: 4}")
    #expect(found.contains("test.yaml:2"), "\(found)")
    #expect(found.contains("convTranspose2d"), "\(found)")
    #expect(message("- batchnorm").contains("batchNorm"))
  }

  @Test func optionsAreChecked() {
    let unknown = message("- conv2d: {channels: 4, kernel: 3, strde: 2}")
    #expect(unknown.contains("strde") && unknown.contains("did you mean 'stride'"), "\(unknown)")
    #expect(message("- relu: {slope: 0.2}").contains("slope"))
    #expect(message("- conv2d: {kernel: 3}").contains("channels"))
    #expect(message("- conv2d: {channels: 0, kernel: 3}").contains("channels"))
    #expect(message("- leakyReLU: {slope: -0.1}").contains("slope"))
    #expect(message("- batchNorm: {epsilon: 0}").contains("epsilon"))
    #expect(message("- conv2d: {channels: 4, kernel: 3}\n- leakyReLU: {slope: 0.2}") == "fine")
  }

  @Test func normalizationsAreChecked() {
    #expect(
      message("- conditionalBatchNorm").contains(
        "layers.0.conditionalBatchNorm: expected samples with classes"))
    #expect(message("- layerNorm", input: Shape(channels: 1)).contains("more than one value"))
    #expect(message("- instanceNorm", input: Shape(channels: 3)).contains("more than one pixel"))
    #expect(message("- layerNorm: {affine: chanel}").contains("did you mean 'channel'"))
    // Initialization is for the scalar form, momentum for running statistics.
    #expect(message("- layerNorm: {initialization: xavier}").contains("initialization"))
    #expect(message("- batchNorm: {runningVariance: none}").contains("one of biased, unbiased"))
    let unknown = message("- conv2d: {channels: 4, kernel: 3, initialization: heFan}")
    #expect(unknown.contains("unknown name 'heFan'; did you mean 'heFanIn'"), "\(unknown)")
    #expect(
      message("- linear: {outputs: 4, heads: [1, 3]}", input: Shape(channels: 3)).contains(
        "outputs"))
  }

  @Test func shapesMustFit() {
    let cases = [
      ("meanPool: {size: 6}", "blocks of 6x6 pixels do not fit its input 3x5x5"),
      ("reshape: {to: [4, 4, 5]}", "to 4x4x5 has 80 values, but its input 3x5x5 has 75"),
      ("reshape: {to: [3, 5, 1, 1, 5]}", "expected a list of 1 to 4"),
      ("crop: {height: 6, width: 5}", "6x5 pixels of an input of 3x5x5"),
      ("labelConcat", "expected labels, but the run has none (data.classes)"),
      ("conditionConcat", "expected samples with a vector of numbers"),
      ("conditionScale: {number: 1}", "expected samples with a vector of numbers"),
      (
        "spans: {functions: [tanh, softmax], channels: [1, 3]}",
        "spans of 4 channels together do not fit its input 3x5x5"
      ),
      ("spans: {functions: [tanh], channels: [1, 2]}", "expected 1, one for each of functions"),
      ("spans: {functions: [tan, none], channels: [1, 2]}", "did you mean 'tanh'"),
      ("dropout: {rate: 1}", "rate"),
      ("elu: {alpha: -1}", "alpha"),
      ("gelu: {approximate: erf}", "expected one of none, tanh"),
      ("upsample: {order: nearst}", "did you mean 'nearest'"),
      ("sigmoid: {slope: 1}", "slope"),
      ("conv2d: {channels: 2, kernel: 3, padding: [1, 2, 3]}", "found 3 numbers"),
      ("conv2d: {channels: 2, kernel: [1, 7]}", "a 1x7 kernel with padding 0 does not fit"),
      ("conv2d: {channels: 2, kernel: [1, 2, 3]}", "kernel"),
      ("maxPool2d: {kernel: 6}", "6x6 windows with padding 0 do not fit its input 3x5x5"),
      ("maxPool2d: {kernel: 3, padding: 2}", "expected at most half a window"),
      ("conv2d: {channels: 2, kernel: 2, stride: [1, 2, 3]}", "expected a list of 2 integers"),
      ("conv1d: {channels: 2, kernel: 3}", "expected samples of [channels, length], found 3x5x5"),
      ("conv3d: {channels: 2, kernel: 3}", "a 3x3x3 kernel with padding 0 does not fit its input"),
      (
        "conv3d: {channels: 2, kernel: 3, padding: [1, 2]}",
        "padding: expected a list of 3 to 6 integers"
      ),
      (
        "conv3d: {channels: 2, kernel: 3, padding: [1, 1, 1, 1]}",
        "[front, back, top, bottom, left, right], found 4 numbers"
      ),
      (
        "convTranspose2d: {channels: 2, kernel: 3, stride: [2, 1], outputPadding: [0, 1]}",
        "outputPadding: expected less than the stride [2, 1], found [0, 1]"
      ),
      (
        "conv2d: {channels: 2, kernel: 3, stride: [1, 2], algorithm: winograd}",
        "found a 3x3 kernel of stride [1, 2]"
      ),
      ("upsample: {factor: [1, 2], order: shuffled}", "with one factor; found 1x2 on 3x5x5"),
      ("selfAttention", "expected at least 8 channels, found 3x5x5"),
      ("avgPool2d: {kernel: 2, countIncludePads: true}", "did you mean 'countIncludePad'"),
      ("concat: {branches: []}", "expected branches, found an empty list"),
      ("concat: {branches: [[relu], []]}", "expected at least one layer, found an empty list"),
      ("concat: {branches: [relu]}", "expected a list of lists of names"),
      (
        "concat: {branches: [[relu], [globalMean]]}",
        "branch 0 gives 3x5x5, but branch 1 gives 3x1x1: expected as many pixels"
      ),
      ("sequential: {layers: []}", "expected at least one layer, found an empty list"),
      (
        "sequential: {layers: [{tanh: {name: a}}, {tanh: {name: a}}]}",
        "name: another layer of the list is called 'a' too"
      ),
      ("sequential: {layers: [{tanh: {name: a b}}]}", "found 'a b'"),
      ("basicConv2d: {channels: 2, kernel: 3, bias: true}", "bias: unknown key"),
      ("tanh: {name: a}", "name: unknown key"),
      ("conv2d: {channels: 2, kernel: 3, padding: sam}", "padding"),
      ("conv2d: {channels: 2, kernel: 9, padding: [1, 2, 1, 1]}", "with padding [1, 2, 1, 1]"),
      (
        "convTranspose2d: {channels: 2, kernel: 2, stride: 3, padding: same}",
        "expected a kernel of at least the stride 3"
      ),
      (
        "convTranspose2d: {channels: 2, kernel: 5, stride: 2, padding: same, outputPadding: 1}",
        "outputPadding: has no effect together with the other keys"
      ),
    ]
    for (layer, expected) in cases {
      let found = message("- relu\n- \(layer)")
      #expect(found.contains("layers.1.") && found.contains(expected), "\(layer): \(found)")
    }
    #expect(message("- conv2d: {channels: 2, kernel: 9, padding: same}") == "fine")
  }

  @Test func layersThatDoNotFitAreNamed() throws {
    let plan = try ShardPlan(shards: 1, rank: 0, ranks: 1)
    let context = try ExecutionContext(plan: plan, communicator: SoloCommunicator())
    let layers = [3, 4].map {
      LeakyReLU(inputShape: Shape(channels: $0), slope: 0, context: context)
    }
    #expect(
      throws: Fault("critic: layer 1 (relu) takes 4x1x1, but layer 0 (relu) gives 3x1x1")
    ) {
      try Network(
        name: "critic", layers: layers, memory: MemoryPlan(shardCapacity: 1, groups: 1),
        context: context)
    }
  }

  @Test func shapesFollowPyTorch() throws {
    let shapes = try Harness(
      """
      - conv2d: {channels: 4, kernel: 4, stride: 2, padding: 1}
      - conv2d: {channels: 5, kernel: 3, stride: 2, padding: 1}
      - convTranspose2d: {channels: 6, kernel: 4, stride: 2, padding: 3}
      - convTranspose2d: {channels: 7, kernel: 3, stride: 3, padding: 1, outputPadding: 2}
      """, input: Shape(channels: 3, height: 28, width: 13)
    ).network.layers.map(\.outputShape)
    #expect(
      shapes == [
        Shape(channels: 4, height: 14, width: 6), Shape(channels: 5, height: 7, width: 3),
        Shape(channels: 6, height: 10, width: 2), Shape(channels: 7, height: 30, width: 6),
      ])
  }

  /// The state dict's names, shapes and order are PyTorch's; activations count.
  @Test func stateDictionaryNames() throws {
    let network = try Harness(
      """
      - convTranspose2d: {channels: 5, kernel: 4}
      - batchNorm
      - relu
      - conv2d: {channels: 2, kernel: 3, bias: false}
      - conv2d: {channels: 6, kernel: 2}
      - linear: {outputs: 7}
      """, input: Shape(channels: 3)
    ).network
    let expected: [(String, [Int])] = [
      ("0.weight", [3, 5, 4, 4]), ("0.bias", [5]), ("1.weight", [5]), ("1.bias", [5]),
      ("1.running_mean", [5]),
      ("1.running_var", [5]), ("1.num_batches_tracked", []), ("3.weight", [2, 5, 3, 3]),
      ("4.weight", [6, 2, 2, 2]),
      ("4.bias", [6]), ("5.weight", [7, 6]), ("5.bias", [7]),
    ]
    let found = network.stateTensors
    #expect(found.map(\.name) == expected.map(\.0))
    #expect(found.map(\.tensor.shape) == expected.map(\.1))
    let counters = found.filter {
      if case .buffer(let buffer) = $0.tensor { buffer.kind == .counter } else { false }
    }
    #expect(counters.map(\.name) == ["1.num_batches_tracked"])
    #expect(network.parameterCount == 3 * 5 * 16 + 5 + 10 + 2 * 5 * 9 + 6 * 2 * 4 + 6 + 42 + 7)
    #expect(
      network.namedParameters.map(\.name) == [
        "0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "4.weight", "4.bias", "5.weight",
        "5.bias",
      ])
    #expect(network.couplesSamples)
    // Multiplications and additions, a sample.
    #expect(network.operations == 2 * (3 * 5 * 16 + 4 * 2 * 5 * 9 + 6 * 2 * 4 + 42))
  }
}

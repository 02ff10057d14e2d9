import Base
import Configuration
import Features
import Networks
import Scores
import Storage
import TestSupport
import Testing

/// Feature networks of a few layers.
@Suite struct FeatureNetworkTests {
  private static let text = """
    name: small
    weights: small.safetensors
    input: {channels: 3, size: [4, 5], rounding: nearest, resize: none, divisor: 255, \
    mean: [0.5, 0.25, 0], deviation: [0.5, 1, 2]}
    features: {layer: pool}
    logits: {layer: head.fc, bias: false}
    layers:
      - basicConv2d: {name: stem, channels: 6, kernel: 3, padding: 1}
      - concat:
          name: block
          branches:
            - [{basicConv2d: {name: left, channels: 4, kernel: [1, 3], padding: [0, 1]}}]
            - [{maxPool2d: {kernel: 3, stride: 1, padding: 1}}]
      - globalMean: {name: pool}
      - linear: {name: head.fc, outputs: 3}
      - linear: {name: unused, outputs: 2}
    """

  private static func description(
    _ text: String = text, path: String = "small.yaml", _ overrides: [String] = []
  ) throws -> FeatureDescription {
    var document = try ConfigurationDocument(text: text, name: path)
    for assignment in overrides { try document.override(assignment) }
    return try FeatureDescription(document, path: path)
  }

  private static func network(
    _ overrides: [String] = [], batch: Int = 8, threads: Int = 1
  ) throws -> FeatureNetwork {
    let network = try FeatureNetwork(
      withoutWeights: description(text, overrides), batch: batch, threads: threads)
    HashedTensors.fill(network.network)
    network.weightsChanged()
    return network
  }

  private static func extract(
    _ network: FeatureNetwork, _ images: [Float], channels: Int = 3, height: Int = 4, width: Int = 5
  ) throws -> Extracted {
    let count = images.count / (channels * height * width)
    return try images.withUnsafeBufferPointer {
      try network.extract($0, count: count, height: height, width: width, channels: channels)
    }
  }

  private static func images(_ count: Int, channels: Int = 3) -> [Float] {
    (0..<count).flatMap {
      HashedTensors.image("\($0)", height: 4, width: 5, channels: channels)
    }
  }

  /// Layers behind the last that is read are not built.
  @Test func whatIsReadIsBuilt() throws {
    let network = try Self.network()
    #expect(network.featureCount == 10 && network.classCount == 3)
    #expect(network.name == "small (no weights)")
    #expect(network.network.layers.count == 4)
    #expect(
      network.network.stateTensors.map(\.name).filter { $0.hasSuffix("weight") } == [
        "stem.conv.weight", "stem.bn.weight", "block.left.conv.weight", "block.left.bn.weight",
        "head.fc.weight",
      ])
  }

  @Test(arguments: [(1, 1), (2, 2), (3, 2), (5, 3), (7, 4)])
  func bitsDependOnTheImageAlone(batch: Int, threads: Int) throws {
    let images = Self.images(7)
    let expected = try Self.extract(Self.network(), images)
    #expect(expected.features.count == 70 && expected.logits.count == 21)
    let found = try Self.extract(Self.network(batch: batch, threads: threads), images)
    expectSameBits(found.features, expected.features)
    expectSameBits(found.logits, expected.logits)
  }

  /// Logits are W features + b, or without b.
  @Test func logitsWithBiasAndWithout() throws {
    let images = Self.images(2)
    let without = try Self.extract(Self.network(), images)
    let with = try Self.extract(Self.network(["logits.bias=true"]), images)
    let weight = HashedTensors.values("head.fc.weight", [3, 10]).map(Double.init)
    let bias = HashedTensors.values("head.fc.bias", [3]).map(Double.init)
    #expect(with.features == without.features)
    for image in 0..<2 {
      for output in 0..<3 {
        let product = (0..<10).reduce(0.0) {
          $0 + weight[output * 10 + $1] * Double(with.features[image * 10 + $1])
        }
        expectClose(without.logits[image * 3 + output], product, absolute: 1e-6)
        expectClose(with.logits[image * 3 + output], product + bias[output], absolute: 1e-6)
      }
    }
    let noLogits = Self.text.replacingOccurrences(
      of: "logits: {layer: head.fc, bias: false}\n", with: "")
    let network = try FeatureNetwork(withoutWeights: Self.description(noLogits))
    HashedTensors.fill(network.network)
    #expect(network.classCount == 0)
    #expect(network.network.layers.count == 3)
    let found = try Self.extract(network, images)
    #expect(found.features == with.features && found.logits.isEmpty)
  }

  /// What the network sees, read back through a network that does nothing.
  @Test func imagesArePrepared() throws {
    let text = """
      name: nothing
      weights: none.safetensors
      input: {channels: 3, size: 1, rounding: nearest, resize: none, divisor: 2, mean: [1, 2, 3], \
      deviation: 4}
      features: {layer: pool}
      layers: [{globalMean: {name: pool}}]
      """
    func seen(_ image: [Float], _ overrides: [String] = []) throws -> [Float] {
      let network = try FeatureNetwork(withoutWeights: Self.description(text, overrides))
      return try Self.extract(network, image, channels: image.count, height: 1, width: 1).features
    }
    #expect(try seen([10, 20, 30]) == [1, 2, 3])
    // Halves go to the even byte, and what is no byte to the nearest.
    #expect(try seen([10.5, -3, 300.25]) == [1, -0.5, 31.125])
    #expect(try seen([11.5, 19.75, 30]) == [1.25, 2, 3])
    #expect(try seen([11.5, 19.75, 30], ["input.rounding=down"]) == [1.125, 1.875, 3])
    #expect(try seen([11.5, -2, 300], ["input.rounding=none"]) == [1.1875, -0.75, 36.75])
    // Grey for all channels.
    #expect(try seen([20]) == [2.25, 2, 1.75])
    let found = message { try seen([1, 2]) }
    #expect(found == "nothing (no weights): takes images of 1 or 3 channels, found 2")
  }

  @Test func weightsComeFromAFile() throws {
    try withTemporaryFolder { folder in
      let yaml = "\(folder)/small.yaml"
      let expected = try Self.network()
      let tensors = expected.network.stateTensors.filter { !$0.tensor.shape.isEmpty }
      // Others are passed over: `unused`, an auxiliary classifier, a counter.
      let names = tensors.map(\.name) + ["unused.weight", "AuxLogits.fc.bias"]
      let shapes = tensors.map(\.tensor.shape) + [[2, 3], [4]]
      func write(_ file: String, without missing: String = "", times factor: Float = 1) throws {
        let kept = names.indices.filter { names[$0] != missing }
        try SafetensorsWriter(
          entries: kept.map { SafetensorsEntry(name: names[$0], shape: shapes[$0]) }
        ).write(to: "\(folder)/\(file)") { index, bytes in
          let place = kept[index]
          for (i, value) in HashedTensors.values(names[place], shapes[place]).enumerated() {
            bytes.bindMemory(to: Float.self)[i] = value * factor
          }
        }
      }
      try write("small.safetensors")
      try write("less.safetensors", without: "block.left.bn.running_var")
      try write("infinite.safetensors", times: .infinity)
      let description = try Self.description(path: yaml)
      let network = try FeatureNetwork(description)
      #expect(network.name == "small (small.safetensors)")
      let images = Self.images(3)
      #expect(try Self.extract(network, images) == Self.extract(expected, images))

      let cases = [
        (
          "less",
          "less.safetensors: has no tensor block.left.bn.running_var: expected the weights of "
            + "\(yaml)"
        ),
        ("infinite", "infinite.safetensors: has weights that are not finite"),
        (
          "none",
          "none.safetensors: no such file; expected the weights of \(yaml), which come from "
            + "elsewhere: docs/features.md says how to make it"
        ),
      ]
      for (file, expected) in cases {
        let found = message {
          try FeatureNetwork(description, weights: "\(folder)/\(file).safetensors")
        }
        #expect(found == "\(folder)/" + expected)
      }
    }
  }

  @Test func descriptionsAreChecked() throws {
    let cases = [
      ("features.layer=stm", "no layer is called 'stm'; the last with a name: stem, block, pool, "),
      ("features.layer=block", "block gives 10x4x5; expected a vector (globalMean, flatten)"),
      ("logits.layer=pool", "logits.bias: pool is globalMean without a bias to leave out"),
      ("input.mean=[1, 2]", "expected a list of 3 numbers, found a list of 2"),
      ("input.deviation=0", "expected a number above 0"),
      ("input.resize=bilinear", "expected one of none, tensorflow1, pytorch, "),
      ("input.sise=4", "input.sise=4: unknown key; did you mean 'size'?"),
      ("layers.0.basicConv2d.bias=true", "layers.0.basicConv2d.bias=true: unknown key"),
      ("weight=x", "weight=x: unknown key"),
    ]
    for (assignment, expected) in cases {
      let found = message {
        try FeatureNetwork(withoutWeights: Self.description(Self.text, [assignment]))
      }
      #expect(found?.contains(expected) == true, "\(assignment): \(found ?? "fine")")
    }
  }

  @Test func tableSaysWhatIsRead() throws {
    let lines = try FeatureNetworkSummary(Self.description(path: "folder/small.yaml")).text
      .split(separator: "\n").map(String.init)
    #expect(lines[0] == "small: takes 3x4x5, gives 3x1x1")
    #expect(lines.contains { $0.hasPrefix("stem ") }, "\(lines)")
    #expect(
      lines.suffix(5).dropLast() == [
        "input: 3x4x5 by none, rounding nearest, (x / 255.0 - [0.5, 0.25, 0.0]) / [0.5, 1.0, 2.0]",
        "features: 10 of pool", "logits: 3 of head.fc without its bias",
        "weights: folder/small.safetensors",
      ])
    #expect(lines.last?.hasPrefix("memory: ") == true)
  }
}

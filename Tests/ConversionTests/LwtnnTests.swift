import Base
import Conversion
import Foundation
import Networks
import RunSupport
import Sampling
import Storage
import TestSupport
import Testing
import Training

/// What `export --format lwtnn` writes, evaluated as lwtnn 2.14 does: by its parse_json.cxx, Stack
/// and Graph.
@Suite(.serialized) struct LwtnnTests {
  private struct Variable: Decodable {
    var name: String
    var offset: Double
    var scale: Double
  }

  private enum Activation: Decodable {
    case plain(String)
    case advanced(String, Double)

    private enum Key: String, CodingKey {
      case function, alpha
    }

    init(from decoder: any Decoder) throws {
      if let name = try? decoder.singleValueContainer().decode(String.self) {
        self = .plain(name)
        return
      }
      let container = try decoder.container(keyedBy: Key.self)
      self = .advanced(
        try container.decode(String.self, forKey: .function),
        try container.decode(Double.self, forKey: .alpha))
    }

    func callAsFunction(_ x: [Double]) throws -> [Double] {
      switch self {
      case .plain("linear"): return x
      case .plain("rectified"): return x.map { max($0, 0) }
      case .plain("tanh"): return x.map { tanh($0) }
      case .plain("sigmoid"): return x.map { 1 / (1 + exp(-$0)) }
      case .plain("softmax"):
        let powers = x.map { exp($0 - (x.max() ?? 0)) }
        return powers.map { $0 / powers.reduce(0, +) }
      case .advanced("leakyrelu", let alpha): return x.map { $0 > 0 ? $0 : alpha * $0 }
      case .advanced("elu", let alpha): return x.map { $0 > 0 ? $0 : alpha * (exp($0) - 1) }
      case .advanced("swish", let alpha): return x.map { $0 / (1 + exp(-alpha * $0)) }
      default: throw Fault("no activation \(self)")
      }
    }
  }

  private struct Layer: Decodable {
    var architecture: String
    var weights: [Double]
    var bias: [Double]
    var activation: Activation?

    func callAsFunction(_ input: [Double]) throws -> [Double] {
      if architecture == "normalization" {
        return zip(weights, zip(input, bias)).map { $0 * ($1.0 + $1.1) }
      }
      try #require(architecture == "dense")
      var x = input
      if !weights.isEmpty {
        try #require(weights.count.isMultiple(of: input.count))
        x = (0..<weights.count / input.count).map { row in
          input.indices.reduce(0.0) { $0 + weights[row * input.count + $1] * input[$1] }
        }
      }
      if !bias.isEmpty {
        try #require(bias.count == x.count)
        x = zip(x, bias).map { $0 + $1 }
      }
      return try activation?(x) ?? x
    }
  }

  private struct Sequence: Decodable {
    var inputs: [Variable]
    var layers: [Layer]
    var outputs: [String]
    var miscellaneous: [String: String]
  }

  private struct Graph: Decodable {
    struct Input: Decodable {
      var name: String
      var variables: [Variable]
    }

    struct Node: Decodable {
      var type: String
      var sources: [Int]
      var size: Int?
      var layerIndex: Int?
    }

    struct Output: Decodable {
      var labels: [String]
      var nodeIndex: Int
    }

    var inputs: [Input]
    var inputSequences: [Input]
    var nodes: [Node]
    var layers: [Layer]
    var outputs: [String: Output]

    func value(_ index: Int, _ given: [String: [Double]]) throws -> [Double] {
      let node = nodes[index]
      switch node.type {
      case "input":
        let input = inputs[node.sources[0]]
        let values = try #require(given[input.name], "\(input.name)")
        try #require(values.count == input.variables.count && node.size == values.count)
        return zip(values, input.variables).map { ($0 + $1.offset) * $1.scale }
      case "feed_forward":
        return try layers[#require(node.layerIndex)](value(node.sources[0], given))
      case "concatenate": return try node.sources.flatMap { try value($0, given) }
      case "add":
        let parts = try node.sources.map { try value($0, given) }
        return zip(parts[0], parts[1]).map { $0 + $1 }
      default: throw Fault("no node \(node.type)")
      }
    }
  }

  /// The outputs of a file, sample by sample, and whether it is a sequence.
  private func outputs(
    _ text: String, _ network: Network, _ probe: NetworkProbe
  ) throws -> (values: [Float], isSequence: Bool) {
    let size = network.inputShape.elementCount
    let data = Data(text.utf8)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let sequence = try? decoder.decode(Sequence.self, from: data)
    let graph = sequence == nil ? try decoder.decode(Graph.self, from: data) : nil
    let condition = network.conditions?.shape ?? .none
    let values = try (0..<probe.count).flatMap { sample -> [Float] in
      let first = probe.inputs[sample * size..<(sample + 1) * size].map { Double($0) }
      if let sequence {
        #expect(sequence.inputs.count == size)
        return try sequence.layers.reduce(first) { try $1($0) }.map { Float($0) }
      }
      let graph = try #require(graph)
      let numbers = probe.numbers[sample * condition.numbers..<(sample + 1) * condition.numbers]
      let given = [
        network.name == "critic" ? "samples" : "noise": first,
        "labels": (0..<condition.classes).map { $0 == probe.labels[sample] ? 1 : 0 },
        "condition": numbers.map { Double($0) },
      ]
      let output = try #require(graph.outputs.first?.value)
      let found = try graph.value(output.nodeIndex, given)
      #expect(output.labels.count == found.count)
      return found.map { Float($0) }
    }
    return (values, sequence != nil)
  }

  private func check(
    _ file: String, overrides: [String] = ["training.batch=8", "training.shards=4"],
    isSequence: [Bool]
  ) throws {
    let (configuration, model) = try exampleModel(file, overrides)
    stir(model.generator, seed: 1)
    stir(model.critic, seed: 2)
    let generator = SampleGenerator(model, configuration)
    for (network, isSequence) in zip([model.generator, model.critic], isSequence) {
      let probe = try NetworkProbe(network, generator)
      let text = try LwtnnModel(
        network, conditionNames: configuration.data.numberNames, properties: [("run", "x")]
      ).text
      let found = try outputs(text, network, probe)
      #expect(found.isSequence == isSequence, "\(file) \(network.name)")
      let difference = probe.difference(from: found.values)
      #expect(difference <= 1e-5, "\(file) \(network.name): \(difference)")
    }
  }

  @Test func fastCaloGAN() throws {
    try check("calochallenge-photons-fastcalogan.yaml", isSequence: [false, false])
    let (_, model) = try exampleModel("calochallenge-photons-fastcalogan.yaml", [])
    let text = try LwtnnModel(model.generator, conditionNames: ["incident_energies"]).text
    // Batch norm is part of the dense layers.
    #expect(!text.contains("normalization") && text.contains("\"name\":\"incident_energies\""))
    #expect(text.contains("{\"alpha\":1,\"function\":\"swish\"}"))
  }

  @Test(arguments: ["mnist-mlp-gan.yaml", "mnist-mlp-gan-keras.yaml", "toy-8gaussians.yaml"])
  func sequences(file: String) throws {
    try check(file, isSequence: [true, true])
  }

  /// Classes, chosen numbers, nets of their own, sums, and batch norm behind an activation.
  @Test func graphs() throws {
    try check(
      "Tests/ConversionTests/Fixtures/dense.yaml", overrides: [], isSequence: [false, false])
  }

  @Test func whatCannotBeWrittenIsRefused() throws {
    let (_, model) = try exampleModel("glyphs.yaml", ["width=2"])
    let found = message { try LwtnnModel(model.critic) } ?? ""
    #expect(found.hasPrefix("export: critic.layers: layer 0 is conv2d, which lwtnn has no layer"))
  }
}

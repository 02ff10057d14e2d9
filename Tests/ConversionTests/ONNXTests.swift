import Base
import Collectives
import Configuration
import Conversion
import Foundation
import Networks
import ONNXMessages
import Recipe
import RunSupport
import Sampling
import Storage
import TestSupport
import Testing
import Training

/// What `export --format onnx` writes.
@Suite(.serialized) struct ONNXTests {
  private static let files = exampleFiles + catalogFiles

  /// The model as a file has it.
  private static func reread(_ network: Network) throws -> ONNXModelProto {
    let bytes: [UInt8] = try ONNXModel(network).message.serializedBytes()
    return try ONNXModelProto(serializedBytes: bytes)
  }

  @Test func namesAndShapes() throws {
    let (_, model) = try exampleModel("mnist-dcgan-conditional.yaml", ["width=4"])
    let message = try Self.reread(model.generator)
    #expect(message.irVersion == 8 && message.opsetImport.map(\.version) == [17])
    #expect(message.producerName == "wgangp-dist")
    func text(_ values: [ONNXValueInfoProto]) -> [String] {
      values.map { value in
        let sizes = value.type.tensorType.shape.dim.map { size -> String in
          size.dimParam.isEmpty ? "\(size.dimValue)" : size.dimParam
        }
        return "\(value.name) \(value.type.tensorType.elemType) \(sizes.joined(separator: "x"))"
      }
    }
    let latent = model.generator.inputShape.channels
    #expect(text(message.graph.input) == ["noise 1 Nx\(latent)", "labels 7 N"])
    #expect(text(message.graph.output) == ["samples 1 Nx1x32x32"])
    // Weights have their names in the state dict, and their values.
    let constants = Dictionary(
      message.graph.initializer.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    for (name, parameter) in model.generator.namedParameters {
      let constant = try #require(constants[name], "\(name)")
      #expect(constant.dims.map { Int($0) } == parameter.shape, "\(name)")
      #expect(constant.rawData.count == 4 * parameter.count)
    }
    let critic = try Self.reread(model.critic)
    #expect(text(critic.graph.input) == ["samples 1 Nx1x32x32", "labels 7 N"])
    #expect(text(critic.graph.output) == ["score 1 Nx1"])
  }

  /// A critic with a classifier has its logits apart; one of numbers takes them.
  @Test func otherInputsAndOutputs() throws {
    let (_, cifar) = try exampleModel("cifar10-wgan-gp-resnet.yaml", ["width=4"])
    #expect(
      try Self.reread(cifar.critic).graph.output.map(\.name) == ["score", "auxiliary"])
    let (_, ring) = try exampleModel("toy-ring.yaml", ["width=4"])
    let inputs = try Self.reread(ring.generator).graph.input
    #expect(inputs.map(\.name) == ["noise", "condition"])
    #expect(inputs[1].type.tensorType.shape.dim[1].dimValue == 2)
  }

  @Test(arguments: files) func evaluationGivesTheNetworksOutputs(file: String) throws {
    let (generator, networks) = try exampleNetworks(file)
    for network in networks {
      let evaluation = try ONNXEvaluation(Self.reread(network), path: file)
      let check = try ONNXCheck(evaluation, path: file, network: network, generator)
      #expect(check.difference <= 1e-5, "\(file) \(network.name): \(check.difference)")
    }
  }

  @Test func everyLayerOfTheCatalogIsThere() throws {
    var kinds: Set<String> = []
    for file in Self.files {
      for network in try exampleNetworks(file).1 {
        kinds.formUnion(network.description.allLayers.map(\.kind))
      }
    }
    let missing = LayerCatalog.names.filter { !kinds.contains($0) }
    #expect(missing.isEmpty, "\(missing)")
  }

  @Test func whatCannotBeWrittenIsRefused() throws {
    let text = tinyConfiguration.replacingOccurrences(
      of: "- batchNorm\n  - relu",
      with: "- conditionalBatchNorm: {variance: unbiased}\n  - relu")
    let document = try document(["data.classes=10"], text: text)
    let model = try RunConfiguration(document).makeModel(communicator: SoloCommunicator())
    #expect(
      message { try ONNXModel(model.generator) }?.hasPrefix(
        "export: generator.layers: layer 1: conditionalBatchNorm with a batch's unbiased variance")
        == true)
  }

  @Test func anotherFileIsToldApart() throws {
    let (generator, networks) = try exampleNetworks("mnist-mlp-gan.yaml")
    var model = try Self.reread(networks[0])
    // One weight is not the network's.
    var values = model.graph.initializer[0].rawData
    values[3] ^= 0x40
    model.graph.initializer[0].rawData = values
    let changed = try ONNXCheck(
      ONNXEvaluation(model, path: "x"), path: "x", network: networks[0], generator)
    #expect(!changed.isGood, "\(changed.difference)")
    // A critic is no generator.
    let critic = try ONNXEvaluation(Self.reread(networks[1]), path: "x")
    #expect(
      message { try ONNXCheck(critic, path: "x", network: networks[0], generator) }?.hasPrefix(
        "x: has the inputs [\"samples\"] and outputs [\"score\"]; those of the generator are")
        == true)
    var other = try Self.reread(networks[0])
    other.graph.node[0].opType = "LSTM"
    #expect(
      message { try ONNXEvaluation(other, path: "x") }?.contains("is LSTM, which `export`") == true)
    other.opsetImport[0].version = 9
    #expect(
      message { try ONNXEvaluation(other, path: "x") }?.contains("sets [9], expected [17]") == true)
  }

  // MARK: - In ONNX Runtime

  private static let python = findPython(importing: "onnx, onnxruntime, numpy")

  @Test func onnxRuntimeGivesTheNetworksOutputs() throws {
    guard let python = Self.python else {
      print("skipped: no Python with onnx, onnxruntime and numpy to run models in")
      return
    }
    try withTemporaryFolder { folder in
      var names: [String] = []
      for file in Self.files {
        let (generator, networks) = try exampleNetworks(file)
        for network in networks {
          let name = "\(exampleName(file))-\(network.name)"
          names.append(name)
          try ONNXModel(network).write(to: "\(folder)/\(name).onnx")
          let probe = try NetworkProbe(network, generator)
          try writeProbe(
            probe, network, input: network.name == "critic" ? "samples" : "noise",
            to: "\(folder)/\(name).safetensors")
        }
      }
      let (status, text) = try runPython(python, fixture("onnx_compare.py"), folder)
      #expect(status == 0, "\(text)")
      #expect(names.allSatisfy { text.contains("\($0): ") }, "\(text)")
    }
  }
}

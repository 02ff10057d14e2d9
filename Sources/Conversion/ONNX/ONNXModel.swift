import Base
import Networks
import ONNXMessages
import Storage
import SwiftProtobuf

/// A network as an ONNX model: operator set 17, single precision, any number N of samples.
///
/// | network | inputs | outputs |
/// |---|---|---|
/// | generator | `noise` | `samples` |
/// | critic | `samples` | `score` (N x 1), `auxiliary` (N x K) |
///
/// and `labels` (int64, N; of packs of m samples N x m), `condition` (N x K) where layers read
/// them. `auxiliary` is what stands behind the score: class logits, regressed numbers. Vectors are
/// N x C, images N x C x H x W, lines and volumes N x C x L and N x C x D x H x W.
package struct ONNXModel {
  /// The version of the operators.
  package static let operatorSet = 17
  /// The version of the messages: the first with that set.
  package static let irVersion = 8

  package let message: ONNXModelProto

  /// - Parameters:
  ///   - network: The network with its weights.
  ///   - properties: What the file tells of itself.
  /// - Throws: `Fault` naming a layer that ONNX has no operators for.
  package init(_ network: Network, properties: [(key: String, value: String)] = []) throws {
    let description = network.description
    let isCritic = network.name == "critic"
    let names = isCritic ? ["samples", "score", "auxiliary"] : ["noise", "samples"]
    var writer = ONNXLayers(
      network: network.name, weights: NetworkWeights(network),
      graph: ONNXGraph(reserved: names + [ONNXLayers.labels, ONNXLayers.condition]))
    let input = ONNXValue(name: names[0], sizes: description.inputShape.arraySizes)
    var output = try writer.apply(description.layers, to: input)
    output = writer.formed(output, description.outputShape.arraySizes, at: "output")
    var outputs: [ONNXValue]
    if isCritic, output.sizes.count == 1, output.sizes[0] > 1 {
      outputs = writer.split(output, first: 1)
    } else {
      outputs = [output]
    }
    for (index, value) in outputs.enumerated() {
      writer.graph.rename(value.name, to: names[1 + index])
      outputs[index].name = names[1 + index]
    }
    var inputs = [Self.information(input)]
    if description.readsClasses {
      let members = network.conditions?.shape.members ?? 1
      inputs.append(
        Self.information(
          .init(name: ONNXLayers.labels, sizes: members > 1 ? [members] : []), .int64))
    }
    if description.readsNumbers {
      let numbers = network.conditions?.shape.numbers ?? 0
      inputs.append(Self.information(.init(name: ONNXLayers.condition, sizes: [numbers])))
    }
    let graph = ONNXGraphProto.with {
      $0.name = network.name
      $0.node = writer.graph.nodes
      $0.initializer = writer.graph.constants
      $0.input = inputs
      $0.output = outputs.map { Self.information($0) }
    }
    message = Self.model(graph, properties)
  }

  /// The message around a graph: versions, who made it, and the properties as `metadata_props`.
  private static func model(
    _ graph: ONNXGraphProto, _ properties: [(key: String, value: String)]
  ) -> ONNXModelProto {
    .with {
      $0.irVersion = Int64(irVersion)
      $0.opsetImport = [
        .with {
          $0.domain = ""
          $0.version = Int64(operatorSet)
        }
      ]
      $0.producerName = "wgangp-dist"
      $0.producerVersion = programVersion
      $0.modelVersion = 1
      $0.graph = graph
      $0.metadataProps = properties.map { pair in
        .with {
          $0.key = pair.key
          $0.value = pair.value
        }
      }
    }
  }

  /// Name, type and sizes of an input or output; N samples.
  ///
  /// - Parameters:
  ///   - value: Its name, and a sample's sizes.
  ///   - type: Of its elements.
  /// - Returns: The message; its first size is the text `N`, any number.
  private static func information(
    _ value: ONNXValue, _ type: ONNXTensorProto.DataType = .float
  ) -> ONNXValueInfoProto {
    var dimensions = [ONNXTensorShapeProto.Dimension.with { $0.dimParam = "N" }]
    for size in value.sizes { dimensions.append(.with { $0.dimValue = Int64(size) }) }
    return .with {
      $0.name = value.name
      $0.type.tensorType.elemType = Int32(type.rawValue)
      $0.type.tensorType.shape.dim = dimensions
    }
  }

  /// Replaces the file at `path` as a whole by the model, and makes its folder.
  ///
  /// - Parameter path: The file.
  /// - Throws: `Fault` where it cannot be written; what was there stays then.
  package func write(to path: String) throws {
    let bytes: [UInt8] = try message.serializedBytes()
    try FileSystem.createDirectory(FileSystem.folder(of: path))
    try FileSystem.writeAtomically(bytes, to: path)
  }
}

extension ONNXLayers {
  /// A vector's first numbers, and the others: a critic's score, and what stands behind it.
  fileprivate mutating func split(_ value: ONNXValue, first: Int) -> [ONNXValue] {
    let sizes = [first, value.sizes[0] - first]
    let parts = graph.nodes(
      "Split", [value.name, graph.integers(sizes)], at: "output", [.integer("axis", 1)],
      outputs: 2)
    return zip(parts, sizes).map { ONNXValue(name: $0, sizes: [$1]) }
  }
}

import Base
import Foundation
import Networks
import Storage

/// A network of dense layers as a JSON file of lwtnn, the library that ATLAS evaluates networks by
/// (Guest et al., doi:10.5281/zenodo.597221; its parse_json.cxx is the format's reference).
///
/// Layers one after the other are of the sequential format: `inputs`, `layers`, `outputs`. A
/// network with conditions is of the graph format: `inputs` (a list each for `noise` or `samples`,
/// `labels` one-hot and `condition`), `nodes`, `layers`, `outputs`.
package struct LwtnnModel {
  /// An input's number: lwtnn computes scale (x + offset) of it first, here x itself.
  private struct Variable: Encodable {
    var name: String
    var offset = 0.0
    var scale = 1.0
  }

  /// The sequential format: what `parse_json` reads.
  private struct Sequence: Encodable {
    var inputs: [Variable]
    var layers: [LwtnnLayer]
    var outputs: [String]
    var defaults: [String: Double] = [:]
    var miscellaneous: [String: String]
  }

  /// The graph format: what `parse_json_graph` reads.
  ///
  /// Keys are in snake case there.
  private struct Graph: Encodable {
    struct Input: Encodable {
      var name: String
      var variables: [Variable]
    }

    struct Node: Encodable {
      var type: String
      var sources: [Int]
      var size: Int?
      var layerIndex: Int?
    }

    struct Output: Encodable {
      var labels: [String]
      var nodeIndex: Int
    }

    var inputs: [Input]
    var inputSequences: [Input] = []
    var nodes: [Node]
    var layers: [LwtnnLayer]
    var outputs: [String: Output]
    var miscellaneous: [String: String]
  }

  package let text: String

  /// - Parameters:
  ///   - network: The network with its weights.
  ///   - conditionNames: What the numbers of a condition are called; `condition_0` and on for none.
  ///   - properties: What the file tells of itself, under `miscellaneous`.
  /// - Throws: `Fault` naming a layer that lwtnn has nothing for.
  package init(
    _ network: Network, conditionNames: [String] = [],
    properties: [(key: String, value: String)] = []
  ) throws {
    let graph = try LwtnnGraph(network)
    let isCritic = network.name == "critic"
    let names = [isCritic ? "samples" : "noise", "labels", "condition"]
    let properties = Dictionary(properties, uniquingKeysWith: { $1 })
    let output = Self.names(isCritic ? "score" : "samples", network.outputShape.elementCount)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    let data: Data
    if graph.isSequence {
      data = try encoder.encode(
        Sequence(
          inputs: Self.names(names[0], network.inputShape.elementCount).map { Variable(name: $0) },
          layers: graph.layers, outputs: output, miscellaneous: properties))
    } else {
      // In the order in which nodes ask for them.
      var inputs: [Graph.Input] = []
      let nodes = graph.nodes.map { node -> Graph.Node in
        switch node {
        case .input(let input, let size):
          let name = names[input.rawValue]
          let variables =
            input == .condition && conditionNames.count == size
            ? conditionNames : Self.names(name, size)
          inputs.append(.init(name: name, variables: variables.map { Variable(name: $0) }))
          return .init(type: "input", sources: [inputs.count - 1], size: size)
        case .layer(let index, let source):
          return .init(type: "feed_forward", sources: [source], layerIndex: index)
        case .concatenate(let sources): return .init(type: "concatenate", sources: sources)
        case .add(let sources): return .init(type: "add", sources: sources)
        }
      }
      data = try encoder.encode(
        Graph(
          inputs: inputs, nodes: nodes, layers: graph.layers,
          outputs: [
            isCritic ? "score" : "samples": .init(labels: output, nodeIndex: nodes.count - 1)
          ], miscellaneous: properties))
    }
    text = String(decoding: data, as: UTF8.self) + "\n"
  }

  /// `noise_0`, `noise_1` and on.
  private static func names(_ name: String, _ count: Int) -> [String] {
    (0..<count).map { "\(name)_\($0)" }
  }

  /// Replaces the file at `path` as a whole by the model, and makes its folder.
  ///
  /// - Parameter path: The file.
  /// - Throws: `Fault` where it cannot be written; what was there stays then.
  package func write(to path: String) throws {
    try FileSystem.createDirectory(FileSystem.folder(of: path))
    try FileSystem.writeAtomically(text, to: path)
  }
}

import Base
import Networks
import Sampling

/// Compares an ONNX file with a network, without any other program.
package struct ONNXCheck {
  /// The largest |a - b| / (1 + |b|) that passes, a the file's and b the network's output.
  package static let tolerance = 1e-4

  package let network: String
  package let samples: Int
  /// The largest of all outputs.
  package let difference: Double
  package var isGood: Bool { difference <= Self.tolerance }

  /// Evaluates both on drawn inputs.
  ///
  /// - Parameters:
  ///   - file: The model.
  ///   - path: What errors call it.
  ///   - network: The network.
  ///   - generator: Evaluates it.
  /// - Throws: `Fault` where the file has other inputs or cannot be evaluated.
  package init(
    _ file: ONNXEvaluation, path: String, network: Network, _ generator: SampleGenerator
  ) throws {
    let probe = try NetworkProbe(network, generator)
    let expected = try ONNXModel(network).message.graph
    let (names, given) = (expected.input.map(\.name), file.inputs.map(\.name))
    guard given == names, file.outputs == expected.output.map(\.name) else {
      throw Fault(
        "\(path): has the inputs \(given.map(printable)) and outputs "
          + "\(file.outputs.map(printable)); those of the \(network.name) are \(names) and "
          + "\(expected.output.map(\.name))")
    }
    let shape = network.inputShape.arraySizes
    var inputs = [names[0]: ONNXArray([probe.count] + shape, probe.inputs)]
    if names.contains(ONNXLayers.labels) {
      let members = probe.labels.count / probe.count
      inputs[ONNXLayers.labels] = ONNXArray(
        members > 1 ? [probe.count, members] : [probe.count], integers: probe.labels)
    }
    if names.contains(ONNXLayers.condition) {
      inputs[ONNXLayers.condition] = ONNXArray(
        [probe.count, probe.numbers.count / probe.count], probe.numbers)
    }
    let found = try file.run(inputs)
    self.network = network.name
    samples = probe.count
    difference = probe.difference(
      from: try Self.joined(file.outputs.compactMap { found[$0] }, samples: probe.count))
  }

  /// What stands in outputs of the same samples, sample by sample.
  private static func joined(_ outputs: [ONNXArray], samples: Int) throws -> [Float] {
    let parts = try outputs.map { try $0.floats() }
    guard parts.allSatisfy({ $0.count.isMultiple(of: samples) }) else { return [] }
    return (0..<samples).flatMap { sample in
      parts.flatMap { part in
        let size = part.count / samples
        return part[sample * size..<(sample + 1) * size]
      }
    }
  }
}

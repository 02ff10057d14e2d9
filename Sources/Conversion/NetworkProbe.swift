import Base
import Networks
import Sampling

/// Inputs that are drawn for a network, and what it makes of them, channels first: what the same
/// network elsewhere is compared by.
package struct NetworkProbe: Sendable {
  package let count: Int
  /// N x the input's sizes.
  package let inputs: [Float]
  /// N, of packs N x members; empty for a network without classes.
  package let labels: [Int]
  /// N x K, K the numbers of all members; empty for a network without numbers.
  package let numbers: [Float]
  /// N x the output's sizes.
  package let outputs: [Float]

  /// Draws noise as the run does, for a critic N(0, 1), and classes in turn with numbers of 0 to 1.
  ///
  /// - Parameters:
  ///   - network: The generator with its own parameters, or the critic.
  ///   - generator: Evaluates it.
  ///   - count: Samples; nil for as many as a batch norm without running statistics takes together,
  ///     or four.
  /// - Throws: What a pass throws.
  package init(_ network: Network, _ generator: SampleGenerator, count: Int? = nil) throws {
    let group = SampleGenerator.groupSize(network)
    let count = count ?? (network.description.takesBatchStatistics ? group : min(group, 4))
    let shape = network.inputShape
    var inputs = [Float](repeating: 0, count: count * shape.elementCount)
    let stream = RandomStream(seed: generator.seed, purpose: .sampleNoise, step: 3)
    inputs.withUnsafeMutableBufferPointer { buffer in
      for index in 0..<count {
        let first = index * shape.elementCount
        let place = MutableFloatBuffer(rebasing: buffer[first..<first + shape.elementCount])
        if network.name == "critic" {
          stream.normals(sample: index, into: place)
        } else {
          generator.fillNoise(index, place)
        }
      }
    }
    let condition = network.conditions?.shape ?? .none
    let told = count * condition.members
    let labels = condition.classes > 0 ? (0..<told).map { $0 % condition.classes } : []
    let size = condition.memberNumbers
    var numbers = [Float](repeating: 0, count: told * size)
    numbers.withUnsafeMutableBufferPointer { stream.uniforms(sample: count, into: $0) }
    let conditions = (0..<told).map { index in
      ConditionValues(
        label: labels.isEmpty ? nil : labels[index],
        numbers: Array(numbers[index * size..<(index + 1) * size]))
    }
    let outputs = try generator.outputs(of: network, inputs: inputs, conditions: conditions)
    self.count = count
    self.inputs = shape.channelsFirst(inputs[...])
    self.labels = labels
    self.numbers = numbers
    self.outputs = network.outputShape.channelsFirst(outputs[...])
  }

  /// How far other outputs are from these: the largest |a - b| / (1 + |b|); infinite where one is
  /// not a number.
  package func difference(from others: [Float]) -> Double {
    guard others.count == outputs.count else { return .infinity }
    return zip(others, outputs).reduce(0.0) { largest, pair in
      let (a, b) = (Double(pair.0), Double(pair.1))
      let difference = abs(a - b) / (1 + abs(b))
      return difference.isFinite ? max(largest, difference) : .infinity
    }
  }
}

extension NetworkDescription {
  /// Whether a batch norm takes the statistics of the samples that it is given.
  var takesBatchStatistics: Bool {
    allLayers.contains {
      $0.kind == "conditionalBatchNorm" && $0[option: "statistics"] != .word("running")
    }
  }
}

import Base
import Collectives
import Configuration
import Features
import Scores
import TestSupport
import Testing

/// What published evaluations do to a sample before their networks see it.
@Suite struct ProtocolTests {
  /// A network whose features are its input, whatever it says of preparation itself.
  private static func network(_ published: InceptionProtocol) throws -> FeatureNetwork {
    var document = try ConfigurationDocument(
      text: """
        name: pixels
        weights: none.safetensors
        input: {size: 1, rounding: nearest, resize: none, divisor: 7, mean: 3}
        features: {layer: pool}
        logits: {layer: fc}
        layers:
          - globalMean: {name: pool}
          - linear: {name: fc, outputs: 2}
        """, name: "pixels.yaml")
    for assignment in published.overrides { try document.override(assignment) }
    let network = try FeatureNetwork(
      withoutWeights: FeatureDescription(document, path: "pixels.yaml"))
    HashedTensors.fill(network.network)
    network.weightsChanged()
    return network
  }

  /// Features of one image a value, all of whose channels have it.
  private static func inputs(
    _ values: [Float], range: ClosedRange<Float> = -1...1, _ published: InceptionProtocol
  ) throws -> [[Float]] {
    let set = SampleSet(
      values.flatMap { [$0, $0, $0] }, shape: Shape(channels: 3), range: range)
    let found = try set.extracted(
      by: network(published), ScoreTeam(SoloCommunicator()))
    return values.indices.map { Array(found.features[3 * $0..<3 * $0 + 3]) }
  }

  /// torchvision's Normalize of (x + 1) 255.99 / 2 / 255, in Double by hand.
  @Test func paddlescience() throws {
    let values: [Float] = [-1, 1, 0, 0.5, -0.99, 0.999]
    let means = [0.485, 0.456, 0.406]
    let deviations = [0.229, 0.224, 0.225]
    for (value, found) in zip(values, try Self.inputs(values, .paddlescience)) {
      for channel in 0..<3 {
        let pixel = (Double(value) + 1) * 255.99 / 2
        let expected = (pixel / 255 - means[channel]) / deviations[channel]
        #expect(abs(Double(found[channel]) - expected) < 1e-5, "\(value), \(channel)")
      }
    }
    #expect(abs(try Self.inputs([1], .paddlescience)[0][0] - 2.265862) < 1e-5)
    #expect(abs(try Self.inputs([1], range: 0...1, .paddlescience)[0][0] - 2.265862) < 1e-5)
  }

  /// numpy's `.astype('int32')` of (x + 1) 255.99 / 2, and TensorFlow's (v - 128) / 128.
  @Test func original() throws {
    let values: [Float] = [-1, 1, 0, 0.5, -0.99, 0.999]
    for (pixel, found) in zip([0, 255, 127, 191, 1, 255], try Self.inputs(values, .original)) {
      #expect(found == [Float](repeating: (Float(pixel) - 128) / 128, count: 3), "\(pixel)")
    }
    #expect(try Self.inputs([1], range: 0...1, .original)[0][0] == 0.9921875)
  }

  /// Both leave out the last layer's bias.
  @Test(arguments: InceptionProtocol.all) func biasIsLeftOut(_ published: InceptionProtocol) throws
  {
    let found = try SampleSet([0, 0, 0], shape: Shape(channels: 3)).extracted(
      by: Self.network(published), ScoreTeam(SoloCommunicator()))
    let weights = HashedTensors.values("fc.weight", [2, 3])
    for index in 0..<2 {
      let expected = (0..<3).reduce(Float(0)) { $0 + weights[3 * index + $1] * found.features[$1] }
      #expect(abs(found.logits[index] - expected) < 1e-5)
    }
  }
}

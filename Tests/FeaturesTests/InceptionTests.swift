import Base
import Configuration
import Features
import Networks
import Scores
import TestSupport
import Testing

/// Both Inceptions against torchvision's module and torch-fidelity's, on weights that both sides
/// make from one hash.
@Suite(.serialized) struct InceptionTests {
  private static func network(_ name: String, batch: Int, threads: Int) throws -> FeatureNetwork {
    let path = repositoryFile("configs/features/inception-\(name).yaml")
    let network = try FeatureNetwork(
      withoutWeights: FeatureDescription(path: path), batch: batch, threads: threads)
    HashedTensors.fill(network.network)
    network.weightsChanged()
    return network
  }

  private static func extract(_ network: FeatureNetwork, _ images: Range<Int>) throws -> Extracted {
    let values = images.flatMap { HashedTensors.image("image.\($0)", height: 32, width: 32) }
    return try values.withUnsafeBufferPointer {
      try network.extract($0, count: images.count, height: 32, width: 32, channels: 3)
    }
  }

  @Test(arguments: [("fid", 1008), ("torchvision", 1000)])
  func agreesWithPyTorch(name: String, classes: Int) throws {
    let network = try Self.network(name, batch: 2, threads: 1)
    #expect(network.featureCount == 2048)
    #expect(network.classCount == classes)
    let found = try Self.extract(network, 0..<2)
    let recorded = try HashedTensors.recorded()
    // Deviations are 0.5 and 0.65.
    expectClose(
      found.features, try recorded.floats("\(name).features"), absolute: 1e-4, "features")
    expectClose(found.logits, try recorded.floats("\(name).logits"), absolute: 1e-4, "logits")

    // An image's numbers depend on nothing beside it.
    let divided = try Self.network(name, batch: 3, threads: 2)
    let second = try Self.extract(divided, 1..<2)
    expectSameBits(second.features, found.features.suffix(2048), "alone on two threads")
    expectSameBits(second.logits, found.logits.suffix(classes), "alone on two threads")
  }

  /// torchvision counts 27,161,264 with its auxiliary classifier of 3,326,696.
  @Test(arguments: [("fid", 27_161_264 - 3_326_696 + 8 * 2049), ("torchvision", 23_834_568)])
  func parameters(name: String, count: Int) throws {
    let path = repositoryFile("configs/features/inception-\(name).yaml")
    let text = try FeatureNetworkSummary(FeatureDescription(path: path)).text
    let lines = text.split(separator: "\n").map(String.init)
    let digits = lines.first { $0.contains("total") }?
      .split(separator: " ").dropFirst().first?.filter(\.isNumber)
    #expect(digits == "\(count)", "\(text)")
    #expect(lines.allSatisfy { $0.count <= 100 }, "\(text)")
  }
}

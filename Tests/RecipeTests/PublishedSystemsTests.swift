import Collectives
import Configuration
import Foundation
import Networks
import Recipe
import RunSupport
import TestSupport
import Testing

/// Every file in configs/ builds, with the parameter counts that its source has.
@Suite struct PublishedSystemsTests {
  struct System: Sendable, CustomTestStringConvertible {
    var name: String
    var generator: Int
    var critic: Int
    var testDescription: String { name }
  }

  /// Trainable parameters, as the sources print them or as they follow from their layers.
  static let systems = [
    System(name: "glyphs", generator: 295_873, critic: 109_281),
    System(name: "fashion-mnist-wgan-gp", generator: 1_066_880, critic: 432_321),
    System(name: "fashion-mnist-wgan-gp-no-critic-norm", generator: 1_066_880, critic: 431_553),
    // As with batch norm: one factor and offset a channel.
    System(
      name: "fashion-mnist-wgan-gp-critic-layer-norm", generator: 1_066_880, critic: 432_321),
    System(
      name: "fashion-mnist-wgan-gp-critic-instance-norm", generator: 1_066_880, critic: 432_321),
    System(name: "mnist-mlp-gan", generator: 581_520, critic: 533_505),
    System(name: "mnist-mlp-gan-keras", generator: 581_520, critic: 533_505),
    System(name: "mnist-mlp-gan-keras-two-critic-steps", generator: 581_520, critic: 533_505),
    System(name: "mnist-mlp-gan-gradient-penalty", generator: 581_520, critic: 533_505),
    // 101 * 16384 + 2 * 1024, 16 * (1024 * 512 + 512 * 256 + 256) + 1 and 2 * (512 + 256); the
    // critic's 16 * (64 + 64 * 128 + 128 * 256 + 256) + 64 + 1 and 2 * (128 + 256).
    System(name: "mnist-dcgan", generator: 12_148_225, critic: 661_313),
    // Ten more inputs each: 10 * 16384 and 10 * 64 * 16.
    System(name: "mnist-dcgan-conditional", generator: 12_312_065, critic: 671_553),
    System(name: "mnist-dcgan-feature-matching", generator: 12_148_225, critic: 661_313),
    System(name: "mnist-wgan-clip", generator: 3_444_480, critic: 661_248),
    System(name: "mnist-wgan-gp", generator: 1_554_177, critic: 1_030_145),
    System(name: "mnist-wgan-gp-paddlescience", generator: 1_554_177, critic: 1_030_145),
    System(name: "toy-8gaussians", generator: 527_874, critic: 527_361),
    System(name: "toy-25gaussians", generator: 527_874, critic: 527_361),
    System(name: "toy-swissroll", generator: 527_874, critic: 527_361),
    // Two more inputs each: radius and width.
    System(name: "toy-ring", generator: 133_378, critic: 133_121),
    System(name: "cifar10-wgan-gp-resnet", generator: 1_218_307, critic: 1_055_115),
    // 12 scalars of its layer norms; PaddleScience's two dead shortcuts are left out.
    System(name: "cifar10-wgan-gp-resnet-paddlescience", generator: 1_218_307, critic: 1_055_127),
    System(name: "cifar10-wgan-gp-dcgan", generator: 5_179_907, critic: 4_114_689),
    System(name: "cifar10-wgan-clip-dcgan", generator: 5_179_907, critic: 4_116_225),
    System(name: "cifar10-dcgan", generator: 5_179_907, critic: 4_116_225),
    // 52 * 50 + 51 * 100 + 101 * 200 + 201 * 368 and 2 * (50 + 100 + 200 + 368); the critic's
    // 370 * 368 + 2 * 369 * 368 + 369.
    System(name: "calochallenge-photons-fastcalogan", generator: 103_304, critic: 408_113),
    // 64 * (64 * 64 + 64 * 32 + 32) + 1 and 2 * (64 + 32); 64 * (32 + 32 * 64 + 64) + 32 + 64 + 1.
    System(name: "porous-medium-3d", generator: 395_457, critic: 137_313),
  ]

  @Test(arguments: systems)
  func parameterCounts(system: System) throws {
    // A small batch in one shard: only the counts matter.
    var document = try ConfigurationDocument(
      path: repositoryFile("configs/\(system.name).yaml"))
    try document.apply(["training.batch=4", "training.shards=1"])
    let configuration = try RunConfiguration(document)
    #expect(configuration.name == system.name)
    let model = try configuration.makeModel(communicator: SoloCommunicator())
    #expect(model.generator.parameterCount == system.generator)
    #expect(model.critic.parameterCount == system.critic)
  }

  @Test func everyFileIsListed() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: repositoryFile("configs"))
      .filter { $0.hasSuffix(".yaml") }
    #expect(files.sorted() == Self.systems.map { "\($0.name).yaml" }.sorted())
  }
}

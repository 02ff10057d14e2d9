import Collectives
import Configuration
import Foundation
import Networks
import Recipe
import RunSupport
import TestSupport
import Testing

/// The networks of every file in configs/, described, and built again from their descriptions.
@Suite struct DescriptionRoundTripTests {
  static let files: [String] = {
    let names = try? FileManager.default.contentsOfDirectory(atPath: repositoryFile("configs"))
    return (names ?? []).filter { $0.hasSuffix(".yaml") }.sorted()
  }()

  @Test(arguments: files) func descriptionsBuildTheSameNetworks(file: String) throws {
    var document = try ConfigurationDocument(path: repositoryFile("configs/\(file)"))
    try document.apply(["training.batch=4", "training.shards=1"])
    let configuration = try RunConfiguration(document)
    let model = try configuration.makeModel(
      communicator: SoloCommunicator(), drawsParameters: false)
    for (network, settings, groups) in [
      (model.generator, configuration.generator, 1),
      (model.critic, configuration.critic, model.objective.criticGroups),
    ] {
      let described = network.description
      let items = described.layers.flatMap(\.configurationItems)
      let text = "layers:\n" + items.map { "- \($0)\n" }.joined()
      let again = try LayerCatalog.layers(
        ConfigurationDocument(text: text, name: file).root().items("layers"),
        inputShape: network.inputShape,
        .init(
          initialization: settings.initialization, groups: groups, condition: model.condition,
          context: model.context))
      #expect(NetworkDescription(name: network.name, layers: again) == described, "\(text)")
      #expect(again.count == network.layers.count)
      let initializers = { (layers: [any Layer]) in layers.flatMap(\.parameters).map(\.initializer)
      }
      #expect(initializers(again) == initializers(network.layers), "\(text)")
    }
  }
}

/// Whose fault a size is.
@Suite struct SizeFaultTests {
  private func message(
    _ name: String = "glyphs", _ overrides: [String] = ["data.count=200"],
    _ change: (String) -> String
  ) throws -> String {
    let text = try String(contentsOfFile: repositoryFile("configs/\(name).yaml"), encoding: .utf8)
    var document = try ConfigurationDocument(text: change(text), name: "changed.yaml")
    try document.apply(overrides)
    do {
      _ = try RunConfiguration(document).makeModel(communicator: SoloCommunicator())
      return "fine"
    } catch { return "\(error)" }
  }

  @Test func theGeneratorIsBlamedBeforeTheCritic() throws {
    #expect(try message { $0 } == "fine")
    let layer = "  - convTranspose2d: {channels: 1, kernel: 4, stride: 2, padding: 1}\n"
    let grown = try message {
      $0.replacingOccurrences(of: "  - tanh\n", with: layer + "  - tanh\n")
    }
    #expect(
      grown.hasPrefix(
        "generator.layers: the last layer gives 1x56x56, but the samples of glyphs are 1x28x28; "
          + "layer "), "\(grown)")
    #expect(grown.contains("(convTranspose2d): larger than 28x28 from here on"), "\(grown)")
    // A critic that takes what the data have is at fault itself.
    let critic = try message {
      $0.replacingOccurrences(of: "\nobjective:", with: "  - upsample\n\nobjective:")
    }
    #expect(critic.contains("critic.layers: expected one score a sample"), "\(critic)")
  }

  /// Without its reshape the generator cannot be built: its crop finds two pixels of seven.
  @Test func aForgottenReshapeIsTold() throws {
    let found = try message("mnist-wgan-gp", ["width=4"]) {
      $0.replacingOccurrences(of: "  - reshape: {to: [4*width, 4, 4]}\n", with: "")
    }.components(separatedBy: "\n")
    #expect(
      found == [
        "changed.yaml:23: generator.layers.4.crop: 7x7 pixels of an input of 8x2x2; layer 2 "
          + "(convTranspose2d): takes the 256 values of linear (layer 0) as one pixel: a reshape "
          + "is missing before it",
        "     input            128x1x1", "  0  linear           256x1x1",
        "  2  convTranspose2d  8x2x2  <- here", "  4  crop             <- does not fit",
      ])
  }

  /// A critic's layer that does not fit is the generator's fault where that gives another size than
  /// the data have.
  @Test func theGeneratorIsBlamedForACriticThatCannotBeBuilt() throws {
    let crop = "  - crop: {height: 2, width: 2}\n"
    let small = try message { $0.replacingOccurrences(of: "  - tanh\n", with: crop + "  - tanh\n") }
    #expect(small.hasPrefix("generator.layers: the last layer gives 1x2x2, but"), "\(small)")
  }
}

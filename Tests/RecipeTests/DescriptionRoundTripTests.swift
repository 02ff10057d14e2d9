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
    return (names ?? []).sorted()
  }()

  @Test(arguments: files) func descriptionsBuildTheSameNetworks(file: String) throws {
    var document = try ConfigurationDocument(path: repositoryFile("configs/\(file)"))
    try document.apply(["training.batch=16"])
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
  private func message(_ change: (String) -> String) throws -> String {
    let text = try String(contentsOfFile: repositoryFile("configs/glyphs.yaml"), encoding: .utf8)
    var document = try ConfigurationDocument(text: change(text), name: "changed.yaml")
    try document.apply(["data.count=200"])
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
}

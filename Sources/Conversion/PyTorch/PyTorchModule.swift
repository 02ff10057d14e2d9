import Base
import Networks

/// A Python file with a run's networks as PyTorch modules, whose state dicts are those of its
/// checkpoints.
///
/// Made from the networks' descriptions: a layer is what PyTorch calls it, or a short class in the
/// same file. Tensors lie as in PyTorch: vectors are N x C, images N x C x H x W,
/// lines and volumes N x C x L and N x C x D x H x W.
package struct PyTorchModule {
  package let text: String

  /// - Parameters:
  ///   - name: The run's.
  ///   - networks: The networks with their classes' names: `Generator`.
  /// - Throws: `Fault` naming a layer that there is no module for.
  package init(name: String, networks: [(className: String, network: Network)]) throws {
    let writers = try networks.map { className, network in
      try PyTorchNetwork(className: className, network: network)
    }
    var helpers = Set(writers.flatMap(\.helpers))
    // One class serves both: without labels it asks for none.
    if helpers.contains(.labelledResidual) { helpers.remove(.residual) }
    if helpers.contains(.concat) { helpers.insert(.add) }
    if !helpers.isDisjoint(with: PyTorchHelper.callers) { helpers.insert(.call) }
    var lines = [
      "\"\"\"\(Self.plain(name)): \(networks.map(\.className).joined(separator: " and ")), "
        + "written by wgangp-dist export.",
      "",
      "The state dicts are the .safetensors files beside this one:",
      "",
      "    generator = load(\"generator\")    # ready for evaluation",
      "    images = generator(\(Self.example(networks)))",
      "\"\"\"",
      "",
    ]
    lines.append("import os")
    if writers.contains(where: \.usesNames) { lines.append("from collections import OrderedDict") }
    lines += ["", "import safetensors.torch", "import torch", "from torch import nn"]
    if helpers.contains(.shuffledUpsample) {
      lines.append("from torch.nn import functional as F")
    }
    for helper in PyTorchHelper.allCases where helpers.contains(helper) {
      lines += ["", helper.text]
    }
    for writer in writers { lines += ["", ""] + writer.lines }
    let classes = networks.map { "\"\($0.network.name)\": \($0.className)" }.joined(separator: ", ")
    lines += [
      "", "", "NETWORKS = {\(classes)}", "", "",
      "def load(name, folder=os.path.dirname(os.path.abspath(__file__))):",
      "    \"\"\"A network with its weights, in evaluation mode.\"\"\"",
      "    network = NETWORKS[name]()",
      "    state = safetensors.torch.load_file(os.path.join(folder, name + \".safetensors\"))",
      "    network.load_state_dict(state)", "    return network.eval()", "",
    ]
    text = lines.joined(separator: "\n")
  }

  /// The arguments of the docstring's call: noise of 16 samples, with labels or numbers where it
  /// takes them.
  private static func example(_ networks: [(className: String, network: Network)]) -> String {
    guard let generator = networks.first?.network else { return "" }
    let sizes = generator.inputShape
    let noise =
      sizes.pixels > 1
      ? "torch.randn(16, \(sizes.sizesText))"
      : "torch.randn(16, *Generator.input_shape)"
    guard let condition = generator.conditions?.shape else { return noise }
    let labels = "torch.arange(16) % \(condition.classes)"
    let numbers = "torch.rand(16, \(condition.numbers))"
    guard generator.description.readsNumbers else { return "\(noise), \(labels)" }
    return generator.description.readsClasses
      ? "\(noise), (\(labels), \(numbers))" : "\(noise), \(numbers)"
  }

  /// A name as a docstring can hold it.
  private static func plain(_ name: String) -> String {
    String(name.unicodeScalars.map { $0 == "\\" || $0 == "\"" ? "'" : Character($0) })
  }
}

import Base
import Networks

/// The class of one network in a Python file.
struct PyTorchNetwork {
  /// The lines of the class.
  let lines: [String]
  /// What else the file must define.
  let helpers: Set<PyTorchHelper>
  /// Whether modules are named, because some stand between the layers.
  var usesNames: Bool { lines.contains { $0.contains("OrderedDict(") } }

  /// Writes a network's class: its shapes as docstring and `input_shape`, and its modules.
  ///
  /// A network without a prefix of names is the sequence itself; with one it is a module that holds
  /// the sequence under that name, so that the state dict's names agree.
  ///
  /// - Parameters:
  ///   - className: `Generator` or `Critic`.
  ///   - network: What is described; its weights are not written here.
  /// - Throws: `Fault` naming a layer that there is no module for.
  init(className: String, network: Network) throws {
    let description = network.description
    let condition = network.conditions?.shape ?? .none
    let hasLabels = !condition.isEmpty
    let labels = "labels (N,\(condition.members == 1 ? "" : " \(condition.members)"))"
    let numbers = "conditions (N, \(condition.numbers))"
    let takesLabels =
      !description.readsNumbers
      ? " and \(labels)"
      : description.readsClasses ? " and a pair of \(labels), \(numbers)" : " and \(numbers)"
    let part = PyTorchLayers(
      network: description.name, hasLabels: hasLabels,
      rank: PyTorchLayers.rank(of: description.layers, input: description.inputShape))
    let inputRank = part.rank
    var writer = part
    let modules = try writer.modules(description.layers, inside: "")
    let names = network.namePrefix.split(separator: ".").map(String.init)
    guard names.count <= 1, names.allSatisfy(Self.isIdentifier) else {
      throw Fault(
        "export: \(description.name).prefix: found '\(network.namePrefix.dropLast())', expected "
          + "one Python name or none")
    }
    let sequence = writer.sequenceName(modules)
    let input = description.inputShape
    let sizes = inputRank == 2 ? "\(input.channels)," : input.sizesText
    let takes = "(N, \(inputRank == 2 ? "\(input.channels)" : input.sizesText))"
    let output = description.outputShape
    let gives = "(N, \(writer.rank == 2 ? "\(output.channels)" : output.sizesText))"
    var lines = [
      "class \(className)(\(names.isEmpty ? sequence : "nn.Module")):",
      "    \"\"\"Takes \(takes)\(hasLabels ? takesLabels : ""), gives \(gives).\"\"\"", "",
      "    input_shape = (\(sizes))",
    ]
    if hasLabels, !names.isEmpty { lines.append("    takes_labels = True") }
    lines += ["", "    def __init__(self):"]
    if let name = names.first {
      lines += ["        super().__init__()"]
      lines += writer.sequence(
        modules, before: "self.\(name) = \(sequence)(", after: ")", indent: 8)
      lines += [
        "", "    def forward(self, x\(hasLabels ? ", labels" : "")):",
        "        return self.\(name)(x\(hasLabels ? ", labels" : ""))",
      ]
    } else {
      lines += writer.sequence(modules, before: "super().__init__(", after: ")", indent: 8)
    }
    self.lines = lines
    helpers = writer.helpers
  }

  private static func isIdentifier(_ name: String) -> Bool {
    name.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) != nil
  }
}

extension Shape {
  /// The sizes in a row: `1, 28, 28`.
  var sizesText: String { sizesText(dimensions) }

  /// The sizes of a shape that is written with pixels in so many directions.
  func sizesText(_ dimensions: Int) -> String {
    ([channels] + extents.numbers(dimensions)).map(String.init).joined(separator: ", ")
  }
}

import Base
import Storage

/// A file's tensors under a network's names and in its layout.
///
/// - Names go through a `NameMap`; only those with `prefix` count, without it.
/// - `NAME[0]`, `NAME[1]` and on are put together along their first dimension: the heads of a
///   linear layer.
/// - Paddle's weights of linear layers are inputs x outputs: they are transposed. Its running
///   statistics are called `_mean` and `_variance`.
/// - A missing `num_batches_tracked` is 0: older PyTorch and Paddle do not keep it, and nothing is
///   computed from it.
package struct MappedTensors: TensorSource {
  /// How the weights of linear layers lie in a file.
  package enum Layout: String, Sendable, CaseIterable {
    /// Outputs x inputs.
    case pytorch
    /// Inputs x outputs.
    case paddle
  }

  /// What goes into a tensor: parts of the file, each perhaps transposed.
  private struct Recipe {
    var parts: [String] = []
    var isTransposed = false
    var dtype = ""
    var shape: [Int] = []
  }

  package let file: TensorFile
  /// Names in the file of tensors that the map leaves out.
  package private(set) var omitted: [String] = []
  /// Linear weights that were found transposed, where nobody said how they lie.
  package private(set) var transposed: [String] = []
  /// Counters that are not in the file.
  package private(set) var addedCounters: [String] = []
  package private(set) var names: [String] = []
  private var recipes: [String: Recipe] = [:]
  package var path: String { file.path }

  /// - Parameters:
  ///   - file: The file.
  ///   - map: The map of names.
  ///   - prefix: What names of the file begin with that count; they lose it.
  ///   - layout: Of linear weights; nil for what the file's format and the shapes tell. Shapes do
  ///     not tell it of square ones.
  ///   - expected: The tensors of the network.
  ///   - isLinearWeight: Whether a tensor of the network is a linear layer's weight.
  /// - Throws: `Fault` where two tensors get one name, or parts do not go together.
  package init(
    _ file: TensorFile, map: NameMap = NameMap(), prefix: String = "", layout: Layout? = nil,
    expected: [SafetensorsEntry], isLinearWeight: (String) -> Bool
  ) throws {
    self.file = file
    let layout = layout ?? (file.format == .paddle ? .paddle : nil)
    var parts: [String: [Int: String]] = [:]
    var order: [String] = []
    for name in file.names {
      guard name.hasPrefix(prefix) else { continue }
      var target = map(String(name.dropFirst(prefix.count))) ?? ""
      guard !target.isEmpty else {
        omitted.append(name)
        continue
      }
      if layout == .paddle { target = Self.pytorchName(target) }
      let (base, index) = Self.part(target)
      if parts[base] == nil { order.append(base) }
      if let other = parts[base, default: [:]].updateValue(name, forKey: index ?? -1) {
        throw Fault("\(file.path): '\(other)' and '\(name)' both become '\(target)'")
      }
    }
    let shapes = Dictionary(expected.map { ($0.name, $0.shape) }, uniquingKeysWith: { $1 })
    for name in order {
      guard let found = parts[name] else { continue }
      let indices = found.keys.sorted()
      guard indices == [-1] || indices == Array(0..<indices.count) else {
        throw Fault(
          "\(file.path): the parts of '\(name)' have the numbers \(indices); expected 0 and on")
      }
      let recipe = try recipe(
        name, indices.compactMap { found[$0] },
        layout: isLinearWeight(name) ? layout : .pytorch, expected: shapes[name])
      recipes[name] = recipe
      if recipe.isTransposed, layout == nil { transposed.append(name) }
    }
    names = order
    for tensor in expected
    where tensor.name.hasSuffix(".num_batches_tracked") && recipes[tensor.name] == nil {
      recipes[tensor.name] = Recipe(dtype: ElementType.int64.rawValue)
      addedCounters.append(tensor.name)
      names.append(tensor.name)
    }
  }

  /// PyTorch's name of what Paddle calls otherwise.
  private static func pytorchName(_ name: String) -> String {
    for (theirs, ours) in [("._mean", ".running_mean"), ("._variance", ".running_var")]
    where name.hasSuffix(theirs) {
      return name.dropLast(theirs.count) + ours
    }
    return name
  }

  /// `5.weight` and 1 of `5.weight[1]`.
  private static func part(_ name: String) -> (base: String, index: Int?) {
    guard name.hasSuffix("]"), let bracket = name.lastIndex(of: "["),
      let index = Int(name[name.index(after: bracket)...].dropLast()), (0..<1000).contains(index)
    else { return (name, nil) }
    return (String(name[..<bracket]), index)
  }

  /// How a tensor of the network is made of parts of the file.
  ///
  /// - Parameters:
  ///   - name: The tensor's.
  ///   - parts: Names in the file, in the order in which they are put together.
  ///   - layout: How linear weights lie; nil for what the shapes say: transposed where only that
  ///     fits.
  ///   - expected: The network's shape; nil where it has no such tensor.
  /// - Returns: The recipe, with the shape that it gives.
  /// - Throws: `Fault` where the parts are of several types, or do not go together.
  private func recipe(
    _ name: String, _ parts: [String], layout: Layout?, expected: [Int]?
  ) throws -> Recipe {
    let entries = try parts.map { try file.entry($0) }
    var recipe = Recipe(parts: parts, dtype: entries[0].dtype)
    guard entries.allSatisfy({ $0.dtype == recipe.dtype }) else {
      throw Fault("\(path): the parts of '\(name)' are of different types")
    }
    let plain = Self.joined(entries.map(\.shape))
    let turned =
      entries.allSatisfy { $0.shape.count == 2 }
      ? Self.joined(entries.map { $0.shape.reversed() }) : nil
    recipe.isTransposed =
      switch layout {
      case .paddle: turned != nil
      case .pytorch: false
      case nil: plain != expected && turned != nil && turned == expected
      }
    guard let shape = recipe.isTransposed ? turned : plain else {
      throw Fault(
        "\(path): the parts of '\(name)' have the shapes \(entries.map(\.shape)), which do not fit")
    }
    recipe.shape = shape
    return recipe
  }

  /// The shape of parts put together along their first dimension; nil where they do not fit.
  private static func joined(_ shapes: [[Int]]) -> [Int]? {
    guard shapes.count > 1 else { return shapes[0] }
    guard shapes.allSatisfy({ !$0.isEmpty && $0.dropFirst() == shapes[0].dropFirst() }) else {
      return nil
    }
    return [shapes.reduce(0) { $0 + $1[0] }] + shapes[0].dropFirst()
  }

  package func contains(_ name: String) -> Bool { recipes[name] != nil }

  package func entry(_ name: String) throws -> (dtype: String, shape: [Int]) {
    let recipe = try found(name)
    return (recipe.dtype, recipe.shape)
  }

  package func floats(_ name: String) throws -> [Float] {
    let recipe = try found(name)
    return try recipe.parts.flatMap { part -> [Float] in
      let values = try file.floats(part)
      guard recipe.isTransposed else { return values }
      let shape = try file.entry(part).shape
      var turned = values
      for row in 0..<shape[0] {
        for column in 0..<shape[1] {
          turned[column * shape[0] + row] = values[row * shape[1] + column]
        }
      }
      return turned
    }
  }

  package func integers(_ name: String) throws -> [Int] {
    let recipe = try found(name)
    // A counter that the file lacks.
    guard !recipe.parts.isEmpty else { return [0] }
    return try recipe.parts.flatMap { try file.integers($0) }
  }

  private func found(_ name: String) throws -> Recipe {
    guard let recipe = recipes[name] else { throw Fault("\(path): has no tensor for '\(name)'") }
    return recipe
  }
}

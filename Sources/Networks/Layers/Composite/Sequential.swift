import Base
import Kernels

/// Layers in a row as one layer: PyTorch's `Sequential`, a branch of a `Concat`, or a
/// `basicConv2d`.
///
/// Its parameters are called as its members' paths say.
package final class Sequential: CompositeLayer {
  /// One of the layers.
  package struct Member {
    /// The path in the state dict, behind the layer's own.
    package let path: String
    /// What a configuration calls it; nil where it counts.
    package let name: String?
    package let layer: any Layer

    package init(path: String, name: String?, layer: any Layer) {
      self.path = path
      self.name = name
      self.layer = layer
    }
  }

  package let kind: String
  package let options: [LayerOption]
  /// Whether the options say all of it, so that nobody needs its members to describe it.
  package let isDescribedByOptions: Bool
  private let members: [Member]
  private var sequence: LayerSequence?

  /// - Parameters:
  ///   - kind: The name in a configuration.
  ///   - members: At least one; each takes what the one before gives.
  ///   - options: What a configuration says of a kind that is described by its options; nil for one
  ///     that is described by its members.
  package init(_ kind: String, _ members: [Member], options: [LayerOption]? = nil) {
    precondition(!members.isEmpty, "\(kind) without layers")
    self.kind = kind
    self.members = members
    self.options = options ?? []
    isDescribedByOptions = options != nil
  }

  private var layers: [any Layer] { members.map(\.layer) }

  package var inputShape: Shape { members[0].layer.inputShape }
  package var outputShape: Shape { members[members.count - 1].layer.outputShape }
  package var children: [(path: String, layer: any Layer)] {
    members.map { ($0.path, $0.layer) }
  }
  package var childNames: [String?] { members.map(\.name) }
  package var algorithm: String? {
    isDescribedByOptions ? members.lazy.compactMap(\.layer.algorithm).first : nil
  }

  package var traits: LayerTraits {
    let traits = layers.map(\.traits)
    return LayerTraits(
      needsOutput: traits[traits.count - 1].needsOutput,
      isCurved: traits.contains(where: \.isCurved),
      couplesSamples: traits.contains(where: \.couplesSamples),
      needsConditions: traits.contains(where: \.needsConditions),
      keepsValues: traits.allSatisfy(\.keepsValues),
      givesProbabilities: traits.last { !$0.keepsValues }?.givesProbabilities ?? false)
  }

  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) throws {
    sequence = try LayerSequence(layers, name: kind, memory: plan, context: context)
  }

  private var prepared: LayerSequence {
    guard let sequence else { preconditionFailure("\(kind) is used before it is prepared") }
    return sequence
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) throws {
    try prepared.forward(x, into: y, pass)
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) throws {
    try prepared.backward(dy, input: x, output: y, into: dx, pass)
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) throws {
    try prepared.doubleBackward(t, outputGradient: dy, input: x, output: y, into: jt, pass)
  }

  package func backwardShares(
    arriving: Tensor?, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) throws -> Bool {
    try prepared.backwardShares(arriving: arriving, input: x, output: y, into: dx, pass)
  }
}

import Base

/// One step of a network, with its first- and second-order passes.
///
/// | pass | given | gives | adds to parameter gradients |
/// |---|---|---|---|
/// | `forward` | x | y | |
/// | `backward` | dL/dy | dL/dx | dL/dW for the pass's `parameterGroups` |
/// | `doubleBackward` | t in x-space | J t = d<dL/dx, t> / d(dL/dy) | d<dL/dx, t> / dW |
///
/// and, from a curved layer, `doubleBackward` also gives the *share*: the gradient of <dL/dx, t>
/// with respect to x, which the network sends through one more `backward` (Pearlmutter 1994's
/// R-operator). Where `Pass.lastContribution` says so, a `backward` may leave dL/dW to that one.
///
/// All tensors cover the pass's groups on this rank's shards. Sums over the batch are kept a shard
/// (`Parameter.partial`) or exchanged in tree order (`ShardSums`); nothing else leaves a shard.
package protocol Layer: AnyObject {
  /// The name in a configuration: `conv2d`.
  var kind: String { get }
  /// What a configuration says of the layer, defaults included, and what it derives from elsewhere;
  /// `children` have their own.
  var options: [LayerOption] { get }
  var inputShape: Shape { get }
  var outputShape: Shape { get }
  var traits: LayerTraits { get }
  var parameters: [Parameter] { get }
  /// State that is not trained, such as running statistics, in PyTorch's order.
  var buffers: [StateBuffer] { get }
  /// Floating-point operations of one forward pass, a sample; 0 for what is not a matrix product.
  var operations: Int { get }
  /// How the layer's products are computed: `im2col`; nil for a layer without.
  var algorithm: String? { get }
  /// The layers that it is made of, each with its path in a state dict: `main.0`, or nothing for
  /// one whose children follow the layer's own path.
  ///
  /// Their parameters and buffers are the layer's `parameters` and `buffers`, in this order.
  var children: [(path: String, layer: any Layer)] { get }
  /// What a configuration calls the children; nil for those that are counted.
  var childNames: [String?] { get }
  /// Whether the options say all of a layer with children.
  var isDescribedByOptions: Bool { get }

  /// Allocates what the passes need.
  func prepare(_ plan: MemoryPlan, in context: ExecutionContext) throws

  func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) throws

  /// Computes dL/dx from dL/dy, and adds dL/dW to the parameters' partials.
  ///
  /// - Parameters:
  ///   - dy: dL/dy. The layer may leave something else in it, for its `doubleBackward`.
  ///   - x: The input of `forward`; overwritten by y where the layer worked in place.
  ///   - y: The output of `forward`.
  ///   - dx: Gets dL/dx for the pass's `inputGroups`; nil where nobody wants it.
  ///   - pass: The groups and samples that the tensors cover.
  /// - Throws: `Fault` where an exchange between ranks fails.
  func backward(_ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass)
    throws

  /// Computes J t and the share of a direction, and adds d<dL/dx, t>/dW to the parameters'
  /// partials.
  ///
  /// - Parameters:
  ///   - t: A direction in x-space.
  ///   - dy: What `backward` was given, as it left it.
  ///   - x: The input of `forward`.
  ///   - y: The output of `forward`.
  ///   - jt: Gets J t, in y-space; nil where nobody wants it.
  ///   - share: Gets the gradient of <dL/dx, t> with respect to x; nil for a layer that is not
  ///     curved.
  ///   - pass: The second-order group and its samples.
  /// - Throws: `Fault` where an exchange between ranks fails.
  func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass) throws
}

extension Layer {
  package var parameters: [Parameter] { children.flatMap(\.layer.parameters) }
  package var buffers: [StateBuffer] { children.flatMap(\.layer.buffers) }
  package var children: [(path: String, layer: any Layer)] { [] }
  package var childNames: [String?] { children.map { _ in nil } }
  package var isDescribedByOptions: Bool { false }
  package var operations: Int { children.reduce(0) { $0 + $1.layer.operations } }
  package var algorithm: String? { nil }
  package var options: [LayerOption] { [] }
  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) {}
}

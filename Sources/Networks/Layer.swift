import Kernels

/// What a network must know of a layer to plan its memory.
package struct LayerTraits: Sendable {
  /// y may be written over x.
  package var forwardInPlace = false
  /// dx may be written over dy (never so where the second-order pass needs dy: see `isCurved`).
  package var backwardInPlace = false
  /// `backward` reads y, so y must stay as it was.
  package var needsOutput = false
  /// The layer's Jacobian depends on its input: `doubleBackward` leaves a share at the input.
  package var isCurved = false
  /// The output for a sample depends on the other samples of its stat group.
  package var couplesSamples = false
  /// The passes read the samples' classes, `Pass.labels`.
  package var needsLabels = false
}

/// One step of a network, with its first- and second-order passes.
///
/// | pass | given | gives | adds to parameter gradients |
/// |---|---|---|---|
/// | `forward` | x | y | |
/// | `backward` | dL/dy | dL/dx | dL/dW for the pass's `parameterGroups` |
/// | `doubleBackward` | t, a direction in x-space | J t, the gradient of <dL/dx, t> with respect to dL/dy | d/dW of <dL/dx, t> |
///
/// and, from a curved layer, `doubleBackward` also gives the *share*: the gradient of <dL/dx, t>
/// with respect to x, which the network sends through one more `backward` (Pearlmutter 1994's
/// R-operator). Where `Pass.sharesFollow` says so, a `backward` may leave dL/dW to that one.
///
/// All tensors cover the pass's groups on this rank's shards. Sums over the batch are kept a shard
/// (`Parameter.partial`) or exchanged in tree order (`ShardSums`); nothing else leaves a shard.
package protocol Layer: AnyObject {
  /// The name in a configuration: `conv2d`.
  var kind: String { get }
  var inputShape: Shape { get }
  var outputShape: Shape { get }
  var traits: LayerTraits { get }
  var parameters: [Parameter] { get }
  /// State that is not trained, such as running statistics, in PyTorch's order.
  var buffers: [StateBuffer] { get }
  /// Floating-point operations of one forward pass, a sample; 0 for what is not a matrix product.
  var operations: Int { get }
  /// The layers that it is made of, each with its path in a state dict: `main.0`.
  ///
  /// Their parameters and buffers are the layer's `parameters` and `buffers`, in this order.
  var children: [(path: String, layer: any Layer)] { get }

  /// Allocates what the passes need.
  func prepare(_ plan: MemoryPlan, in context: ExecutionContext) throws

  func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) throws

  /// - `dy`: The layer may leave something else in it, for its `doubleBackward`.
  /// - `dx`: nil where nobody wants it.
  func backward(_ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass)
    throws

  /// - `dy`: What `backward` was given, as it left it.
  /// - `jt`: nil where nobody wants J t.
  /// - `share`: nil for a layer that is not curved.
  func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass) throws
}

extension Layer {
  package var parameters: [Parameter] { children.flatMap(\.layer.parameters) }
  package var buffers: [StateBuffer] { children.flatMap(\.layer.buffers) }
  package var children: [(path: String, layer: any Layer)] { [] }
  package var operations: Int { 0 }
  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) {}
}

/// A layer made of sequences of layers, which keeps the shares of its curved layers itself.
///
/// Its `doubleBackward` is given no share.
package protocol CompositeLayer: Layer {
  /// Sends the shares that `doubleBackward` left inside, together with those that arrive from the
  /// layers behind it, back to its input.
  ///
  /// - `arriving`: What later layers' shares give at the output; nil for nothing.
  /// - `dx`: nil where nobody wants it.
  /// - Returns: Whether there was anything to send: `dx` is undefined otherwise.
  func backwardShares(
    arriving: Tensor?, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) throws -> Bool
}

/// Sizes for which a network's memory is planned.
package struct MemoryPlan: Sendable {
  /// The largest number of samples of all groups together in a shard.
  package var shardCapacity: Int
  /// Stat groups of the largest pass.
  package var groups: Int
  /// The group that takes the second-order pass, or nil for none.
  package var secondOrderGroup: Int?
  /// The largest number of samples of one group in a shard, in the pass with all groups.
  package var groupCapacity: Int

  /// `groupCapacity`: By default an equal part of `shardCapacity`.
  package init(
    shardCapacity: Int, groups: Int, secondOrderGroup: Int? = nil, groupCapacity: Int? = nil
  ) {
    self.shardCapacity = shardCapacity
    self.groups = groups
    self.secondOrderGroup = secondOrderGroup
    self.groupCapacity = groupCapacity ?? shardCapacity / groups
  }
}

/// State of a layer that is not trained but belongs to its state dict.
package final class StateBuffer {
  package enum Kind: Sendable {
    case float
    /// A scalar counter, a 64-bit integer in PyTorch.
    case counter
  }

  package let name: String
  package let kind: Kind
  package let values: FloatStorage
  package var counter = 0
  /// PyTorch's shape: [] for a counter.
  package var shape: [Int] { kind == .counter ? [] : [values.count] }

  package init(name: String, count: Int, value: Float) {
    self.name = name
    kind = .float
    values = FloatStorage(count: count)
    values.buffer.update(repeating: value)
  }

  package init(counter name: String) {
    self.name = name
    kind = .counter
    values = FloatStorage(count: 0)
  }
}

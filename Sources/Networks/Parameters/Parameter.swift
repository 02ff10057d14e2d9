import Base
import Collectives
import Synchronization

/// A trained tensor of a layer.
///
/// Values, gradient and per-shard partial gradients live in the network's `ParameterArena`.
package final class Parameter {
  /// PyTorch's name inside the layer: `weight`, `bias`.
  package let name: String
  /// PyTorch's shape.
  package let shape: [Int]
  package let layout: ParameterLayout
  package let initializer: Initializer
  /// What stands between the values and the passes; nil for nothing.
  package let spectralNorm: SpectralNorm?
  /// A convolution's or linear layer's weight, not a bias, nor a norm's scale or offset.
  package let isWeight: Bool
  package var count: Int { shape.reduce(1, *) }

  private var arena: ParameterArena?
  private(set) var offset = 0
  /// The parameter's number in the arena.
  private var index = 0

  /// Describes a tensor that has no memory until it is bound to an arena.
  ///
  /// The shape is PyTorch's; `layout` says how the values lie in memory. `isWeight` is by default
  /// whether there is more than one dimension.
  package init(
    name: String, shape: [Int], layout: ParameterLayout = .same, initializer: Initializer,
    spectralNorm: SpectralNorm? = nil, isWeight: Bool? = nil
  ) {
    self.name = name
    self.shape = shape
    self.layout = layout
    self.initializer = initializer
    self.spectralNorm = spectralNorm
    self.isWeight = isWeight ?? (shape.count > 1)
  }

  func bind(to arena: ParameterArena, as index: Int, at offset: Int) {
    self.arena = arena
    self.index = index
    self.offset = offset
  }

  /// The values as the optimizer moves them.
  package var values: FloatBuffer { FloatBuffer(slice(bound.storage.pointer)) }

  /// Lets `body` write the values, and starts another `version`.
  package func mutate<Result>(_ body: (MutableFloatBuffer) throws -> Result) rethrows -> Result {
    defer { changes.add(1, ordering: .relaxed) }
    return try body(slice(bound.storage.pointer))
  }

  /// A number that grows whenever somebody asks for the values to change them, here or in the
  /// arena: what was derived from the values under the same number is still good.
  package var version: Int { changes.load(ordering: .relaxed) + bound.version }
  private let changes = Atomic<Int>(0)
  /// What passes compute with: the values, or the spectrally normalized ones of the last
  /// `refreshEffectiveValues`.
  package var effectiveValues: FloatBuffer {
    spectralNorm.map { FloatBuffer($0.effective.buffer) } ?? values
  }
  /// To be called at the start of a forward pass.
  package func refreshEffectiveValues() {
    guard let spectralNorm else { return }
    spectralNorm.refresh(values)
    changes.add(1, ordering: .relaxed)
  }
  /// What the samples of one shard of this rank contribute to the gradient.
  ///
  /// Passes add to it.
  package func partial(shard: Int) -> MutableFloatBuffer {
    let (values, isFirst) = claimPartial(shard: shard)
    if isFirst { values.update(repeating: 0) }
    return values
  }
  /// `partial(shard:)` for a pass that can overwrite.
  ///
  /// Where it is the first since `clearGradient`, the values are undefined and it must.
  package func claimPartial(shard: Int) -> (values: MutableFloatBuffer, isFirst: Bool) {
    (
      slice(bound.partials.pointer + shard * bound.count),
      bound.claim(shard: shard, parameter: index)
    )
  }
  /// For a pass that leaves its contribution to a later one, which calls `claimDeferred`.
  package func deferContribution() { bound.deferred += 1 }
  /// For a pass that makes what was left to it.
  package func claimDeferred() { bound.deferred -= 1 }
  /// For a pass that gives the sum over all shards of this rank, in the order of their tree, with
  /// all contributions; it must write it.
  package func claimLocalSum() -> MutableFloatBuffer {
    bound.claimLocalSum(parameter: index)
    return slice(bound.partials.pointer)
  }
  /// The gradient of the whole batch, after `ParameterArena.reduceGradient`.
  package var gradient: FloatBuffer { FloatBuffer(partial(shard: 0)) }

  /// The part of a vector over the whole arena (such as an optimizer's moment) that belongs to this
  /// parameter.
  package func slice(_ vector: UnsafeMutablePointer<Float>) -> MutableFloatBuffer {
    MutableFloatBuffer(start: vector + offset, count: count)
  }

  private var bound: ParameterArena {
    guard let arena else {
      preconditionFailure("parameter \(name) is used before its network is built")
    }
    return arena
  }
}

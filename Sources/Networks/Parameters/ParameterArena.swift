import Base
import Collectives
import Synchronization

/// The parameters of a network as one vector, so that the exchange and the optimizer are one sweep
/// each.
///
/// Each rank has the whole vector, but moves only its parts of it: it adds up their gradient, takes
/// the optimizer's step and gives the others the new values. That sends as much as to give them the
/// sums, and the step costs each rank its share (Rajbhandari et al. 2020, arXiv:1910.02054, stage
/// 1).
package final class ParameterArena {
  /// Values of the vector, with gaps (zeros that stay zero) that align each parameter to a cache
  /// line.
  package let count: Int
  /// Where the weights lie, `Parameter.isWeight`.
  package let weightRanges: [Range<Int>]
  let storage: FloatStorage
  /// The vector as the optimizer moves it.
  package var values: FloatBuffer { FloatBuffer(storage.buffer) }

  /// Lets `body` write the vector, and starts another `version` of all parameters.
  package func mutate<Result>(_ body: (MutableFloatBuffer) throws -> Result) rethrows -> Result {
    defer { changes.add(1, ordering: .relaxed) }
    return try body(storage.buffer)
  }

  /// See `Parameter.version`.
  var version: Int { changes.load(ordering: .relaxed) }
  private let changes = Atomic<Int>(0)
  /// A gradient vector for every shard of this rank; vector 0 becomes the gradient.
  let partials: SharedMemory.Place
  /// For each shard and parameter whether nobody has touched its partial since `clearGradient`.
  private let isUntouched: AlignedArray<Bool>
  /// For each parameter whether shard 0's partial is already the sum over this rank's shards.
  private let isSummed: AlignedArray<Bool>
  /// Contributions that backward passes have left to second-order passes, or to those of the
  /// shares.
  internal(set) package var deferred = 0
  private let parameters: [Parameter]
  private let context: ExecutionContext
  private let sumOverRanks: any OrderedSum
  private let norm: GradientNorm
  /// The parts of the vector that this rank's optimizer moves: everything where the chain rule of a
  /// spectral norm needs the whole gradient, otherwise an equal share.
  package let ownParts: [Range<Int>]
  private let isDivided: Bool
  private let normalized: [(parameter: Parameter, norm: SpectralNorm)]

  /// - Parameters:
  ///   - parameters: In the order of the vector.
  ///   - hasGradient: Whether there is memory for gradients.
  ///   - context: The ranks, and the memory of the gradients.
  /// - Throws: `Fault` where an exchange between ranks cannot be set up.
  init(_ parameters: [Parameter], hasGradient: Bool = true, context: ExecutionContext) throws {
    var offset = 0
    var offsets: [Int] = []
    for parameter in parameters {
      offsets.append(offset)
      offset += (parameter.count + 15) / 16 * 16
    }
    count = offset
    weightRanges = zip(parameters, offsets).filter { $0.0.isWeight }
      .map { $0.1..<$0.1 + $0.0.count }
    storage = FloatStorage(count: count)
    partials = context.partialMemory.reserve(hasGradient ? count * context.plan.localShards : 0)
    self.context = context
    self.parameters = parameters
    isUntouched = AlignedArray(count: context.plan.localShards * parameters.count)
    isUntouched.buffer.update(repeating: true)
    isSummed = AlignedArray(count: parameters.count)
    normalized = parameters.compactMap { parameter in
      parameter.spectralNorm.map { (parameter, $0) }
    }
    let communicator = context.communicator
    sumOverRanks = try communicator.makeOrderedSum(count: count)
    isDivided = normalized.isEmpty && communicator.size > 1
    ownParts = isDivided ? sumOverRanks.parts(ofRank: communicator.rank) : [0..<count]
    norm = try GradientNorm(
      count: count, sum: isDivided ? sumOverRanks : nil, communicator: communicator)
    for (index, parameter) in parameters.enumerated() {
      parameter.bind(to: self, as: index, at: offsets[index])
    }
  }

  /// The gradient after `reduceGradient`, or its `ownParts` after `reduceOwnGradient`.
  package var gradient: FloatBuffer { FloatBuffer(start: partials.pointer, count: count) }

  /// Starts a new gradient.
  ///
  /// A partial becomes 0 when somebody asks for it, and need not where a pass overwrites it.
  package func clearGradient() {
    isUntouched.buffer.update(repeating: true)
    isSummed.buffer.update(repeating: false)
    deferred = 0
    // What a sum over ranks left in the gaps of parts that are not this rank's.
    for parameter in parameters {
      let end = parameter.offset + parameter.count
      (partials.pointer + end).update(repeating: 0, count: (end + 15) / 16 * 16 - end)
    }
  }

  /// A parameter's sum over this rank's shards is written at once.
  func claimLocalSum(parameter: Int) {
    for shard in 0..<context.plan.localShards {
      let isFirst = claim(shard: shard, parameter: parameter)
      precondition(isFirst, "a second contribution to a gradient")
    }
    isSummed.buffer[parameter] = true
  }

  /// Whether a partial is untouched; it is not any more.
  func claim(shard: Int, parameter: Int) -> Bool {
    let place = isUntouched.pointer + shard * parameters.count + parameter
    defer { place.pointee = false }
    return place.pointee
  }

  /// Replaces the partials by their sum over all shards of all ranks, in tree order: the same bits
  /// on every rank.
  package func reduceGradient() throws {
    try reduceOwnGradient()
    try completeGradient()
  }

  /// Replaces this rank's `ownParts` of the partials by their sum, as `reduceGradient` does; the
  /// rest is undefined.
  ///
  /// Spectrally normalized weights get the gradient of the values themselves, and then their power
  /// iteration's next step.
  package func reduceOwnGradient() throws {
    precondition(deferred == 0, "\(deferred) contributions to a gradient are missing")
    let tree = context.plan.localTree
    let threads = context.pool.threads
    context.pool.forEach(threads) { part, _ in
      // Those that nobody touched are 0.
      for parameter in self.parameters {
        for shard in part * tree.leaves / threads..<(part + 1) * tree.leaves / threads {
          _ = parameter.partial(shard: shard)
        }
      }
    }
    if tree.leaves > 1 {
      context.pool.forEach(threads) { part, _ in
        for index in self.parameters.indices where !self.isSummed.buffer[index] {
          let (first, count) = (self.parameters[index].offset, self.parameters[index].count)
          tree.sum(
            self.partials.pointer, stride: self.count,
            range: first + part * count / threads..<first + (part + 1) * count / threads)
        }
      }
    }
    let gradient = MutableFloatBuffer(start: partials.pointer, count: count)
    guard !isDivided else { return try sumOverRanks.reduce(gradient) }
    try sumOverRanks(gradient)
    for (parameter, norm) in normalized {
      norm.chain(parameter.partial(shard: 0))
      norm.iterate(parameter.values)
    }
  }

  /// Gives this rank the other ranks' parts of the gradient.
  package func completeGradient() throws {
    try complete(MutableFloatBuffer(start: partials.pointer, count: count))
  }

  /// The sum of the squares of the whole gradient, also where this rank has its parts only.
  package func gradientSumOfSquares() throws -> Double { try norm.sumOfSquares(gradient) }

  /// Gives all ranks every rank's `ownParts` of a vector over the arena, such as the parameters
  /// after an optimizer's step.
  package func complete(_ vector: MutableFloatBuffer) throws {
    if isDivided { try sumOverRanks.share(vector) }
  }
}

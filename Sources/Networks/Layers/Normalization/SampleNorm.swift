import Base
import Collectives
import Kernels

/// Normalization of each sample by its own statistics.
///
/// Layer norm (Ba et al. 2016, arXiv:1607.06450) takes them over all of its values, instance norm
/// (Ulyanov et al. 2016, arXiv:1607.08022) over those of each channel.
///
/// Nothing is exchanged, and samples stay independent, as the gradient penalty assumes. A
/// *cell* is the values that share mean and deviation; letters as in `BatchNormalization`, m the
/// values of a cell, n = m, or m - 1 with the unbiased variance, u = gamma d.
/// - forward: y = gamma x^ + beta.
/// - backward of d: dbeta = sum d, dgamma = sum d x^, dx = r (u - mean(u) - x^ sum(x^ u) / n).
/// - doubleBackward: see `SampleNorm+DoubleBackward.swift`.
///
/// Sums are in Double: down a column (a channel, or with `affine` `.element` a value of the
/// sample), then over the columns from the first to the last.
package final class SampleNorm: Layer {
  package enum Kind: String, Sendable {
    /// One cell a sample.
    case layerNorm
    /// One cell a channel.
    case instanceNorm
  }

  /// What scale and offset each value has.
  package enum Affine: String, Sendable, CaseIterable {
    /// One pair for each value of a sample: PyTorch's `LayerNorm([C, H, W])`.
    case element
    /// One pair a channel: PyTorch's `InstanceNorm2d`, and the layer norm of Gulrajani et al. 2017.
    case channel
    /// One pair for all values: PaddleScience's layer norm.
    case scalar
    /// None.
    case none
  }

  package struct Options: Sendable, Equatable {
    /// In the root of variance + epsilon.
    package var epsilon = 1e-5
    package var affine = Affine.element
    package var variance = VarianceDivisor.biased
    package var weight = Initializer.constant(1)
    package var bias = Initializer.constant(0)

    package init() {}
  }

  package let inputShape: Shape
  package var outputShape: Shape { inputShape }
  package let traits = LayerTraits(isCurved: true)
  package let settings: Options
  /// nil where `affine` is `.none`.
  package let gamma: Parameter?
  package let beta: Parameter?

  let normKind: Kind
  let context: ExecutionContext
  /// The kernels see a sample as rows x columns: pixels x channels, or 1 x all values.
  let rows: Int
  let columns: Int
  /// 1, or `columns`.
  let cells: Int
  /// m and n of a cell.
  let count: Double
  let divisor: Double
  /// A mean and a deviation a cell, for each sample.
  private(set) var means: Tensor?
  private(set) var inverseDeviations: Tensor?
  /// A value a column, where the parameters are not that.
  private let columnScale: FloatStorage
  private let columnOffset: FloatStorage
  /// Per thread: sums of five values a column.
  private var threadSums = DoubleStorage(count: 0)

  package init(
    _ kind: Kind, inputShape: Shape, _ settings: Options, context: ExecutionContext
  ) {
    normKind = kind
    self.inputShape = inputShape
    self.settings = settings
    self.context = context
    let isElement = settings.affine == .element
    precondition(
      kind == .layerNorm || !isElement, "instanceNorm has a scale for each channel, or none")
    rows = isElement ? 1 : inputShape.pixels
    columns = isElement ? inputShape.elementCount : inputShape.channels
    cells = kind == .layerNorm ? 1 : columns
    count = Double(kind == .layerNorm ? inputShape.elementCount : inputShape.pixels)
    divisor = settings.variance.divisor(count: count)
    let channels = inputShape.channels
    let parameter = { (name: String, initializer: Initializer) -> Parameter? in
      switch settings.affine {
      case .none: nil
      case .scalar: Parameter(name: name, shape: [1], initializer: initializer)
      case .channel: Parameter(name: name, shape: [channels], initializer: initializer)
      case .element where inputShape.pixels == 1:
        Parameter(name: name, shape: [channels], initializer: initializer)
      case .element:
        Parameter(
          name: name, shape: inputShape.sizes,
          layout: .innerLast(outer: 1, inner: channels, pixels: inputShape.pixels),
          initializer: initializer, isWeight: false)
      }
    }
    gamma = parameter("weight", settings.weight)
    beta = parameter("bias", settings.bias)
    let isSpread = settings.affine == .scalar || settings.affine == .none
    columnScale = FloatStorage(count: isSpread ? columns : 0)
    columnOffset = FloatStorage(count: isSpread ? columns : 0)
    columnScale.buffer.update(repeating: 1)
  }

  package var options: [LayerOption] {
    let usual = Options()
    let epsilon = LayerOption("epsilon", settings.epsilon, default: usual.epsilon)
    guard normKind == .layerNorm else {
      return [epsilon, LayerOption("affine", settings.affine == .channel, default: false)]
    }
    var found = [
      epsilon, LayerOption("affine", settings.affine, default: usual.affine),
      LayerOption("variance", settings.variance, default: usual.variance),
    ]
    if settings.affine == .scalar {
      let word = settings.weight == usual.weight ? "ones" : "xavier"
      found.append(LayerOption("initialization", .word(word), default: .word("ones")))
    }
    return found
  }
  package var kind: String { normKind.rawValue }
  package var parameters: [Parameter] { [gamma, beta].compactMap { $0 } }
  package var buffers: [StateBuffer] { [] }

  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) {
    let tensor = {
      Tensor(
        shape: Shape(channels: self.cells), shards: context.plan.localShards,
        shardCapacity: plan.shardCapacity)
    }
    means = tensor()
    inverseDeviations = tensor()
    threadSums = DoubleStorage(count: context.pool.threads * 5 * columns)
    context.reserveScratch(6 * columns)
  }

  /// Vector `number` of `columns` values of a thread's scratch.
  func vector(_ number: Int, thread: Int) -> MutableFloatBuffer {
    MutableFloatBuffer(
      rebasing: context.scratch(thread: thread)[number * columns..<(number + 1) * columns])
  }

  /// Sums `parts` of a thread, `columns` values each.
  func sums(_ parts: Range<Int>, thread: Int) -> UnsafeMutableBufferPointer<Double> {
    UnsafeMutableBufferPointer(
      start: threadSums.pointer + (thread * 5 + parts.lowerBound) * columns,
      count: parts.count * columns)
  }

  /// Makes each of the sums, `columns` values a part, one a cell: with one cell the first column's.
  func foldColumns(_ sums: UnsafeMutableBufferPointer<Double>) {
    guard cells == 1 else { return }
    var first = 0
    while first < sums.count {
      for column in 1..<max(columns, 1) { sums[first] += sums[first + column] }
      first += columns
    }
  }

  /// Multiplies each of the sums, `columns` values a part, by its column's gamma.
  func weight(_ sums: UnsafeMutableBufferPointer<Double>) {
    let scale = scale
    var first = 0
    while first < sums.count {
      for column in 0..<columns { sums[first + column] *= Double(scale[column]) }
      first += columns
    }
  }

  /// Gives every column its cell's value.
  func spread(_ values: FloatBuffer, into vector: MutableFloatBuffer) -> FloatBuffer {
    if cells == 1 {
      vector.update(repeating: values[0])
    } else {
      _ = vector.update(fromContentsOf: values)
    }
    return FloatBuffer(vector)
  }

  /// Gamma and beta, a value a column.
  var scale: FloatBuffer {
    isSpread ? FloatBuffer(columnScale.buffer) : gamma?.values ?? FloatBuffer(.empty)
  }
  private var offset: FloatBuffer {
    isSpread ? FloatBuffer(columnOffset.buffer) : beta?.values ?? FloatBuffer(.empty)
  }
  private var isSpread: Bool { columnScale.count > 0 }

  /// Adds sums, a value a column, to a parameter's partial gradient.
  func add(
    _ sums: UnsafeMutableBufferPointer<Double>, to parameter: Parameter?, shard: Int
  ) {
    guard let partial = parameter?.partial(shard: shard) else { return }
    if settings.affine == .scalar {
      partial[0] += Float(sums.reduce(0, +))
    } else {
      for column in 0..<columns { partial[column] += Float(sums[column]) }
    }
  }

  func spreadScalars() {
    guard settings.affine == .scalar, let gamma, let beta else { return }
    columnScale.buffer.update(repeating: gamma.values[0])
    columnOffset.buffer.update(repeating: beta.values[0])
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    spreadScalars()
    context.forEachShard { shard, thread in
      for group in pass.groups {
        for sample in 0..<pass.samples(inShard: shard) {
          self.normalize(
            FloatBuffer(x.sample(sample, group: group, pass, shard: shard)),
            into: y.sample(sample, group: group, pass, shard: shard),
            self.statistics(sample, group, pass, shard), thread: thread)
        }
      }
    }
  }

  /// Mean and 1 / deviation of a sample's cells.
  func statistics(
    _ sample: Int, _ group: Int, _ pass: Pass, _ shard: Int
  ) -> (mean: MutableFloatBuffer, inverseDeviation: MutableFloatBuffer) {
    guard let means, let inverseDeviations else {
      preconditionFailure("\(kind) is used before it is prepared")
    }
    return (
      means.sample(sample, group: group, pass, shard: shard),
      inverseDeviations.sample(sample, group: group, pass, shard: shard)
    )
  }

  private func normalize(
    _ x: FloatBuffer, into y: MutableFloatBuffer,
    _ statistics: (mean: MutableFloatBuffer, inverseDeviation: MutableFloatBuffer), thread: Int
  ) {
    let sums = sums(0..<2, thread: thread)
    sums.update(repeating: 0)
    BatchNormalization.addStatistics(x, rows: rows, channels: columns, to: sums)
    foldColumns(sums)
    for cell in 0..<cells {
      let mean = sums[cell] / count
      let squares = max(0, sums[columns + cell] / count - mean * mean) * count
      statistics.mean[cell] = Float(mean)
      statistics.inverseDeviation[cell] =
        Float(1 / (squares / divisor + settings.epsilon).squareRoot())
    }
    let r = spread(FloatBuffer(statistics.inverseDeviation), into: vector(1, thread: thread))
    let weight = vector(2, thread: thread)
    Elementwise.multiply(scale, r, into: weight)
    BatchNormalization.normalize(
      x, rows: rows,
      mean: spread(FloatBuffer(statistics.mean), into: vector(0, thread: thread)),
      scale: FloatBuffer(weight), offset: offset, into: y)
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) {
    context.forEachShard { shard, thread in
      for group in pass.groups {
        for sample in 0..<pass.samples(inShard: shard) {
          self.backward(
            FloatBuffer(dy.sample(sample, group: group, pass, shard: shard)),
            input: FloatBuffer(x.sample(sample, group: group, pass, shard: shard)),
            into: pass.inputGroups.contains(group)
              ? dx?.sample(sample, group: group, pass, shard: shard) : nil,
            self.statistics(sample, group, pass, shard),
            isTrained: pass.parameterGroups.contains(group), shard: shard, thread: thread)
        }
      }
    }
  }

  private func backward(
    _ d: FloatBuffer, input x: FloatBuffer, into dx: MutableFloatBuffer?,
    _ statistics: (mean: MutableFloatBuffer, inverseDeviation: MutableFloatBuffer),
    isTrained: Bool, shard: Int, thread: Int
  ) {
    let mean = spread(FloatBuffer(statistics.mean), into: vector(0, thread: thread))
    let r = spread(FloatBuffer(statistics.inverseDeviation), into: vector(1, thread: thread))
    let sums = sums(0..<2, thread: thread)
    sums.update(repeating: 0)
    BatchNormalization.addProjectionSums(
      d, input: x, rows: rows, mean: mean, inverseDeviation: r, to: sums)
    if isTrained {
      add(self.sums(0..<1, thread: thread), to: beta, shard: shard)
      add(self.sums(1..<2, thread: thread), to: gamma, shard: shard)
    }
    guard let dx else { return }
    weight(sums)
    foldColumns(sums)
    let (weightD, weightNormal) = (vector(2, thread: thread), vector(3, thread: thread))
    let constant = vector(4, thread: thread)
    Elementwise.multiply(scale, r, into: weightD)
    for column in 0..<columns {
      let cell = cells == 1 ? 0 : column
      constant[column] = Float(-Double(r[column]) * sums[cell] / count)
      weightNormal[column] = Float(-Double(r[column]) * sums[columns + cell] / divisor)
    }
    BatchNormalization.combine(
      d, input: x, rows: rows, mean: mean, inverseDeviation: r, weightV: FloatBuffer(weightD),
      weightNormal: FloatBuffer(weightNormal), constant: FloatBuffer(constant), into: dx)
  }
}

extension UnsafeMutableBufferPointer<Float> {
  fileprivate static var empty: Self { Self(start: nil, count: 0) }
}

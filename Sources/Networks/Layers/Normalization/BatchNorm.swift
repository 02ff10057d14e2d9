import Base
import Collectives
import Kernels

/// Batch normalization (Ioffe and Szegedy 2015) over the whole batch: the statistics of a stat
/// group are those of its samples on all ranks, in every pass.
///
/// PyTorch's `BatchNorm2d` and `BatchNorm1d`. With `classes`, conditional batch norm (Dumoulin et
/// al. 2017, arXiv:1610.07629): statistics over all samples, scale and offset by a sample's class.
///
/// Letters as in `BatchNormalization`; m = samples x pixels of a group over all ranks, n = m, or
/// m - 1 with the unbiased variance, u = gamma d with each sample's own gamma.
/// - forward: y = gamma x^ + beta. One exchange: sum x, sum x^2.
/// - backward of d: dbeta = sum d, dgamma = sum d x^ over the samples of the class,
///   dx = r (u - mean(u) - x^ c), c = sum(x^ u) / n. One exchange: sum u, sum x^ u. With running
///   statistics, which do not depend on x, dx = r u and nothing is exchanged.
/// - doubleBackward: see `BatchNorm+DoubleBackward.swift`. One exchange: sum t, sum x^ t, sum u t.
///
/// `RectifiedBatchNorm` calls the same passes with the slope of a (leaky) ReLU behind the layer: y
/// is then the activation's output, d the gradient there and J t the direction there.
///
/// All groups of a pass are exchanged at once. Running statistics move once for each group, in the
/// groups' order: `running = (1 - momentum) running + momentum batch`.
package final class BatchNorm: Layer {
  /// What evaluation normalizes with.
  package enum EvaluationStatistics: String, Sendable, CaseIterable {
    /// The running mean and variance.
    case running
    /// The samples' own, as in training, with nothing kept (Gulrajani et al. 2017's generator).
    ///
    /// In a pass over this rank's own samples a stat group is what lies in one shard's place, so
    /// that a picture does not depend on the number of ranks.
    case batch
  }

  package struct Options: Sendable, Equatable {
    /// The small number in sqrt(variance + epsilon).
    package var epsilon = 1e-5
    /// The part of the new in running statistics, as in PyTorch (Keras's 0.8 is 0.2 here).
    package var momentum = 0.1
    /// The divisor of the variance that normalizes.
    package var variance = VarianceDivisor.biased
    /// The divisor of the running variance: unbiased in PyTorch, biased in Keras and Paddle.
    package var runningVariance = VarianceDivisor.unbiased
    package var evaluation = EvaluationStatistics.running

    package init() {}
  }

  package let inputShape: Shape
  package var outputShape: Shape { inputShape }
  package let traits: LayerTraits
  /// `channels` values, or classes x channels.
  package let gamma: Parameter
  package let beta: Parameter
  package let settings: Options
  package var epsilon: Double { settings.epsilon }
  /// The part of the new in running statistics: that of `settings`, but while somebody accumulates
  /// statistics for sampling.
  package var momentum: Double
  /// The number of classes, where scale and offset depend on the label; nil where they do not.
  package let classes: Int?
  package let runningMean: StateBuffer
  package let runningVariance: StateBuffer
  package let batchesTracked: StateBuffer

  let context: ExecutionContext
  let channels: Int
  private let maximumGroups: Int
  /// `channels` values a cell: a stat group, and behind those the groups of each shard, for passes
  /// over this rank's own samples.
  let mean: FloatStorage
  let inverseDeviation: FloatStorage
  /// Per group, from the last backward pass: mean u and c, and what dx is made of.
  let meanU: DoubleStorage
  let normalU: DoubleStorage
  private let weightNormal: FloatStorage
  private let constant: FloatStorage
  /// Per shard, group and class, from the last backward pass: sum d and sum d x^.
  private let classSums: DoubleStorage
  private var forwardSums: ShardSums?
  private var backwardSums: ShardSums?
  var secondOrder: SecondOrderState?

  /// Allocates scale, offset and running statistics.
  ///
  /// - Parameters:
  ///   - inputShape: Shape of a sample; statistics are a channel's.
  ///   - settings: Epsilon, momentum and the kinds of statistics.
  ///   - classes: Number of classes for conditional batch norm, which has a scale and an offset for
  ///     each; nil for one of both.
  ///   - maximumGroups: Number of stat groups of the largest pass.
  ///   - initialization: Gives the scale its first values, where `classes` is nil; otherwise 1.
  ///   - context: The ranks and threads that the passes run on.
  package init(
    inputShape: Shape, _ settings: Options, classes: Int? = nil, maximumGroups: Int,
    initialization: Initialization, context: ExecutionContext
  ) {
    self.inputShape = inputShape
    self.settings = settings
    momentum = settings.momentum
    self.classes = classes
    self.context = context
    self.maximumGroups = maximumGroups
    traits = LayerTraits(
      evaluatesInPlace: true, isCurved: true, couplesSamples: true, needsConditions: classes != nil)
    let channels = inputShape.channels
    self.channels = channels
    let shape = (classes.map { [$0] } ?? []) + [channels]
    gamma = Parameter(
      name: "weight", shape: shape,
      initializer: classes == nil ? initialization.normWeight : .constant(1), isWeight: false)
    beta = Parameter(
      name: "bias", shape: shape, initializer: .constant(0), isWeight: false)
    runningMean = StateBuffer(name: "running_mean", count: channels, value: 0)
    runningVariance = StateBuffer(name: "running_var", count: channels, value: 1)
    batchesTracked = StateBuffer(counter: "num_batches_tracked")
    let shards = context.plan.localShards
    let cells = maximumGroups * (settings.evaluation == .batch ? 1 + shards : 1)
    mean = FloatStorage(count: cells * channels)
    inverseDeviation = FloatStorage(count: cells * channels)
    meanU = DoubleStorage(count: maximumGroups * channels)
    normalU = DoubleStorage(count: maximumGroups * channels)
    weightNormal = FloatStorage(count: maximumGroups * channels)
    constant = FloatStorage(count: maximumGroups * channels)
    classSums = DoubleStorage(count: shards * maximumGroups * (classes ?? 1) * 2 * channels)
  }

  package var kind: String { classes == nil ? "batchNorm" : "conditionalBatchNorm" }
  package var options: [LayerOption] {
    let usual = Options()
    var found = [LayerOption("epsilon", settings.epsilon, default: usual.epsilon)]
    let momentum = LayerOption("momentum", settings.momentum, default: usual.momentum)
    guard let classes else {
      let divisor = LayerOption(
        "runningVariance", settings.runningVariance, default: usual.runningVariance)
      return found + [momentum, divisor]
    }
    found.append(LayerOption("statistics", settings.evaluation, default: .batch))
    found.append(LayerOption("variance", settings.variance, default: usual.variance))
    if settings.evaluation == .running { found.append(momentum) }
    found.append(.derived("classes", classes))
    return found
  }
  package var parameters: [Parameter] { [gamma, beta] }
  package var buffers: [StateBuffer] {
    switch (settings.evaluation, classes) {
    case (.batch, _): []
    case (.running, nil): [runningMean, runningVariance, batchesTracked]
    case (.running, _): [runningMean, runningVariance]
    }
  }

  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) {
    let sums = { (count: Int) in
      ShardSums(capacity: count, plan: context.plan, communicator: context.communicator)
    }
    forwardSums = sums(plan.groups * 2 * channels)
    backwardSums = sums(plan.groups * 2 * channels)
    if plan.secondOrderGroup != nil {
      secondOrder = SecondOrderState(
        sums: sums(3 * channels), channels: channels, classes: classes ?? 1,
        shards: context.plan.localShards)
    }
    context.reserveScratch(2 * channels)
  }

  /// The part of a per-cell vector that belongs to a cell.
  func of(_ cell: Int, _ vector: FloatStorage) -> FloatBuffer {
    FloatBuffer(start: vector.pointer + cell * channels, count: channels)
  }

  /// Samples x pixels of a shard's group.
  func rows(_ pass: Pass, _ shard: Int) -> Int {
    pass.samples(inShard: shard) * inputShape.pixels
  }

  /// m: samples x pixels of a group over all ranks.
  func groupCount(_ pass: Pass) -> Double { Double(pass.batch * inputShape.pixels) }

  /// Whether the statistics are those of each shard's samples alone.
  private func isPerShard(_ pass: Pass) -> Bool {
    guard case .local = pass.extent else { return false }
    return pass.mode == .evaluation && settings.evaluation == .batch
  }

  /// Whether mean and deviation are constants to x.
  private func usesRunningStatistics(_ pass: Pass) -> Bool {
    pass.mode == .evaluation && settings.evaluation == .running
  }

  private func cell(_ pass: Pass, _ shard: Int, _ group: Int) -> Int {
    isPerShard(pass) ? (1 + shard) * maximumGroups + group : group
  }

  /// Sums of d and of d x^ over a shard's samples, `2 * channels` values a class.
  func classSums(_ shard: Int, _ group: Int) -> UnsafeMutableBufferPointer<Double> {
    let count = (classes ?? 1) * 2 * channels
    return UnsafeMutableBufferPointer(
      start: classSums.pointer + (shard * maximumGroups + group) * count, count: count)
  }

  /// A class's part of `parameter`.
  func row(_ parameter: Parameter, _ label: Int) -> FloatBuffer {
    FloatBuffer(rebasing: parameter.values[label * channels..<(label + 1) * channels])
  }

  /// Calls `body(values, class)` for the parts of a shard's group that share scale and offset: the
  /// whole of it, or each sample.
  @inline(__always)
  func forEachBlock(
    _ pass: Pass, _ shard: Int, _ group: Int, _ body: (_ values: Range<Int>, _ label: Int) -> Void
  ) {
    let samples = pass.samples(inShard: shard)
    let size = inputShape.elementCount
    guard let classes else { return body(0..<samples * size, 0) }
    guard let labels = pass.conditions?.labels(pass, shard: shard, groups: group..<group + 1) else {
      preconditionFailure("conditionalBatchNorm in a pass without conditions")
    }
    for sample in 0..<samples {
      let label = Int(labels[sample])
      precondition(0..<classes ~= label, "label \(label) of \(classes) classes")
      body(sample * size..<(sample + 1) * size, label)
    }
  }

  /// Writes a class's gamma times `factor` into a thread's scratch, the first or the second place
  /// there.
  @inline(__always)
  func scaled(_ label: Int, by factor: FloatBuffer, thread: Int, place: Int = 0) -> FloatBuffer {
    let scratch = MutableFloatBuffer(
      rebasing: context.scratch(thread: thread)[place * channels..<(place + 1) * channels])
    Elementwise.multiply(row(gamma, label), factor, into: scratch)
    return FloatBuffer(scratch)
  }

  /// A (leaky) ReLU behind the layer for the samples of a class; nil without.
  ///
  /// - Parameters:
  ///   - slope: The factor on negative values; nil where no ReLU is behind the layer.
  ///   - label: The sample's class, which chooses the row of beta; 0 without classes.
  ///   - scale: gamma r, as `forward` has it.
  /// - Returns: The rectifier that tells the ReLU's side from the layer's input.
  @inline(__always)
  func rectifier(_ slope: Float?, _ label: Int, scale: FloatBuffer) -> Rectifier? {
    guard let slope else { return nil }
    return Rectifier(slope: slope, scale: scale, offset: row(beta, label))
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) throws {
    try forward(x, into: y, slope: nil, pass)
  }

  package func forward(_ x: Tensor, into y: Tensor, slope: Float?, _ pass: Pass) throws {
    if usesRunningStatistics(pass) {
      takeRunningStatistics(pass)
    } else {
      try takeBatchStatistics(x, pass)
    }
    context.forEachShard { shard, thread in
      for group in pass.groups {
        let cell = self.cell(pass, shard, group)
        let source = x.read(pass, shard: shard, groups: group..<group + 1)
        let target = y.values(pass, shard: shard, groups: group..<group + 1)
        self.forEachBlock(pass, shard, group) { block, label in
          let scale = self.scaled(label, by: self.of(cell, self.inverseDeviation), thread: thread)
          BatchNormalization.normalize(
            FloatBuffer(rebasing: source[block]), rows: block.count / self.channels,
            mean: self.of(cell, self.mean), scale: scale, offset: self.row(self.beta, label),
            rectifier: self.rectifier(slope, label, scale: scale),
            into: MutableFloatBuffer(rebasing: target[block]))
        }
      }
    }
  }

  private func takeBatchStatistics(_ x: Tensor, _ pass: Pass) throws {
    guard let forwardSums else { preconditionFailure("\(kind) is used before it is prepared") }
    let width = 2 * channels
    let first = pass.groups.lowerBound
    let isPerShard = isPerShard(pass)
    context.forEachShard { shard, _ in
      for group in pass.groups {
        let sums = forwardSums.shard(shard, from: (group - first) * width, count: width)
        sums.update(repeating: 0)
        BatchNormalization.addStatistics(
          x.read(pass, shard: shard, groups: group..<group + 1), rows: self.rows(pass, shard),
          channels: self.channels, to: sums)
        if isPerShard {
          self.setStatistics(
            UnsafeBufferPointer(sums), count: Double(self.rows(pass, shard)),
            cell: self.cell(pass, shard, group))
        }
      }
    }
    guard !isPerShard else { return }
    let total = try forwardSums.total(count: pass.groups.count * width)
    let m = groupCount(pass)
    for group in pass.groups {
      let at = (group - first) * width
      let sums = UnsafeBufferPointer(rebasing: total[at..<at + width])
      setStatistics(sums, count: m, cell: group)
      guard pass.mode == .training, settings.evaluation == .running else { continue }
      for c in 0..<channels {
        let (mean, squares) = Self.moments(sums[c], sums[channels + c], m)
        move(&runningMean.values.buffer[c], to: mean)
        move(
          &runningVariance.values.buffer[c],
          to: squares / settings.runningVariance.divisor(count: m))
      }
      batchesTracked.counter += 1
    }
  }

  /// The mean, and the sum of squares about it.
  @inline(__always)
  private static func moments(
    _ sum: Double, _ squares: Double, _ m: Double
  ) -> (mean: Double, squares: Double) {
    let mean = sum / m
    return (mean, max(0, squares / m - mean * mean) * m)
  }

  private func setStatistics(_ sums: UnsafeBufferPointer<Double>, count m: Double, cell: Int) {
    guard m > 0 else { return }
    let n = settings.variance.divisor(count: m)
    for c in 0..<channels {
      let (mean, squares) = Self.moments(sums[c], sums[channels + c], m)
      self.mean.buffer[cell * channels + c] = Float(mean)
      inverseDeviation.buffer[cell * channels + c] =
        Float(1 / (squares / n + settings.epsilon).squareRoot())
    }
  }

  private func move(_ running: inout Float, to batch: Double) {
    running = Float((1 - momentum) * Double(running) + momentum * batch)
  }

  private func takeRunningStatistics(_ pass: Pass) {
    for group in pass.groups {
      for c in 0..<channels {
        let index = group * channels + c
        mean.buffer[index] = runningMean.values.buffer[c]
        let variance = Double(runningVariance.values.buffer[c])
        inverseDeviation.buffer[index] = Float(1 / (variance + settings.epsilon).squareRoot())
      }
    }
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) throws {
    try backward(dy, input: x, slope: nil, into: dx, pass)
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, slope: Float?, into dx: Tensor?, _ pass: Pass
  ) throws {
    guard let backwardSums else { preconditionFailure("\(kind) is used before it is prepared") }
    precondition(!isPerShard(pass), "\(kind) has no backward pass over a rank's own samples")
    context.forEachShard { shard, thread in
      for group in pass.groups {
        self.addBackwardSums(
          dy, x, slope: slope, to: backwardSums, pass, shard: shard, group: group, thread: thread)
      }
    }
    if usesRunningStatistics(pass) {
      for index in pass.groups.lowerBound * channels..<pass.groups.upperBound * channels {
        constant.buffer[index] = 0
        weightNormal.buffer[index] = 0
      }
    } else {
      try takeBackwardMeans(of: backwardSums, pass)
    }
    guard let dx else { return }
    context.forEachShard { shard, thread in
      for group in pass.inputGroups {
        let groups = group..<group + 1
        let (d, x) = (
          dy.read(pass, shard: shard, groups: groups), x.read(pass, shard: shard, groups: groups)
        )
        let target = dx.values(pass, shard: shard, groups: groups)
        self.forEachBlock(pass, shard, group) { block, label in
          let r = self.of(group, self.inverseDeviation)
          let scale = self.scaled(label, by: r, thread: thread)
          BatchNormalization.combine(
            FloatBuffer(rebasing: d[block]), input: FloatBuffer(rebasing: x[block]),
            rows: block.count / self.channels, mean: self.of(group, self.mean),
            inverseDeviation: r, weightV: scale, weightNormal: self.of(group, self.weightNormal),
            constant: self.of(group, self.constant),
            rectifier: self.rectifier(slope, label, scale: scale),
            into: MutableFloatBuffer(rebasing: target[block]))
        }
      }
    }
  }

  private func takeBackwardMeans(of sums: ShardSums, _ pass: Pass) throws {
    let width = 2 * channels
    let total = try sums.total(count: pass.groups.upperBound * width)
    let m = groupCount(pass)
    let n = settings.variance.divisor(count: m)
    for group in pass.groups {
      for c in 0..<channels {
        let index = group * channels + c
        let r = Double(inverseDeviation.buffer[index])
        meanU.buffer[index] = total[group * width + c] / m
        normalU.buffer[index] = total[group * width + channels + c] / n
        constant.buffer[index] = Float(-r * meanU.buffer[index])
        weightNormal.buffer[index] = Float(-r * normalU.buffer[index])
      }
    }
  }

  /// Sums of one shard's group: by class for the parameters, weighted with gamma for the exchange.
  private func addBackwardSums(
    _ dy: Tensor, _ x: Tensor, slope: Float?, to exchanged: ShardSums, _ pass: Pass, shard: Int,
    group: Int, thread: Int
  ) {
    let width = 2 * channels
    let sums = classSums(shard, group)
    sums.update(repeating: 0)
    let d = dy.read(pass, shard: shard, groups: group..<group + 1)
    let x = x.read(pass, shard: shard, groups: group..<group + 1)
    forEachBlock(pass, shard, group) { block, label in
      let r = self.of(group, self.inverseDeviation)
      BatchNormalization.addProjectionSums(
        FloatBuffer(rebasing: d[block]), input: FloatBuffer(rebasing: x[block]),
        rows: block.count / self.channels, mean: self.of(group, self.mean), inverseDeviation: r,
        rectifier: self.rectifier(
          slope, label, scale: self.scaled(label, by: r, thread: thread)),
        to: UnsafeMutableBufferPointer(rebasing: sums[label * width..<(label + 1) * width]))
    }
    let total = exchanged.shard(shard, from: group * width, count: width)
    total.update(repeating: 0)
    let isTrained = pass.parameterGroups.contains(group)
    let (betas, gammas) = (beta.partial(shard: shard), gamma.partial(shard: shard))
    let weights = gamma.values
    for label in 0..<(classes ?? 1) {
      for c in 0..<channels {
        let (sum, product) = (sums[label * width + c], sums[label * width + channels + c])
        let gamma = Double(weights[label * channels + c])
        total[c] += gamma * sum
        total[channels + c] += gamma * product
        guard isTrained else { continue }
        betas[label * channels + c] += Float(sum)
        gammas[label * channels + c] += Float(product)
      }
    }
  }
}

import Base
import Kernels

/// Appends numbers of the sample's condition to its channels, or what small layers make of them:
/// channels x height x width become (channels + n) x height x width, the added channels being
/// constant over the pixels.
///
/// With e = h(c), h the layers inside (or e = c), y = [x, e]. dx = the input's part of dy, and h
/// gets de, the sum of the other part over the pixels. J t = [t, 0]: a direction in x-space does
/// not move the condition. Not curved, and <dx, t> does not depend on h; what later layers' shares
/// say of e reaches h by `backward`, as every share does.
///
/// Conditional GANs: Mirza and Osindero 2014, arXiv:1411.1784.
package final class ConditionConcat: Layer {
  package let kind = "conditionConcat"
  package var inputShape: Shape { appended.inputShape }
  package let outputShape: Shape
  /// The numbers of the condition that are taken, in this order.
  private let numbers: [Int]
  /// How many numbers a condition has.
  private let count: Int
  /// h; nil for the numbers as they are.
  private let inner: Sequential?
  private let appended: AppendedChannels
  private var added: Int { appended.count }
  private let context: ExecutionContext
  private var memory: Memory?

  /// What `prepare` makes: the layers' input and output, and de.
  private struct Memory {
    let input: Tensor
    let output: Tensor
    let gradient: Tensor
  }

  /// - Parameters:
  ///   - inputShape: Shape of a sample.
  ///   - count: How many numbers a condition has.
  ///   - numbers: Those that are taken, from 0.
  ///   - inner: Layers that take a vector of these numbers and give one; nil for none.
  ///   - context: The ranks and threads that the passes run on.
  package init(
    inputShape: Shape, count: Int, numbers: [Int], inner: Sequential?, context: ExecutionContext
  ) {
    precondition(
      !numbers.isEmpty && numbers.allSatisfy { (0..<count).contains($0) },
      "numbers \(numbers) of \(count)")
    precondition(
      inner.map { $0.inputShape == Shape(channels: numbers.count) && $0.outputShape.pixels == 1 }
        ?? true, "layers of another shape than \(numbers.count) numbers")
    self.numbers = numbers
    self.count = count
    self.inner = inner
    self.context = context
    appended = AppendedChannels(
      inputShape: inputShape, count: inner?.outputShape.channels ?? numbers.count,
      context: context)
    outputShape = appended.outputShape
  }

  package var traits: LayerTraits {
    LayerTraits(
      couplesSamples: inner?.traits.couplesSamples ?? false, needsConditions: true,
      isAffine: inner == nil)
  }

  package var options: [LayerOption] {
    [
      LayerOption("numbers", .integers(numbers), default: .integers(Array(0..<count))),
      .derived("added", added),
    ]
  }

  package var children: [(path: String, layer: any Layer)] { inner?.children ?? [] }
  package var childNames: [String?] { inner?.childNames ?? [] }

  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) throws {
    let tensor = { (shape: Shape, shared: SharedMemory) in
      Tensor(
        shape: shape, shards: context.plan.localShards, shardCapacity: plan.shardCapacity,
        in: shared)
    }
    memory = Memory(
      input: tensor(Shape(channels: numbers.count), context.valueMemory),
      output: tensor(Shape(channels: inner == nil ? 0 : added), context.valueMemory),
      gradient: tensor(
        Shape(channels: inner == nil || plan.isForwardOnly ? 0 : added), context.gradientMemory))
    // No direction goes through the condition.
    var plan = plan
    plan.secondOrderGroup = nil
    try inner?.prepare(plan, in: context)
  }

  private var prepared: Memory {
    guard let memory else { preconditionFailure("\(kind) is used before it is prepared") }
    return memory
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) throws {
    let memory = prepared
    copyNumbers(to: memory.input, pass)
    try inner?.forward(memory.input, into: memory.output, pass)
    let rows = inner == nil ? memory.input : memory.output
    appended.append(to: x, into: y, pass) { shard, sample, _ in
      let values = rows.read(pass, shard: shard)
      return FloatBuffer(rebasing: values[sample * self.added..<(sample + 1) * self.added])
    }
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) throws {
    if let inner, !pass.parameterGroups.isEmpty {
      let memory = prepared
      let pixels = inputShape.pixels
      let size = outputShape.elementCount
      context.forEachShard { shard, _ in
        let gradient = dy.read(pass, shard: shard)
        let target = memory.gradient.values(pass, shard: shard)
        target.update(repeating: 0)
        for sample in 0..<pass.groups.count * pass.samples(inShard: shard) {
          Rearrangement.addLastColumnSums(
            FloatBuffer(rebasing: gradient[sample * size..<(sample + 1) * size]), rows: pixels,
            to: MutableFloatBuffer(
              rebasing: target[sample * self.added..<(sample + 1) * self.added]))
        }
      }
      // Nobody but this layer knows which of its passes is the last one that h sees.
      try inner.backward(
        memory.gradient, input: memory.input, output: memory.output, into: nil,
        pass.with(lastContribution: nil))
    }
    if let dx { appended.drop(from: dy, into: dx, pass) }
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    if let jt { appended.append(to: t, into: jt, pass) { _, _, _ in nil } }
  }

  private func copyNumbers(to input: Tensor, _ pass: Pass) {
    guard let conditions = pass.conditions, conditions.shape.numbers == count else {
      preconditionFailure("\(kind) of \(count) numbers in a pass that has not as many")
    }
    context.forEachShard { shard, _ in
      let source = conditions.numbers(pass, shard: shard)
      let target = input.values(pass, shard: shard)
      for sample in 0..<pass.groups.count * pass.samples(inShard: shard) {
        for (index, number) in self.numbers.enumerated() {
          target[sample * self.numbers.count + index] = source[sample * self.count + number]
        }
      }
    }
  }
}

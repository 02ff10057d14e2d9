import Base
import Kernels

/// A layer whose products follow a `ConvolutionPlan`.
package protocol PlannedConvolution: Layer {
  var plan: ConvolutionPlan { get }
}

extension PlannedConvolution {
  package var algorithm: String? { plan.description }
}

/// The filter of a convolution layer, with what the products take transformed.
///
/// A filter is transformed once after each change of the parameter, and then serves every pass.
/// What one of the products takes is that transposed. A critic with a gradient penalty reads it
/// twice, and keeps it where it is not large; otherwise it is made in memory that the layers share,
/// and made anew where another layer has used that since. Where there are only forward passes, only
/// what they read is kept.
final class ConvolutionWeight {
  /// The products that read the filter.
  enum Product {
    case forward
    case inputGradient
  }

  let parameter: Parameter
  private let plan: ConvolutionPlan
  private var transformed = FloatStorage(count: 0)
  /// The version of the parameter that `transformed` is made from, and (`transposedVersion`) the
  /// transposed filter.
  private var version: Int?
  private var transposedVersion: Int?
  /// Nil where the transposed filter is in the shared memory.
  private var kept: FloatStorage?
  /// Whether the transformed filter itself is not kept, as no pass reads it.
  private var isTransposedOnly = false

  /// The most values of a transposed filter that is kept: 8 MiB.
  private static let mostKept = 2 * 1024 * 1024

  init(_ parameter: Parameter, plan: ConvolutionPlan) {
    self.parameter = parameter
    self.plan = plan
  }

  /// Reserves what passes need of the context's memory.
  func prepare(_ memory: MemoryPlan, in context: ExecutionContext) {
    context.reserveScratch(plan.scratchCount)
    isTransposedOnly = memory.isForwardOnly && plan.readsTransposed(forForward: true)
    if isTransposedOnly {
      context.reserveSharedScratch(plan.transformedCount)
      kept = FloatStorage(count: plan.transposedCount)
      return
    }
    transformed = FloatStorage(count: plan.transformedCount)
    if memory.secondOrderGroup != nil, plan.transposedCount <= Self.mostKept {
      kept = FloatStorage(count: plan.transposedCount)
    } else {
      context.reserveSharedScratch(plan.transposedCount)
    }
  }

  /// The filter as it is now.
  ///
  /// Call it before a pass divides into shards: the threads share its work.
  ///
  /// - Parameters:
  ///   - product: The product that will read the filter before another layer's pass; nil for none.
  ///   - context: The threads that transform the filter, with their scratch.
  /// - Returns: The filter in the form that the plan's products read; valid until another layer
  ///   claims the shared scratch.
  func filter(for product: Product?, _ context: ExecutionContext) -> ConvolutionFilter {
    if isTransposedOnly { return transposedFilter(context) }
    let threads = context.pool.threads
    if version != parameter.version { transform(into: transformed.buffer, context) }
    var transposed = FloatBuffer(start: nil, count: 0)
    if let product, plan.readsTransposed(forForward: product == .forward) {
      let (target, isThere) =
        kept.map { ($0.buffer, true) } ?? context.claimSharedScratch(for: self)
      if !isThere || transposedVersion != version {
        context.pool.forEach(threads) { part, _ in
          self.plan.transpose(
            FloatBuffer(self.transformed.buffer), into: target, part: part, of: threads)
        }
        transposedVersion = version
      }
      transposed = FloatBuffer(target)
    }
    return ConvolutionFilter(
      transformed: FloatBuffer(transformed.buffer), transposed: transposed)
  }

  /// Transforms the filter as it is now.
  private func transform(into transformed: MutableFloatBuffer, _ context: ExecutionContext) {
    let values = parameter.effectiveValues
    let threads = context.pool.threads
    let channels = plan.geometry.outputChannels
    context.pool.forEach(threads) { part, thread in
      self.plan.transform(
        values, into: transformed,
        channels: part * channels / threads..<(part + 1) * channels / threads,
        scratch: context.scratch(thread: thread))
    }
    version = parameter.version
  }

  /// The filter of forward passes alone: transposed once after each change of the parameter.
  private func transposedFilter(_ context: ExecutionContext) -> ConvolutionFilter {
    guard let kept else { preconditionFailure("a convolution before it is prepared") }
    if version != parameter.version {
      let transformed = MutableFloatBuffer(
        rebasing: context.claimSharedScratch(for: self).values[..<plan.transformedCount])
      // As in new memory: padding that a transform leaves out is 0.
      transformed.update(repeating: 0)
      transform(into: transformed, context)
      plan.transpose(FloatBuffer(transformed), into: kept.buffer)
    }
    return ConvolutionFilter(
      transformed: FloatBuffer(start: nil, count: 0), transposed: FloatBuffer(kept.buffer))
  }
}

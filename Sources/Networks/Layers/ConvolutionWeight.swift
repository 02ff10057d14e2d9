import Kernels

/// A layer whose products follow a `ConvolutionPlan`.
package protocol PlannedConvolution: Layer {
  var plan: ConvolutionPlan { get }
}

/// The filter of a convolution layer, with what the products take transformed.
///
/// A filter is transformed once after each change of the parameter, and then serves every pass. What
/// one of the products takes is that transposed: too large to keep for every layer, it is made anew for
/// a pass, in memory that the layers share.
final class ConvolutionWeight {
  /// The products that read the filter.
  enum Product {
    case forward
    case inputGradient
  }

  let parameter: Parameter
  private let plan: ConvolutionPlan
  private let transformed: FloatStorage
  private var version: Int?

  init(_ parameter: Parameter, plan: ConvolutionPlan) {
    self.parameter = parameter
    self.plan = plan
    transformed = FloatStorage(count: plan.transformedCount)
  }

  /// Reserves what passes need of the context's memory.
  func prepare(in context: ExecutionContext) {
    context.reserveScratch(plan.scratchCount)
    context.reserveSharedScratch(plan.transposedCount)
  }

  /// The filter as it is now.
  ///
  /// To be called before a pass divides into shards: the threads share its work.
  ///
  /// `product`: What of `ConvolutionPlan` will be called with it before another layer's pass, nil
  /// for nothing.
  func filter(for product: Product?, _ context: ExecutionContext) -> ConvolutionFilter {
    let values = parameter.effectiveValues
    let shared = context.sharedScratch
    let threads = context.pool.threads
    if version != parameter.version {
      let channels = plan.geometry.outputChannels
      context.pool.forEach(threads) { part, thread in
        self.plan.transform(
          values, into: self.transformed.buffer,
          channels: part * channels / threads..<(part + 1) * channels / threads,
          scratch: context.scratch(thread: thread))
      }
      version = parameter.version
    }
    if let product, plan.readsTransposed(forForward: product == .forward) {
      context.pool.forEach(threads) { part, _ in
        self.plan.transpose(
          FloatBuffer(self.transformed.buffer), into: shared, part: part, of: threads)
      }
    }
    return ConvolutionFilter(
      transformed: FloatBuffer(transformed.buffer), transposed: FloatBuffer(shared))
  }
}

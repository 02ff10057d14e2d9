import Kernels

/// A linear layer's weight as the products take it.
///
/// x W^T takes W transposed in panels, made once after each change of the parameter. dy W takes W as it
/// is, or in panels where its rows are not whole panels or there are samples enough to pay for it.
final class LinearFactors {
  private let parameter: Parameter
  private let inputs: Int
  private let outputs: Int
  private let transposed: FloatStorage
  private var packed: FloatStorage?
  /// Of the parameter that `transposed` and `packed` are made from.
  private var transposedVersion: Int?
  private var packedVersion: Int?

  init(_ parameter: Parameter, inputs: Int, outputs: Int) {
    self.parameter = parameter
    self.inputs = inputs
    self.outputs = outputs
    let geometry = ConvolutionGeometry(inputs: inputs, outputs: outputs)
    transposed = FloatStorage(count: Convolution.transposedCount(geometry))
    packed =
      inputs % 16 == 0 ? nil : FloatStorage(count: Convolution.packedCount(geometry))
  }

  /// Samples from which on W is packed: products read panels some 14 % faster than rows, and to pack W
  /// takes as long as 80 samples' product.
  private static let fewestPackedSamples = 256

  /// - `samples`: Of the largest batch on this rank.
  func prepare(samples: Int) {
    guard packed == nil, samples >= Self.fewestPackedSamples else { return }
    packed = FloatStorage(
      count: Convolution.packedCount(ConvolutionGeometry(inputs: inputs, outputs: outputs)))
  }

  /// W^T, inputs x outputs.
  ///
  /// To be called before a pass divides into shards: the threads share its work.
  func transposedWeight(_ context: ExecutionContext) -> MatrixProduct.Factor {
    if transposedVersion != parameter.version {
      let threads = context.pool.threads
      context.pool.forEach(threads) { part, _ in
        MatrixProduct.transpose(
          self.parameter.effectiveValues, rows: self.outputs, columns: self.inputs,
          into: self.transposed.buffer, part: part, of: threads)
      }
      transposedVersion = parameter.version
    }
    return .panels(FloatBuffer(transposed.buffer))
  }

  /// W, outputs x inputs.
  func weight(_ context: ExecutionContext) -> MatrixProduct.Factor {
    guard let packed else { return .matrix(parameter.effectiveValues) }
    if packedVersion != parameter.version {
      let geometry = ConvolutionGeometry(inputs: inputs, outputs: outputs)
      let threads = context.pool.threads
      context.pool.forEach(threads) { part, _ in
        Convolution.packFilter(
          geometry, self.parameter.effectiveValues, into: packed.buffer,
          channels: part * self.outputs / threads..<(part + 1) * self.outputs / threads)
      }
      packedVersion = parameter.version
    }
    return .panels(FloatBuffer(packed.buffer))
  }
}

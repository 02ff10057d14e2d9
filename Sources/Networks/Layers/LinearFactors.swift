import Kernels

/// A linear layer's weight as the products take it.
///
/// x W^T takes W transposed in panels, made once after each change of the parameter. dy W takes W as it
/// is, or in panels where its rows are not whole panels.
final class LinearFactors {
  private let parameter: Parameter
  private let inputs: Int
  private let outputs: Int
  private let transposed: FloatStorage
  private let packed: FloatStorage?
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
      Convolution.packFilter(
        ConvolutionGeometry(inputs: inputs, outputs: outputs), parameter.effectiveValues,
        into: packed.buffer, channels: 0..<outputs)
      packedVersion = parameter.version
    }
    return .panels(FloatBuffer(packed.buffer))
  }
}

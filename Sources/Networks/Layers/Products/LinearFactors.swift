import Base
import Kernels

/// A linear layer's weight as the products take it.
///
/// x W^T takes W transposed in panels, made once after each change of the parameter. dy W takes W
/// as it is, or in panels where its rows are not whole panels.
final class LinearFactors {
  private let parameter: Parameter
  private let inputs: Int
  private let outputs: Int
  private var transposed: SharedMemory.Place?
  private var packed: SharedMemory.Place?
  /// What `transposed` and `packed` are made from.
  private var transposedVersion: Version?
  private var packedVersion: Version?

  private struct Version: Equatable {
    let parameter: Int
    let memory: Int
  }

  init(_ parameter: Parameter, inputs: Int, outputs: Int) {
    self.parameter = parameter
    self.inputs = inputs
    self.outputs = outputs
  }

  /// Reserves memory for what it makes of W.
  func prepare(in memory: SharedMemory, isForwardOnly: Bool = false) {
    let geometry = ConvolutionGeometry(inputs: inputs, outputs: outputs)
    transposed = memory.reserve(Convolution.transposedCount(geometry))
    packed =
      isForwardOnly || inputs % 16 == 0 ? nil : memory.reserve(Convolution.packedCount(geometry))
  }

  /// W^T, inputs x outputs.
  ///
  /// Call it before a pass divides into shards: the threads share its work.
  func transposedWeight(_ context: ExecutionContext) -> MatrixProduct.Factor {
    guard let transposed else { preconditionFailure("a linear layer before it is prepared") }
    let version = Version(parameter: parameter.version, memory: transposed.generation)
    if transposedVersion != version {
      let threads = context.pool.threads
      context.pool.forEach(threads) { part, _ in
        MatrixProduct.transpose(
          self.parameter.effectiveValues, rows: self.outputs, columns: self.inputs,
          into: transposed.buffer, part: part, of: threads)
      }
      transposedVersion = version
    }
    return .panels(FloatBuffer(transposed.buffer))
  }

  /// W, outputs x inputs.
  func weight(_ context: ExecutionContext) -> MatrixProduct.Factor {
    guard let packed else { return .matrix(parameter.effectiveValues) }
    let version = Version(parameter: parameter.version, memory: packed.generation)
    if packedVersion != version {
      let geometry = ConvolutionGeometry(inputs: inputs, outputs: outputs)
      let threads = context.pool.threads
      context.pool.forEach(threads) { part, _ in
        Convolution.packFilter(
          geometry, self.parameter.effectiveValues, into: packed.buffer,
          channels: part * self.outputs / threads..<(part + 1) * self.outputs / threads)
      }
      packedVersion = version
    }
    return .panels(FloatBuffer(packed.buffer))
  }
}

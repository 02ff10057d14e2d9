import Base
import Collectives
import Datasets
import Networks

/// What the noise z is drawn from.
package enum NoiseDistribution: String, Sendable, CaseIterable {
  /// N(0, 1).
  case normal
  /// Uniform in [-1, 1).
  case uniform

  /// Overwrites `output` with the noise of a sample.
  package func fill(_ output: MutableFloatBuffer, sample: Int, of stream: RandomStream) {
    switch self {
    case .normal: stream.normals(sample: sample, into: output)
    case .uniform:
      stream.uniforms(sample: sample, into: output)
      for index in output.indices { output[index] = 2 * output[index] - 1 }
    }
  }
}

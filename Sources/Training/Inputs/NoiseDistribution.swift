import Base
import Collectives
import Configuration
import Datasets
import Networks

/// What the noise z is drawn from.
package enum NoiseDistribution: Sendable, Equatable {
  /// N(mean, deviation^2).
  case normal(mean: Float, deviation: Float)
  /// Uniform in [-1, 1).
  case uniform

  /// N(0, 1).
  package static let standard = NoiseDistribution.normal(mean: 0, deviation: 1)

  /// Reads `generator.noise`: a word, or `{normal: {mean: 0.5, deviation: 0.5}}`.
  init(_ section: ConfigurationReader) throws {
    let item = try section.item("noise", default: "normal")
    switch item.name {
    case "normal":
      let mean = try item.options.optionalNumber("mean", in: -1e6...1e6)
      let deviation = try item.options.optionalNumber("deviation", in: 0...1e6, above: 0)
      self = .normal(mean: Float(mean ?? 0), deviation: Float(deviation ?? 1))
    case "uniform": self = .uniform
    default: throw item.unknownName(known: ["normal", "uniform"])
    }
    try item.options.finish()
  }

  /// Overwrites `output` with the noise of a sample.
  package func fill(_ output: MutableFloatBuffer, sample: Int, of stream: RandomStream) {
    switch self {
    case .normal(let mean, let deviation):
      stream.normals(sample: sample, into: output)
      guard self != .standard else { return }
      for index in output.indices { output[index] = mean + deviation * output[index] }
    case .uniform:
      stream.uniforms(sample: sample, into: output)
      for index in output.indices { output[index] = 2 * output[index] - 1 }
    }
  }
}

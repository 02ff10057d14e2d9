import Kernels
import Networks
import Storage

/// Inputs of recorded steps: keys `iter.I.critic.K.real|noise|alpha` and `iter.I.generator.noise`.
final class RecordedInputs: StepInputs {
  private let file: SafetensorsFile
  private let shape: Shape
  private var reals: [Float] = []
  private var noise: [Float] = []
  private var weights: [Float] = []

  init(_ file: SafetensorsFile, shape: Shape) {
    self.file = file
    self.shape = shape
  }

  func beginCriticStep(_ step: Int, ofIteration iteration: Int) throws -> Int {
    let prefix = "iter.\(iteration).critic.\(step)."
    reals = try file.floats(prefix + "real")
    noise = try file.floats(prefix + "noise")
    weights = file.contains(prefix + "alpha") ? try file.floats(prefix + "alpha") : []
    let found = try file.entry(prefix + "real").shape
    guard let batch = found.first, found.dropFirst().reduce(1, *) == shape.elementCount else {
      throw TrainingError(
        "\(file.path): \(prefix)real: samples of \(found.dropFirst()), expected \(shape)")
    }
    return batch
  }

  func beginGeneratorStep(ofIteration iteration: Int) throws -> Int {
    let key = "iter.\(iteration).generator.noise"
    noise = try file.floats(key)
    return try file.entry(key).shape.first ?? 0
  }

  /// Recorded images are channels, height, width.
  func fillReal(_ sample: Int, _ output: MutableFloatBuffer) {
    let first = sample * shape.elementCount
    for pixel in 0..<shape.pixels {
      for channel in 0..<shape.channels {
        output[pixel * shape.channels + channel] = reals[first + channel * shape.pixels + pixel]
      }
    }
  }

  func fillNoise(_ sample: Int, _ output: MutableFloatBuffer) {
    for index in 0..<output.count { output[index] = noise[sample * output.count + index] }
  }

  func interpolationWeight(_ sample: Int) -> Float { weights[sample] }
}

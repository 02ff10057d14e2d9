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

  private let latent: Int
  private let hasPenalty: Bool
  private let mostSamples: Int

  /// `mostSamples`: The batch that the networks' memory was planned for.
  init(
    _ file: SafetensorsFile, shape: Shape, latent: Int, hasPenalty: Bool, mostSamples: Int
  ) {
    self.file = file
    self.shape = shape
    self.latent = latent
    self.hasPenalty = hasPenalty
    self.mostSamples = mostSamples
  }

  /// Refuses a recorded tensor of another size than the configuration's networks take.
  private func check(_ key: String, count: Int, expected: Int, of what: String) throws {
    guard count == expected else {
      throw TrainingError(
        "\(file.path): \(key) has \(count) values, expected \(expected) (\(what))")
    }
  }

  private func check(batch: Int, _ key: String) throws {
    guard (1...mostSamples).contains(batch) else {
      throw TrainingError(
        "\(file.path): \(key) has \(batch) samples, but training.batch is \(mostSamples)")
    }
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
    try check(batch: batch, prefix + "real")
    try check(prefix + "noise", count: noise.count, expected: batch * latent, of: "batch x latent")
    if hasPenalty {
      try check(prefix + "alpha", count: weights.count, expected: batch, of: "one a sample")
    }
    return batch
  }

  func beginGeneratorStep(ofIteration iteration: Int) throws -> Int {
    let key = "iter.\(iteration).generator.noise"
    noise = try file.floats(key)
    let batch = try file.entry(key).shape.first ?? 0
    try check(batch: batch, key)
    try check(key, count: noise.count, expected: batch * latent, of: "batch x latent")
    return batch
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

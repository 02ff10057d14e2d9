import Base
import Networks
import Storage
import Training

/// Inputs of recorded steps: keys `iter.I.critic.K.real|noise|alpha|labels` and
/// `iter.I.generator.noise|labels`.
final class RecordedInputs: StepInputs {
  private let file: SafetensorsFile
  private let shape: Shape
  private var reals: [Float] = []
  private var noise: [Float] = []
  private var weights: [Float] = []

  private let latent: Int
  private var labels: [Int] = []
  private let hasPenalty: Bool
  private let model: Model

  init(_ file: SafetensorsFile, model: Model) {
    self.file = file
    self.model = model
    shape = model.critic.inputShape
    latent = model.latent
    hasPenalty = model.objective.penalty != nil
  }

  /// Refuses a recorded tensor of another size than the configuration's networks take.
  private func check(_ key: String, count: Int, expected: Int, of what: String) throws {
    guard count == expected else {
      throw TrainingError(
        "\(file.path): \(key) has \(count) values, expected \(expected) (\(what))")
    }
  }

  private func check(batch: Int, _ key: String, most: Int) throws {
    guard (1...most).contains(batch) else {
      throw TrainingError(
        "\(file.path): \(key) has \(batch) samples, but the networks are planned for \(most): "
          + "training.batch, for a generator step times training.generatorBatchFactor")
    }
  }

  private func readLabels(_ key: String, batch: Int) throws {
    guard model.classes > 0 else { return }
    labels = try file.integers(key)
    try check(key, count: labels.count, expected: batch, of: "one a sample")
    guard labels.allSatisfy({ (0..<model.classes).contains($0) }) else {
      throw TrainingError("\(file.path): \(key): expected classes below \(model.classes)")
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
    try check(batch: batch, prefix + "real", most: model.batch)
    try readLabels(prefix + "labels", batch: batch)
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
    try check(batch: batch, key, most: model.generatorBatch)
    try readLabels("iter.\(iteration).generator.labels", batch: batch)
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

  func label(_ sample: Int) -> Int { labels[sample] }

  /// Recordings have no smoothed targets.
  func smoothing(_ sample: Int) -> Float { 0 }
}

import Base
import Networks
import Storage
import Training

/// Replays a recorded run from its own parameters, data, noise and interpolation weights, and
/// compares every expected tensor.
///
/// A recording is a safetensors file; names are a `Sequential`'s indices without a prefix, layouts
/// PyTorch's:
///
///     init.generator.NAME, init.critic.NAME      parameters and buffers before the first step
///     iter.I.critic.K.real|noise|alpha, iter.I.generator.noise          inputs
///     iter.I.critic.K.loss|wasserstein|penalty, iter.I.generator.loss   expected
///     iter.I.critic.K.grad.NAME, iter.I.generator.grad.NAME             expected gradients
///     final.generator.NAME, final.critic.NAME    parameters and buffers after the last step
///     float32.error.KEY                          what PyTorch's own float32 missed KEY by
///
/// Error = max |got - expected| / scale; scale is the largest magnitude of the tensor, for a
/// gradient that of all gradients of its step (a bias in front of batch norm has gradient 0: only
/// noise).
package struct RecordingReplay {
  /// One expected tensor.
  package struct Finding: Sendable, Equatable {
    package var key: String
    package var error: Double
    package var pytorchError: Double
    package var tolerance: Double
    package var passes: Bool { error <= tolerance }
  }

  private let file: SafetensorsFile
  private let trainer: Trainer
  private let floor: Double
  package private(set) var findings: [Finding] = []
  private var seen: Set<String> = []

  /// What a recording says of the run it came from, for the configuration: width, batch, critic
  /// steps.
  package static func settings(of file: SafetensorsFile) -> [(keyPath: String, value: String)] {
    let names = [
      ("width", "width"), ("batch", "training.batch"), ("critic_steps", "training.criticSteps"),
    ]
    return names.compactMap { name, keyPath in
      file.metadata[name].map { (keyPath, $0) }
    }
  }

  package init(_ file: SafetensorsFile, trainer: Trainer) {
    self.file = file
    self.trainer = trainer
    // Batch norm's second derivative divides by the deviation three times: there rounding shows
    // more.
    floor = trainer.model.critic.couplesSamples ? 1e-4 : 1e-5
  }

  /// Replays all iterations.
  ///
  /// - Throws: Where the recording does not fit the networks.
  package mutating func run(criticSteps: Int) throws {
    let model = trainer.model
    if model.objective.loss.hasSeparateUpdates {
      throw TrainingError(
        "verify: expected objective.criticUpdates: joint, found separate: recordings have one "
          + "gradient a critic step")
    }
    for network in [model.generator, model.critic] { try load(network) }
    let inputs = RecordedInputs(file, model: model)
    let iterations = (0...).first { !file.contains("iter.\($0).generator.noise") } ?? 0
    guard iterations > 0 else {
      throw TrainingError(
        "\(file.path): expected a recorded run (iter.0.generator.noise), found none")
    }
    for iteration in 0..<iterations {
      for step in 0..<criticSteps {
        _ = try trainer.criticStep(step, ofIteration: iteration, inputs) { losses in
          let prefix = "iter.\(iteration).critic.\(step)."
          try compare(prefix + "loss", [losses.loss])
          try compareIfExpected(prefix + "wasserstein", [losses.wasserstein])
          try compareIfExpected(prefix + "penalty", [losses.penalty])
          try compareGradients(of: model.critic, prefix: prefix)
        }
      }
      _ = try trainer.generatorStep(ofIteration: iteration, inputs) { losses in
        let prefix = "iter.\(iteration).generator."
        try compare(prefix + "loss", [losses.loss])
        try compareGradients(of: model.generator, prefix: prefix)
      }
    }
    for network in [model.generator, model.critic] { try compareState(of: network) }
    let unseen = file.names.filter { isExpected($0) && !seen.contains($0) }
    guard unseen.isEmpty else {
      throw TrainingError(
        "\(file.path): \(unseen.count) expected tensors were not computed, the first is "
          + "\(unseen[0]); the recording has other steps than training.criticSteps = "
          + "\(criticSteps), or another network"
      )
    }
  }

  private func isExpected(_ key: String) -> Bool {
    file.contains("float32.error." + key) || key.hasPrefix("final.")
  }

  // MARK: - Parameters

  /// A tensor's name in the recording: without the configuration's prefix.
  private func bare(_ name: String, _ network: Network) -> String {
    String(name.dropFirst(network.namePrefix.count))
  }

  private func load(_ network: Network) throws {
    do {
      try network.load(file) { "init.\(network.name).\(bare($0, network))" }
    } catch let error as TrainingError {
      throw TrainingError(error.message + "; set the recording's width, for example width=8")
    }
  }

  // MARK: - Comparisons

  private mutating func compareGradients(of network: Network, prefix: String) throws {
    try network.arena.completeGradient()
    let keys = network.namedParameters.map { prefix + "grad." + bare($0.name, network) }
    let scale = try keys.reduce(0.0) { max($0, Self.magnitude(try file.floats($1))) }
    for (key, (_, parameter)) in zip(keys, network.namedParameters) {
      try compare(key, Self.inPyTorchOrder(parameter, parameter.gradient), scale: scale)
    }
  }

  private mutating func compareState(of network: Network) throws {
    for (name, tensor) in network.stateTensors {
      let key = "final.\(network.name).\(bare(name, network))"
      switch tensor {
      case .parameter(let parameter):
        try compare(key, Self.inPyTorchOrder(parameter, parameter.values))
      case .buffer(let buffer) where buffer.kind == .counter:
        let expected = try file.integers(key).first ?? 0
        seen.insert(key)
        findings.append(
          Finding(
            key: key, error: Double(abs(buffer.counter - expected)), pytorchError: 0, tolerance: 0))
      case .buffer(let buffer):
        try compare(key, buffer.values.buffer.map(Double.init))
      }
    }
  }

  private mutating func compareIfExpected(_ key: String, _ found: [Double]) throws {
    if file.contains(key) { try compare(key, found) }
  }

  private mutating func compare(_ key: String, _ found: [Double], scale: Double? = nil) throws {
    let expected = try file.floats(key)
    guard expected.count == found.count else {
      throw TrainingError(
        "\(file.path): \(key) has \(expected.count) values, expected \(found.count)")
    }
    let scale = max(scale ?? Self.magnitude(expected), 1e-30)
    var error = 0.0
    for (found, expected) in zip(found, expected) {
      let difference = abs(found - Double(expected)) / scale
      // A NaN must not get lost in max.
      error = difference.isNaN ? .infinity : max(error, difference)
    }
    let recorded = "float32.error." + key
    let pytorch = file.contains(recorded) ? Double(try file.floats(recorded).first ?? 0) : 0
    seen.insert(key)
    findings.append(
      Finding(
        key: key, error: error, pytorchError: pytorch, tolerance: max(4 * pytorch, floor)))
  }

  private static func magnitude(_ values: [Float]) -> Double {
    values.reduce(0.0) { max($0, Double(abs($1))) }
  }

  private static func inPyTorchOrder(_ parameter: Parameter, _ values: FloatBuffer) -> [Double] {
    let ordered = FloatStorage(count: parameter.count)
    parameter.layout.toPyTorch(values, into: ordered.buffer)
    return ordered.buffer.map(Double.init)
  }
}

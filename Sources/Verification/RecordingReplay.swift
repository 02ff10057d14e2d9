import Base
import Collectives
import Configuration
import Networks
import Recipe
import Storage
import Training

/// Replays a recorded run from its own parameters, data, noise and interpolation weights, and
/// compares every expected tensor.
///
/// A recording is a safetensors file that benchmarks/record.py makes; names are a `Sequential`'s
/// indices without a prefix, layouts PyTorch's; STEP is `critic.K` or `generator`, NETWORK
/// `generator` or `critic`:
///
///     init.NETWORK.NAME                    parameters and buffers before the first step
///     iter.I.STEP.noise|labels|numbers     inputs
///     iter.I.critic.K.real|alpha|perturbation                          inputs
///     iter.I.critic.K.loss|wasserstein|penalty, iter.I.generator.loss  expected
///     iter.I.STEP.grad.NAME                expected gradients of the step's own network
///     final.NETWORK.NAME                   parameters and buffers after the last step
///     float32.error.KEY                    what PyTorch's own float32 missed KEY by
///     iter.I.STEP.kink.NETWORK.LAYER.index|side|limit
///                                          inputs of the (leaky) ReLU LAYER near to 0
///
/// Error = max |got - expected| / scale; scale is the largest magnitude of the tensor, for a
/// gradient that of all gradients of its step (a bias in front of batch norm has gradient 0: only
/// noise).
///
/// On which side of 0 an input of a (leaky) ReLU within rounding of it falls is chance, and moves a
/// gradient by a thousandth. A recording with `kinks` in its metadata lists those within `limit` of
/// 0, what float32 may miss them by: `index` counts (group, sample, channel, row, column), groups
/// being a critic step's reals, fakes and points of the penalty, and `side` is 1 for above 0, else
/// 0. They take the recorded side (`RecordedSides`).
///
/// A parameter whose recorded gradient is nothing but float64's rounding in every step, as that of
/// a bias in front of batch norm, is held where the recording has it and not compared at the end:
/// Adam and RMSprop would move it as far as others, in the direction of the noise
/// (`ChanceParameters`). That its gradient is 0 is compared. PyTorch's float32 lets it move, and
/// the running means behind it: what that run missed those by is no measure, and their limit is
/// the floor.
package struct RecordingReplay {
  /// One expected tensor.
  package struct Finding: Sendable, Equatable {
    package var key: String
    package var error: Double
    package var pytorchError: Double
    package var tolerance: Double
    package var passes: Bool { error <= tolerance }
  }

  /// An expected tensor that no limit says anything of.
  package struct Omission: Sendable, Equatable {
    package var key: String
    package var reason: String
  }

  private let file: SafetensorsFile
  private let trainer: Trainer
  private let floor: Double
  package private(set) var findings: [Finding] = []
  package var failed: [Finding] { findings.filter { !$0.passes } }
  package private(set) var notCompared: [Omission] = []
  private var seen: Set<String> = []
  private let sides: RecordedSides
  private let watch: NearKinkWatch?
  /// The generator's and the critic's.
  private var chance: [ChanceParameters] = []

  /// Sets what a recording says of the run it came from: width, batch, critic steps.
  ///
  /// - Parameters:
  ///   - file: The recording.
  ///   - document: A configuration; one without a width keeps its own sizes.
  /// - Throws: `ConfigurationError` naming the recording where a value is none.
  package static func apply(
    settingsOf file: SafetensorsFile, to document: inout ConfigurationDocument
  ) throws {
    let keyPaths = [
      ("width", "width"), ("batch", "training.batch"), ("critic_steps", "training.criticSteps"),
    ]
    for (name, keyPath) in keyPaths where keyPath != "width" || document.hasWidth {
      guard let value = file.metadata[name] else { continue }
      try document.override("\(keyPath)=\(value)", source: file.path)
    }
  }

  /// - Parameters:
  ///   - file: The recording.
  ///   - trainer: Of networks that have taken no step.
  ///   - watchesKinks: Whether `nearKinks` is wanted; (leaky) ReLUs then run by themselves, not
  ///     as one with the layer in front.
  package init(_ file: SafetensorsFile, trainer: Trainer, watchesKinks: Bool = false) {
    self.file = file
    self.trainer = trainer
    sides = RecordedSides(file, pack: trainer.model.packing.members)
    watch = watchesKinks ? NearKinkWatch() : nil
    // Batch norm's second derivative divides by the deviation three times: there rounding shows
    // more.
    floor = trainer.model.critic.couplesSamples ? 1e-4 : 1e-5
  }

  /// The part of a layer's largest input within which float32's rounding may reach 0.
  package static let nearness = 1e-5

  /// Whether the recording says on which side inputs near to 0 are.
  package var listsSides: Bool { file.metadata["kinks"] != nil }

  /// Inputs that the recording lists as near to 0, and those that were on the other side and were
  /// moved: over all ranks, which call this together.
  ///
  /// - Returns: Both counts; the first is the same on every rank as it is.
  /// - Throws: Where the exchange fails.
  package func kinkCounts() throws -> (listed: Int, moved: Int) {
    let moved = try trainer.model.context.communicator.gathered([Double(sides.moved)])
    return (sides.listed, Int(moved.reduce(0) { $0 + $1[0] }))
  }

  /// The layers in whose input a value came within `nearness` of 0, the nearest first.
  ///
  /// In the step of the first failure, or in all where that is in none; for all ranks together.
  ///
  /// - Returns: None without `watchesKinks`.
  /// - Throws: Where the exchange fails.
  package func nearKinks() throws -> [NearKink] {
    let near = try watch?.nearest(within: Self.nearness, trainer.model.context.communicator) ?? []
    guard let key = failed.first?.key, key.hasPrefix("iter.") else { return near }
    return near.filter { key.hasPrefix($0.step + ".") }
  }

  /// Replays all iterations.
  ///
  /// - Throws: Where the recording does not fit the networks.
  package mutating func run(criticSteps: Int) throws {
    let model = trainer.model
    if model.objective.loss.hasSeparateUpdates {
      throw Fault(
        "verify: expected objective.criticUpdates: joint, found separate: recordings have one "
          + "gradient a critic step")
    }
    let iterations = (0...).first { !file.contains("iter.\($0).generator.noise") } ?? 0
    guard iterations > 0 else {
      throw Fault(
        "\(file.path): expected a recorded run (iter.0.generator.noise), found none")
    }
    for network in [model.generator, model.critic] { try load(network) }
    let inputs = RecordedInputs(file, model: model)
    let generatorSteps = (0..<iterations).map { "iter.\($0).generator." }
    let allCriticSteps = (0..<iterations).flatMap { iteration in
      (0..<criticSteps).map { "iter.\(iteration).critic.\($0)." }
    }
    chance = [
      try ChanceParameters(file, of: model.generator, steps: generatorSteps),
      try ChanceParameters(file, of: model.critic, steps: allCriticSteps),
    ]
    for iteration in 0..<iterations {
      for step in 0..<criticSteps {
        let prefix = "iter.\(iteration).critic.\(step)."
        try run(prefix, through: [model.critic]) { replay in
          _ = try replay.trainer.criticStep(step, ofIteration: iteration, inputs) { losses in
            try replay.compare(prefix + "loss", [losses.loss])
            try replay.compareIfExpected(prefix + "wasserstein", [losses.wasserstein])
            try replay.compareIfExpected(prefix + "penalty", [losses.penalty])
            try replay.compareGradients(of: model.critic, prefix: prefix)
          }
        }
      }
      let prefix = "iter.\(iteration).generator."
      try run(prefix, through: [model.generator, model.critic]) { replay in
        _ = try replay.trainer.generatorStep(ofIteration: iteration, inputs) { losses in
          try replay.compare(prefix + "loss", [losses.loss])
          try replay.compareGradients(of: model.generator, prefix: prefix)
        }
      }
    }
    // A watch runs without the recorded sides.
    if watch == nil { try sides.requireAllRead() }
    for network in [model.generator, model.critic] { try compareState(of: network) }
    let unseen = file.names.filter { isExpected($0) && !seen.contains($0) }
    guard unseen.isEmpty else {
      throw Fault(
        "\(file.path): \(unseen.count) expected tensors were not computed, the first is "
          + "\(unseen[0]); the recording has other steps than training.criticSteps = "
          + "\(criticSteps), or another network"
      )
    }
  }

  /// Runs a step on the recorded sides, or watches it.
  private mutating func run(
    _ step: String, through networks: [Network], _ body: (inout RecordingReplay) throws -> Void
  ) throws {
    if let watch {
      try watch.during(step, in: networks) { try body(&self) }
    } else {
      try sides.during(step, in: networks) { try body(&self) }
    }
    for chance in chance { chance.hold() }
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
    try network.load(
      file, allowsOthers: true,
      reason: "another configuration; set the recording's width, for example width=8"
    ) { "init.\(network.name).\(bare($0, network))" }
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
      case .parameter where chance.contains { $0.keys.contains(key) }:
        seen.insert(key)
        notCompared.append(
          Omission(
            key: key,
            reason: "its gradient is 0 but for rounding, as of a bias in front of batch norm, so "
              + "that the optimizer would move it by chance"))
      case .parameter(let parameter):
        try compare(key, Self.inPyTorchOrder(parameter, parameter.values))
      case .buffer(let buffer) where buffer.kind == .counter:
        let expected = try file.integers(key).first ?? 0
        seen.insert(key)
        findings.append(
          Finding(
            key: key, error: abs(Double(buffer.counter) - Double(expected)), pytorchError: 0,
            tolerance: 0))
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
      throw Fault(
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
    let isHeld = chance.contains { $0.meansBehind.contains(key) }
    seen.insert(key)
    findings.append(
      Finding(
        key: key, error: error, pytorchError: pytorch,
        tolerance: isHeld ? floor : max(4 * pytorch, floor)))
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

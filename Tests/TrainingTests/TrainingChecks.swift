import Base
import Collectives
import Networks
import Recipe
import RunSupport
import TestSupport
import Testing
import Training

/// Expects the gradients of critic and generator to be those of their whole losses, on a batch of
/// 12.
///
/// - Parameters:
///   - run: What is trained.
///   - criticFactor: What the critic's first weights are multiplied by.
///   - generatorFactor: Likewise the generator's: weights of DCGAN's size leave next to no
///     gradient.
///   - criticStep: Of the differences.
///   - generatorStep: Likewise.
///   - sourceLocation: Where messages point.
/// - Throws: What a step throws.
func expectGradientsOfTheLosses(
  _ run: RunConfiguration, criticFactor: Float = 1, generatorFactor: Float = 1,
  criticStep: Float = 0x1p-6, generatorStep: Float = 0x1p-6,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let inputs = FixedInputs(batch: 12)
  let model = try run.makeModel(communicator: SoloCommunicator())
  let trainer = Trainer(model)
  for (network, factor) in [(model.critic, criticFactor), (model.generator, generatorFactor)] {
    network.arena.mutate { for index in $0.indices { $0[index] *= factor } }
  }
  try expectGradient(of: model.critic, step: criticStep, sourceLocation: sourceLocation) {
    try trainer.criticGradient(0, ofIteration: 0, inputs).loss
  }
  try expectGradient(of: model.generator, step: generatorStep, sourceLocation: sourceLocation) {
    try trainer.generatorGradient(ofIteration: 0, inputs).loss
  }
}

/// Expects the gradient in a network's arena to be that of the loss that computes it.
///
/// - Parameters:
///   - network: What has the gradient.
///   - step: Of the differences.
///   - sourceLocation: Where messages point.
///   - loss: Computes loss and gradient.
/// - Throws: What `loss` throws.
func expectGradient(
  of network: Network, step: Float = 0x1p-6, sourceLocation: SourceLocation = #_sourceLocation,
  loss: () throws -> Double
) throws {
  _ = try loss()
  let gradient = Array(network.arena.gradient)
  let point = Array(network.arena.values)
  defer { network.arena.mutate { _ = $0.update(fromContentsOf: point) } }
  // Gaps have no parameter: moving them must not matter, so they need no care.
  try expectGradient(
    gradient, at: point, tolerance: 2e-3, floor: 0, step: step, network.name,
    sourceLocation: sourceLocation
  ) { moved in
    network.arena.mutate { _ = $0.update(fromContentsOf: moved) }
    return try loss()
  }
  let length = dot(gradient, gradient).squareRoot()
  #expect(length > 1e-3, "\(network.name)", sourceLocation: sourceLocation)
}

/// Everything that training moves, after some iterations (`Session.state`).
///
/// - Parameters:
///   - overrides: Assignments over the configuration.
///   - text: The configuration.
///   - iterations: How many.
///   - communicator: The ranks.
/// - Returns: The state; the same on all ranks.
/// - Throws: What an iteration throws.
func trainedState(
  _ overrides: [String] = [], text: String = tinyConfiguration, iterations: Int = 3,
  communicator: any Communicator = SoloCommunicator()
) throws -> [Float] {
  let session = try Session(overrides, text: text, communicator: communicator)
  for iteration in 0..<iterations { _ = try session.trainer.iterate(iteration, session.inputs) }
  return try session.state()
}

/// Expects that neither threads nor ranks show in what training leaves: one rank with two threads
/// and with three, and two and four ranks with two each give the bits of a rank with one.
///
/// - Parameters:
///   - overrides: Assignments over the configuration.
///   - text: The configuration.
///   - iterations: How many.
///   - sourceLocation: Where messages point.
/// - Returns: What training leaves.
/// - Throws: What an iteration throws.
@discardableResult
func expectThreadsAndRanksDoNotShow(
  _ overrides: [String] = [], text: String = tinyConfiguration, iterations: Int = 3,
  sourceLocation: SourceLocation = #_sourceLocation
) throws -> [Float] {
  let train = { @Sendable (threads: Int, communicator: any Communicator) throws -> [Float] in
    try trainedState(
      overrides + ["training.threads=\(threads)"], text: text, iterations: iterations,
      communicator: communicator)
  }
  let alone = try train(1, SoloCommunicator())
  #expect(alone.allSatisfy { $0.isFinite }, sourceLocation: sourceLocation)
  for threads in [2, 3] {
    expectSameBits(
      try train(threads, SoloCommunicator()), alone, "\(threads) threads",
      sourceLocation: sourceLocation)
  }
  for ranks in [2, 4] {
    for state in try ThreadedCommunicator.run(ranks: ranks, { try train(2, $0) }) {
      expectSameBits(state, alone, "\(ranks) ranks", sourceLocation: sourceLocation)
    }
  }
  return alone
}

import Configuration
import Foundation
import RunSupport
import Runs
import TestSupport
import Testing
import Training

/// Known failures are said once when they begin.
@Suite struct TrainingMonitorTests {
  private func losses(_ critic: Double, generatorNorm: Double = 1) -> (
    CriticLosses, GeneratorLosses
  ) {
    var (c, g) = (CriticLosses(), GeneratorLosses())
    c.loss = critic
    // The probabilities at which both halves of a cross-entropy are that large.
    c.realScore = exp(-critic)
    c.fakeScore = 1 - exp(-critic)
    g.gradientNorm = generatorNorm
    return (c, g)
  }

  private func objective(_ text: String) throws -> Objective {
    try configuration(
      text: tinyConfiguration.replacingOccurrences(
        of: "objective: {gradientPenalty: {weight: 10}}", with: "objective: \(text)")
    ).objective
  }

  private func changes(
    _ text: String, _ values: (Int) -> (CriticLosses, GeneratorLosses)
  ) throws -> [TrainingMonitor.Change] {
    var monitor = TrainingMonitor(try objective(text))
    return (0..<800).flatMap {
      let (critic, generator) = values($0)
      return monitor.observe(critic, generator)
    }
  }

  /// Those that begin and are never over.
  private func warnings(
    _ text: String, _ values: (Int) -> (CriticLosses, GeneratorLosses)
  ) throws -> [String] {
    try changes(text, values).map {
      switch $0 {
      case .begins(let text): text
      case .ends(let text): "over: \(text)"
      }
    }
  }

  @Test func failures() throws {
    #expect(try warnings("{loss: bce}") { _ in losses(0.69) }.isEmpty)
    #expect(try warnings("{}") { _ in losses(-0.001) }.isEmpty)
    let won = try warnings("{loss: bce}") { losses($0 < 100 ? 0.6 : 1e-4) }
    #expect(won.count == 1 && won[0].contains("near its least"))
    #expect(won[0].hasSuffix(": docs/troubleshooting.md#critic-wins"))
    let exploding = try warnings("{}") { losses(-exp(Double($0) / 40)) }
    #expect(exploding.count == 1 && exploding[0].contains("explodes"))
    // Beside its smallest, long before it is large by itself.
    let growing = try warnings("{}") { losses(-min(1000, exp(Double($0) / 40))) }
    #expect(growing.count == 1 && growing[0].contains("explodes"), "\(growing)")
    let vanishing = try warnings("{}") { losses(-1, generatorNorm: $0 < 100 ? 1 : 1e-7) }
    #expect(vanishing.count == 1 && vanishing[0].contains("vanishes"))
    // 0.98^456 is a ten-thousandth.
    let returned = try warnings("{}") {
      losses(-1, generatorNorm: (100..<580).contains($0) ? 1e-7 : 1)
    }
    #expect(returned.count == 2 && returned[1].hasPrefix("over: the generator's gradient is back"))
    // Gone, and there again: said again.
    let twice = try warnings("{loss: bce}") { losses($0 / 200 == 1 ? 0.6 : 1e-4) }
    #expect(twice.count == 3 && twice[1].hasPrefix("over: the critic no longer tells reals"))
    // Neither is a run that stays near the bound: probabilities of 0.018 and 0.022 for fakes.
    let near = try warnings("{loss: bce}") { losses($0 / 150 % 2 == 0 ? 0.018 : 0.022) }
    #expect(near.count == 1, "\(near)")
    // A moment without is no end.
    let moments = try warnings("{loss: bce}") { losses($0 % 100 >= 98 ? 3 : 1e-4) }
    #expect(moments.count == 1, "\(moments)")
  }

  /// Learning rates of 100: nothing was ever small.
  @Test func explodedFromTheBeginning() throws {
    let cases: [(loss: Double, penalty: Double)] = [(3.84e9, 1.9e19), (20, 2e5), (2e6, 0)]
    for values in cases {
      let found = try warnings("{gradientPenalty: {weight: 10}}") { _ in
        var (critic, generator) = losses(-values.loss)
        critic.penalty = values.penalty
        generator.gradientNorm = 1
        return (critic, generator)
      }
      #expect(found.count == 1 && found[0].contains("explodes"), "\(values): \(found)")
    }
    // The first iterations alone: it is said when it is over.
    let found = try changes("{}") { losses($0 < 60 ? -1e7 : -1) }
    #expect(found.count == 2, "\(found)")
    guard case .ends(let text)? = found.last else {
      Issue.record("\(found)")
      return
    }
    #expect(text.hasPrefix("the critic's loss no longer explodes"))
    // A large weight makes no failure of a penalty.
    let heavy = try warnings("{gradientPenalty: {weight: 1000}}") { _ in
      var (critic, generator) = losses(500)
      critic.penalty = 9e5
      generator.gradientNorm = 1
      return (critic, generator)
    }
    #expect(heavy.isEmpty, "\(heavy)")
  }

  /// Smoothed labels hold the loss up: the probabilities tell.
  @Test func smoothedLabels() throws {
    let won = try warnings("{loss: bce, labelSmoothing: {}}") { iteration in
      var (critic, generator) = losses(0.17)
      if iteration > 100 { (critic.realScore, critic.fakeScore) = (0.9, 1e-3) }
      generator.gradientNorm = 1
      return (critic, generator)
    }
    #expect(won.count == 1 && won[0].contains("near its least"))
  }

  /// Not of a generator that has hardly begun; once, and once that it is over.
  @Test func collapse() throws {
    var monitor = TrainingMonitor(try objective("{}"))
    for iteration in 1...12 {
      #expect(monitor.observe(diversity: 0.01, iteration: iteration) == nil)
    }
    // As the default run at a quarter of its width, which ends well.
    for (iteration, diversity) in [(20, 0.12), (40, 0.096), (60, 0.097), (100, 0.19)] {
      #expect(monitor.observe(diversity: diversity, iteration: iteration) == nil)
    }
    #expect(monitor.observe(diversity: 0.01, iteration: 299) == nil)
    // One that never began is told so at last, one that had begun at once.
    #expect(monitor.observe(diversity: 0.01, iteration: 300) != nil)
    monitor = TrainingMonitor(try objective("{}"))
    #expect(monitor.observe(diversity: 0.3, iteration: 40) == nil)
    let begins = monitor.observe(diversity: 0.01, iteration: 50)
    guard case .begins(let text)? = begins else {
      Issue.record("\(String(describing: begins))")
      return
    }
    #expect(text.contains("(their deviation is 0.01 of the reals'): the generator has collapsed"))
    for diversity in [0.02, 0.11, 0.09, 0.19] {
      #expect(monitor.observe(diversity: diversity, iteration: 60) == nil)
    }
    #expect(
      monitor.observe(diversity: 0.9, iteration: 70)
        == .ends(
          "the samples are no longer all the same (their deviation is 0.9 of the reals')"))
    #expect(monitor.observe(diversity: 0.9, iteration: 80) == nil)
    // What began with an earlier process, or not at all, does not end.
    var other = TrainingMonitor(try objective("{}"))
    #expect(other.observe(diversity: 0.9, iteration: 100) == nil)
  }
}

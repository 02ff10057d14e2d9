import Base
import Collectives
import RunSupport
import Runs
import TestSupport
import Testing
import Training

@Suite struct RunControlTests {
  /// The messages of all ranks, nil for those that go on.
  private func compare(_ hashes: [Double]) -> [String?] {
    ThreadedCommunicator.results(ranks: hashes.count) { communicator in
      let control = try RunControl(communicator)
      try control.requireSame(hash: 3)
      try control.requireSame(hash: hashes[communicator.rank])
    }.map { result in message { try result.get() } }
  }

  @Test func ranksWithOtherParametersAreNamed() {
    #expect(compare([7, 7, 7, 7]) == [nil, nil, nil, nil])
    for text in compare([7, 7, 1, 7]) {
      #expect(text?.contains("rank 2 on ") == true, "\(text ?? "no error")")
      #expect(text?.contains(" differs from the others") == true, "\(text ?? "")")
      #expect(text?.contains("rank 1") == false, "\(text ?? "")")
    }
    // Of two nobody can tell which.
    for text in compare([7, 8]) {
      #expect(text?.contains("ranks 0, 1 on ") == true, "\(text ?? "no error")")
    }
  }

  /// A bit that flips in one rank's parameters is found before they move: behind the update the
  /// ranks have the same values again, whosever.
  @Test(arguments: ["critic", "generator"]) func aFlippedBitIsFound(network: String) throws {
    let results = ThreadedCommunicator.results(ranks: 4) { communicator in
      let model = try configuration().makeModel(communicator: communicator)
      let trainer = Trainer(model)
      let control = try RunControl(communicator)
      trainer.beforeUpdate = {
        try control.requireSame(hash: Double($0.parameterHash), of: $0.name)
      }
      let inputs = FixedInputs(batch: 12)
      _ = try trainer.iterate(0, inputs)
      if communicator.rank == 2 {
        let arena = (network == "critic" ? model.critic : model.generator).arena
        arena.mutate { values in
          // The last of the parameters, behind which gaps may be.
          let place = values.lastIndex { $0 != 0 } ?? 0
          values[place] = Float(bitPattern: values[place].bitPattern ^ 1)
        }
      }
      _ = try trainer.iterate(1, inputs)
    }
    for result in results {
      let text = message { try result.get() }
      #expect(
        text?.contains("the ranks' \(network) parameters are no longer the same bits") == true)
      #expect(text?.contains("rank 2 on ") == true, "\(text ?? "no error")")
    }
  }

  /// What one rank knows, all do.
  @Test func oneRankDecidesForAll() throws {
    let decisions = try ThreadedCommunicator.run(ranks: 3) { communicator in
      let control = try RunControl(communicator)
      let idle = try control.agree(failure: nil, isOver: false, saves: false)
      let isOne = communicator.rank == 1
      let stop = try control.agree(failure: nil, isOver: isOne, saves: communicator.rank == 0)
      return [idle, stop]
    }
    for decision in decisions {
      #expect(decision[0] == RunControl.Decision())
      #expect(decision[1].stop == StopSignal.timeLimit && decision[1].saves)
    }
    let failed = ThreadedCommunicator.results(ranks: 2) { communicator in
      _ = try RunControl(communicator).agree(
        failure: communicator.rank == 0 ? "the disk is full" : nil, isOver: false, saves: false)
    }
    for result in failed {
      let text = message { try result.get() }
      #expect(text?.contains("the disk is full") == true)
    }
  }
}

import Recipe
import RunSupport
import Testing
import Training

@Suite struct ScheduleTests {
  private func schedule(_ overrides: [String], batchesPerEpoch: Int) throws -> Schedule {
    Schedule(batchesPerEpoch: batchesPerEpoch, training: try configuration(overrides).training)
  }

  /// 60,000 samples in batches of 128: 468 whole ones and one of 96.
  @Test func reusedReals() throws {
    let found = try schedule(
      ["training.realBatch=reused", "training.criticSteps=5", "training.epochs=100"],
      batchesPerEpoch: 469)
    #expect(found.batchesPerIteration == 1)
    #expect(found.iterations == 46_900)
    #expect(found.epochs == 100)
    for step in 0..<5 { #expect(found.batch(iteration: 470, criticStep: step) == 470) }
    #expect(found.epochsDone(afterIteration: 468) == 0)
    #expect(found.epochsDone(afterIteration: 469) == 1)
    #expect(found.epochsDone(afterIteration: 46_900) == 100)
    #expect(found.epochsDone(afterIteration: -1) == 0)
  }

  @Test func freshReals() throws {
    let found = try schedule(["training.criticSteps=5", "training.epochs=2"], batchesPerEpoch: 469)
    #expect(found.batchesPerIteration == 5)
    // 938 batches: the last iteration goes two batches beyond.
    #expect(found.iterations == 188)
    #expect(found.batch(iteration: 0, criticStep: 4) == 4)
    #expect(found.batch(iteration: 7, criticStep: 3) == 38)
    #expect(found.epochsDone(afterIteration: 93) == 0)
    #expect(found.epochsDone(afterIteration: 94) == 1)
    #expect(found.epochs == 2)
    // All batches, each once.
    let batches = (0..<188).flatMap { i in (0..<5).map { found.batch(iteration: i, criticStep: $0) }
    }
    #expect(batches == Array(0..<940))
  }

  @Test func intervalsOfIterationsLongerThanAnEpoch() throws {
    let found = try schedule(
      ["training.criticSteps=5", "training.iterations=4"], batchesPerEpoch: 2)
    // 2, 5, 7 and 10 epochs are done: every second one falls due, also where it is passed.
    #expect((1...4).map { found.epochsDone(afterIteration: $0) } == [2, 5, 7, 10])
    #expect(
      (1...4).map { Interval.epochs(2).isDue(afterIteration: $0, schedule: found) }
        == [true, true, true, true])
    #expect(
      (1...4).map { Interval.epochs(4).isDue(afterIteration: $0, schedule: found) }
        == [false, true, false, true])
  }

  @Test func oneFreshCriticStep() throws {
    let found = try schedule(
      ["training.criticSteps=1", "training.iterations=10"], batchesPerEpoch: 3)
    #expect((0..<10).map { found.batch(iteration: $0, criticStep: 0) } == Array(0..<10))
    #expect(found.iterations == 10)
    #expect(found.epochs == 4)
  }

  @Test func intervals() throws {
    let fresh = try schedule(
      ["training.criticSteps=2", "training.iterations=12"], batchesPerEpoch: 3)
    let due = { (interval: Interval) in
      (1...12).filter { interval.isDue(afterIteration: $0, schedule: fresh) }
    }
    #expect(due(.never) == [])
    #expect(due(.iterations(5)) == [5, 10])
    // Batches done: 2 4 6 8 10 12 14 ... of 3 an epoch.
    #expect(due(.epochs(1)) == [2, 3, 5, 6, 8, 9, 11, 12])
    #expect(due(.epochs(2)) == [3, 6, 9, 12])
    // More than one epoch an iteration.
    let short = try schedule(
      ["training.criticSteps=5", "training.iterations=4"], batchesPerEpoch: 2)
    #expect((1...4).map { short.epochsDone(afterIteration: $0) } == [2, 5, 7, 10])
  }
}

import Base
import Collectives
import Configuration
import Datasets
import Foundation
import Networks
import Recipe
import Sampling
import Storage
import Training

/// A run from its configuration to its last checkpoint, on all ranks.
package final class TrainingRun {
  let communicator: any Communicator
  let options: TrainingOptions
  let configuration: RunConfiguration
  /// The configuration with all defaults.
  private let resolvedYAML: String
  let model: Model
  let trainer: Trainer
  let inputs: DrawnInputs
  package let schedule: Schedule
  let dataset: any Dataset
  let begin: RunStart
  package private(set) var directory: RunDirectory
  /// Rank 0's, from the run's begin to its last write.
  private var lease: RunLease?
  private var limit: RunLimit?
  /// What the checks of the start (`StartCheck`) took on this rank, waiting for others included.
  private let checkSeconds: Double
  /// What checkpoints say of configuration and data.
  private(set) var checkpointState: CheckpointState
  /// Where the watchdog leaves its reason.
  private let lastWords = LastWords()
  private let watchdog: Watchdog?
  private let control: RunControl
  /// Refuses to move parameters that are not the same on all ranks.
  private let compareParameters: (Network) throws -> Void
  /// Told of every iteration, on all ranks; false asks for a stop in order.
  package var observer: ((IterationReport) -> Bool)?
  /// Gives the seconds by which `output.checkpointEvery` counts minutes: tests have a clock of
  /// their own.
  package var clock: () -> Double = monotonicSeconds
  /// The best score so far; nil where the run keeps no best checkpoint.
  var best: BestScore?

  /// Reads configuration and data and builds the networks.
  ///
  /// All ranks throw if one does.
  package init(_ options: TrainingOptions, communicator: any Communicator) throws {
    self.communicator = communicator
    self.options = options
    Activity.enter(.opening)
    var checkSeconds = try secondsTaken {
      try StartCheck.program(version: options.version, communicator)
    }
    watchdog = try options.stallTimeout.map { [lastWords] timeout in
      try Watchdog(communicator, timeout: timeout) { lastWords.write($0) }
    }
    let begin = try RunStart(options, communicator)
    self.begin = begin
    let fixed: [String: String]
    (configuration, resolvedYAML, model, fixed) = try communicator.agree {
      let configuration = try RunConfiguration(begin.document(options))
      let (model, yaml) = try configuration.resolved(communicator: communicator)
      let fixed = try RunConfiguration.fixedValues(in: yaml, name: "the configuration")
      try begin.requireSame(yaml, options)
      return (configuration, yaml, model, fixed)
    }
    // First: what the ranks say to each other while they open the data depends on it.
    try communicator.requireSame(resolvedYAML, what: "the configuration")
    dataset = try Self.openData(configuration, begin, communicator)
    let sampler: EpochSampler
    (sampler, checkpointState) = try communicator.agree { [configuration, model, dataset] in
      try Self.check(dataset, fits: model)
      let training = configuration.training
      let sampler = try training.reader.locatingErrors {
        try EpochSampler(
          count: dataset.count, batch: training.batch,
          keepsPartialBatch: training.keepsPartialBatch, seed: configuration.seed,
          order: configuration.data.order)
      }
      let state = CheckpointState(
        iteration: 0, configuration: fixed,
        data: .init(
          samples: dataset.count, checksum: communicator.rank == 0 ? dataset.checksum : nil))
      return (sampler, state)
    }
    checkSeconds += try secondsTaken { [dataset, checkpointState, model] in
      try StartCheck.data(dataset, checksum: checkpointState.data?.checksum, communicator)
      try StartCheck.binding(threads: model.context.pool.threads, communicator)
    }
    let control = try RunControl(communicator)
    self.control = control
    compareParameters = {
      try control.requireSame(hash: Double($0.parameterHash), of: $0.name)
    }
    schedule = Schedule(batchesPerEpoch: sampler.batchesPerEpoch, training: configuration.training)
    trainer = Trainer(model)
    inputs = DrawnInputs(
      configuration.setup, dataset: dataset, sampler: sampler, schedule: schedule,
      augmentation: configuration.data.augmentation)
    directory = RunDirectory(begin.folder ?? "")
    best = configuration.evaluation.best.map(BestScore.init)
    limit = options.limit
    if communicator.rank == 0 {
      checkSeconds += secondsTaken { [begin, configuration, trainer] in
        StartCheck.space(begin.folder ?? configuration.output.directory, trainer)
      }
    }
    self.checkSeconds = checkSeconds
  }

  private static func check(_ dataset: any Dataset, fits model: Model) throws {
    try RunConfiguration.check(model.generator, gives: dataset)
    let classes = model.condition.classes
    guard classes == 0 || dataset.classCount == classes else {
      throw Fault(
        "data.classes: found \(classes), but \(dataset.name) has "
          + "\(dataset.classCount) classes")
    }
    let numbers = model.condition.numbers
    guard dataset.condition.numbers == numbers else {
      throw Fault(
        "data: networks and objective take \(numbers) numbers a sample as its condition, but "
          + "\(dataset.name) has \(dataset.condition.numbers)")
    }
  }

  /// Trains until the schedule, a signal or the time limit ends it.
  ///
  /// - Returns: Whether the run is done; false where it was stopped and can go on.
  @discardableResult
  package func execute() throws -> Bool {
    let isRoot = communicator.rank == 0
    Activity.enter(.starting)
    defer { watchdog?.cancel() }
    // After the writer's end below: what is deferred first is done last.
    defer { lease?.release() }
    let start = try isRoot ? resumeOrCreate() : joinRun()
    directory = RunDirectory(try communicator.broadcast(directory.path, from: 0))
    lastWords.log = RunLog(directory)
    do {
      return try trainAndGoBack(from: start)
    } catch {
      // The log of a run that was taken over is the other job's.
      if isRoot, (try? lease?.confirm()) != nil {
        RunLog(directory).add(.failed, "\(error)")
        writeReport(.failed)
      }
      throw error
    }
  }

  /// Trains; where that diverges goes back to the last checkpoint, with half the learning rates, as
  /// often as was asked for.
  private func trainAndGoBack(from start: Int) throws -> Bool {
    var start = start
    var left = options.rollbacks
    while true {
      do {
        return try train(from: start)
      } catch let error as Divergence where left > 0 {
        left -= 1
        start = try goBack(after: error, left: left)
      }
    }
  }

  /// Restores the last whole checkpoint on all ranks, and halves the learning rates.
  ///
  /// - Parameters:
  ///   - error: What happened.
  ///   - left: How often this may still be done.
  /// - Returns: The checkpoint's iterations.
  /// - Throws: On all ranks, where there is no checkpoint.
  private func goBack(after error: Divergence, left: Int) throws -> Int {
    let optimizers = [trainer.generatorOptimizer, trainer.criticOptimizer]
    let factor = optimizers[0].rateFactor / 2
    let snapshot = newSnapshot
    try communicator.agree {
      guard communicator.rank == 0 else { return }
      guard
        try !CheckpointStore(directory: directory.checkpoints, keep: 1).names().isEmpty
      else { throw Fault("\(error); there is no checkpoint to go back to") }
      try readNewestCheckpoint(into: snapshot)
    }
    try restore(snapshot)
    for optimizer in optimizers { optimizer.rateFactor = factor }
    if communicator.rank == 0 {
      let text =
        "\(error); went back to iteration \(snapshot.iteration) with \(factor) times the "
        + "configured learning rates; \(left) more rollback\(left == 1 ? "" : "s") allowed"
      Messages.warning(text)
      RunLog(directory).add(.warning, text)
    }
    return snapshot.iteration
  }

  private func train(from start: Int) throws -> Bool {
    let isRoot = communicator.rank == 0
    let output = configuration.output
    let writer = try communicator.agree { isRoot ? try makeWriter() : nil }
    // Also where training diverges: the checkpoint on its way is the one to go on from.
    defer { writer?.finish() }
    let recorder = try communicator.agree {
      isRoot
        ? try RunRecorder(
          directory, configuration, model.objective, schedule,
          imagesPerIteration: configuration.training.batch,
          start: start) : nil
    }
    if isRoot { warnOfSettings() }
    recorder?.begin(dataset: dataset, model: model)

    var iteration = start
    var decision = RunControl.Decision()
    var lastSave = clock()
    while iteration < schedule.iterations && decision.stop == 0 && !stopsEarly {
      let begin = monotonicSeconds()
      let (losses, hashes) = try compute(iteration)
      iteration += 1
      var failure: String?
      do {
        try lease?.check()
        try recorder?.record(
          iteration, critic: losses.critic, generator: losses.generator, hashes: hashes,
          seconds: monotonicSeconds() - begin)
        try recorder?.recordWeights(model, iteration: iteration)
      } catch { failure = "\(error)" }
      let report = IterationReport(
        iteration: iteration, critic: losses.critic, generator: losses.generator,
        seconds: monotonicSeconds() - begin)
      let isAsked = observer?(report) == false
      // Before the checkpoint, so that no resumed run begins behind scores that are missing.
      let improves = try measureScores(recorder, iteration: iteration, failure: &failure)
      let isLast = iteration == schedule.iterations || stopsEarly
      if !isLast
        && (improves || decision.saves
          || output.checkpointEvery.isDue(afterIteration: iteration, schedule: schedule))
      {
        Activity.enter(.checkpoint, iteration: iteration)
        let reason = try save(failure == nil ? writer : nil, recorder, iteration: iteration)
        failure = failure ?? reason
        lastSave = clock()
      }
      if let writer,
        output.sampleEvery.isDue(afterIteration: iteration, schedule: schedule) || isLast
      {
        Activity.enter(.pictures, iteration: iteration)
        // Kept for the others, who wait below for what rank 0 says.
        do {
          try saveSamples(writer, recorder?.events, iteration: iteration, isLast: isLast)
        } catch {
          failure = failure ?? "\(error)"
        }
      }
      Activity.enter(.endOfIteration, iteration: iteration)
      let seconds = monotonicSeconds() - begin
      limit?.observe(iterationSeconds: seconds)
      // What rank 0 alone does lets the others wait: pictures, and a checkpoint before this one.
      Activity.observe(iterationSeconds: seconds)
      decision = try control.agree(
        failure: failure ?? writer?.failureMessage, isOver: isOver(writer), isAsked: isAsked,
        saves: output.checkpointEvery.seconds.map { clock() - lastSave >= $0 } ?? false)
    }
    if iteration > start {
      try communicator.agree(try save(writer, recorder, iteration: iteration))
    }
    return try finish(writer, recorder, iteration: iteration, start: start, decision)
  }

  /// Computes an iteration; where hashes are due, refuses parameters that are not the same on all
  /// ranks, before they move and after it.
  ///
  /// - Parameter iteration: Iterations done before.
  /// - Returns: The losses, and the hashes where they are due.
  /// - Throws: On all ranks, as `Trainer.iterate` and where parameters differ.
  private func compute(
    _ iteration: Int
  ) throws -> (losses: (critic: CriticLosses, generator: GeneratorLosses), ParameterHashes?) {
    let isHashed =
      configuration.checks.hashEvery.isDue(afterIteration: iteration + 1, schedule: schedule)
    trainer.beforeUpdate = isHashed ? compareParameters : nil
    defer { trainer.beforeUpdate = nil }
    let losses = try trainer.iterate(iteration, inputs)
    Activity.enter(.endOfIteration, iteration: iteration + 1)
    let hashes = isHashed ? ParameterHashes(model) : nil
    if let hashes { try control.requireSame(hash: hashes.combined) }
    return (losses, hashes)
  }

  /// Ends what the run writes; all ranks call it, behind the last checkpoint.
  ///
  /// - Parameters:
  ///   - writer: Rank 0's.
  ///   - recorder: Rank 0's.
  ///   - iteration: Iterations done.
  ///   - start: Those that were done when it began or went on.
  ///   - decision: What the ranks agreed on last.
  /// - Returns: Whether the run is done; false where it was stopped and can go on.
  /// - Throws: On all ranks, where rank 0 could not write.
  private func finish(
    _ writer: RunWriter?, _ recorder: RunRecorder?, iteration: Int, start: Int,
    _ decision: RunControl.Decision
  ) throws -> Bool {
    writer?.finish()
    try communicator.agree(writer?.failureMessage)
    try communicator.agree {
      try recorder?.finish(
        iteration: iteration, start: start, stoppedBy: decision.stop, early: earlyStop)
    }
    let isDone = iteration == schedule.iterations || stopsEarly
    guard let writer else { return isDone }
    let done =
      earlyStop.map { "\($0), after \(iteration) iterations" } ?? "all \(iteration) iterations"
    let end =
      isDone
      ? done
      : "by \(StopSignal.name(decision.stop)) after iteration \(iteration) of "
        + "\(schedule.iterations), saved"
    RunLog(directory).add(isDone ? .done : .stopped, end + writer.checkpointCosts.text)
    writeReport(isDone ? .done : .stopped)
    return isDone
  }

  /// Rank 0's page about the run, which nothing depends on.
  private func writeReport(_ state: RunStory.State) {
    guard configuration.output.report else { return }
    do {
      try lease?.confirm()
      try RunReport([directory.path], version: options.version).write(
        to: directory.report, state: state)
    } catch {
      // Of a run that has failed the reason is what counts.
      if state != .failed { Messages.warning("no report of the run: \(error)") }
    }
  }

  /// Whether rank 0 sees the job's time run out.
  private func isOver(_ writer: RunWriter?) -> Bool {
    guard let limit, let writer else { return false }
    return limit.isOver(
      checkpointSeconds: writer.slowestSeconds, checkpointBytes: writer.checkpointBytes)
  }

  /// Leaves a checkpoint to the background, behind the rows that it counts on; all ranks call it,
  /// as each has a part of the state.
  ///
  /// - Parameters:
  ///   - writer: Rank 0's; nil where nothing is to be written.
  ///   - recorder: Rank 0's.
  ///   - iteration: Iterations done.
  /// - Returns: Why not, for the others to learn.
  /// - Throws: Where an exchange between ranks fails.
  private func save(
    _ writer: RunWriter?, _ recorder: RunRecorder?, iteration: Int
  ) throws -> String? {
    let begin = monotonicSeconds()
    try trainer.completeState()
    guard let writer else { return nil }
    defer { writer.observe(heldUpSeconds: monotonicSeconds() - begin) }
    do {
      try recorder?.flush()
      writer.saveCheckpoint(iteration: iteration, best: best)
      return nil
    } catch {
      return "\(error)"
    }
  }

  private func makeWriter() throws -> RunWriter {
    guard let lease else { preconditionFailure("rank 0 has taken the run's folder") }
    return try RunWriter(
      trainer,
      store: CheckpointStore(directory: directory.checkpoints, keep: configuration.output.keep),
      lease: lease, state: checkpointState, tables: [directory.metrics, directory.evaluation])
  }

  // MARK: - Run directory

  /// Rank 0's part of the start: the run's folder, or the state to go on from.
  private func resumeOrCreate() throws -> Int {
    let snapshot = begin.isResume ? newSnapshot : nil
    try communicator.agree {
      if let snapshot { try take(snapshot) } else { try create() }
      let job =
        "\(communicator.size) rank\(communicator.size == 1 ? "" : "s"), checked in "
        + String(format: "%.1f ms, process \(getpid()) on ", 1e3 * checkSeconds)
        + "\(ProcessInfo.processInfo.hostName): "
        + CommandLine.arguments.map(shellQuoted).joined(separator: " ")
      if let snapshot {
        RunLog(directory).add(.resumed, "after iteration \(snapshot.iteration), \(job)")
      } else {
        RunLog(directory).add(.started, job)
      }
      lastWords.log = RunLog(directory)
    }
    guard let snapshot else {
      try shareOrigin(isRead: checkpointState.origin != nil)
      return 0
    }
    try restore(snapshot)
    return snapshot.iteration
  }

  /// One that knows by which score the run keeps its best checkpoint.
  private var newSnapshot: Snapshot {
    let snapshot = Snapshot(trainer)
    snapshot.best = configuration.evaluation.best.map(BestScore.init)
    return snapshot
  }

  /// Makes rank 0's snapshot the state of all ranks, and `best` its best checkpoint.
  private func restore(_ snapshot: Snapshot) throws {
    try snapshot.broadcast(over: communicator)
    snapshot.restore()
    best = snapshot.best
    try communicator.agree {
      guard communicator.rank == 0, let best else { return }
      let store = CheckpointStore(directory: directory.checkpoints, keep: 1)
      for note in try store.restoreBest(step: best.iteration) { Messages.warning(note) }
    }
  }

  /// Takes the folder of a run that goes on, and reads its newest checkpoint.
  private func take(_ snapshot: Snapshot) throws {
    lease = try RunLease(folder: directory.path, report: { Messages.notice($0) })
    try removeLeftovers()
    try readNewestCheckpoint(into: snapshot)
    if resolvedYAML != begin.stored {
      try FileSystem.writeAtomically(resolvedYAML, to: directory.configuration)
    }
    if !FileSystem.exists(directory.data) { try writeDataRecord() }
  }

  /// Removes what dead writers left beside the checkpoints; under the lease nobody else writes.
  private func removeLeftovers() throws {
    try CheckpointStore(directory: directory.checkpoints, keep: 1)
      .removeLeftovers(isOnlyWriter: true)
  }

  /// Makes the folder of a run that begins.
  private func create() throws {
    // Before the folder is made: weights that do not fit leave nothing behind.
    let origin = try readOrigin()
    if begin.folder == nil {
      directory = try RunDirectory.createFree(
        named: configuration.name, in: configuration.output.directory)
    }
    lease = try directory.create(again: begin.stored != nil, report: { Messages.notice($0) })
    try removeLeftovers()
    if let origin {
      // Before config.yaml, which makes it a run: one that was killed begins again with the same.
      try origin.write(to: directory)
      checkpointState.origin = origin
      Messages.notice(origin.notice)
    } else {
      // Of one that was killed before it was a run.
      try RunOrigin.remove(from: directory)
    }
    try writeDataRecord()
    try FileSystem.writeAtomically(resolvedYAML, to: directory.configuration)
    let environment = RunEnvironment(
      version: options.version, threads: model.context.pool.threads, communicator: communicator)
    try FileSystem.writeAtomically(environment.json, to: directory.environment)
  }

  /// Reads the newest whole checkpoint of the run to go on with.
  func readNewestCheckpoint(into snapshot: Snapshot) throws {
    let store = CheckpointStore(directory: directory.checkpoints, keep: configuration.output.keep)
    let found = try store.latestValid()
    for note in found.notes { Messages.warning(note) }
    guard let folder = found.path else {
      let isEmpty = try store.allNames().isEmpty
      throw Fault(
        "\(directory.path): has no whole checkpoint to go on from",
        advice: isEmpty ? "begin it afresh by --run \(directory.path) --continue" : nil)
    }
    let state = try CheckpointState(folder: folder)
    guard state.imported == nil else {
      throw Fault(
        "\(directory.path): holds imported weights, no run that could go on",
        advice: "begin one with train --from \(directory.path)")
    }
    try requireSameOrigin(state.origin)
    checkpointState.origin = state.origin
    let isSame = try checkSame(as: state, in: folder)
    try snapshot.read(from: folder)
    // Of another configuration there may have been other critic steps.
    if isSame, state.configuration != nil {
      let updates = trainer.updates(afterIteration: state.iteration)
      try snapshot.requireUpdates(
        generator: updates.generator, critic: updates.critic, in: folder)
    }
  }

  /// Refuses a checkpoint of another configuration or of other data: going on would give the bits
  /// of neither.
  ///
  /// - Parameters:
  ///   - saved: What the checkpoint says.
  ///   - folder: The checkpoint's.
  /// - Returns: Whether both are the same; false where `--accept-changes` lets it go on.
  /// - Throws: `Fault` naming what differs.
  private func checkSame(as saved: CheckpointState, in folder: String) throws -> Bool {
    var differences: [String] = []
    if let before = saved.configuration,
      let difference = try RunConfiguration.difference(of: resolvedYAML, from: before)
    {
      differences.append("config.yaml has been changed since: \(difference)")
    }
    if let before = saved.data, let now = checkpointState.data, before != now {
      differences.append("the data are others: \(now.description), were \(before.description)")
    }
    guard !differences.isEmpty else { return true }
    let text = "\(folder): \(differences.joined(separator: "; "))"
    guard options.acceptsChanges else {
      throw Fault(text, advice: "--accept-changes goes on nevertheless")
    }
    Messages.warning("\(text); going on with them, as --accept-changes says")
    return false
  }

  /// The other ranks' part of the same.
  private func joinRun() throws -> Int {
    try communicator.agree(nil)
    guard begin.isResume else {
      try shareOrigin(isRead: false)
      return 0
    }
    let snapshot = newSnapshot
    try restore(snapshot)
    return snapshot.iteration
  }

  /// Reals, and what scores have made of them.
  lazy var evaluationData = Evaluation.Data(
    { [dataset] in dataset },
    heldOut: { [configuration, dataset] in
      try configuration.data.openHeldOut(beside: dataset)
    })

  /// Says what is likely to go wrong, before it does.
  func warnOfSettings() {
    for text in SettingsCheck.warnings(configuration, model) { Messages.warning(text) }
    guard configuration.objective.penalty != nil, model.critic.couplesSamples else { return }
    Messages.warning(
      """
      the critic has batch norm under a gradient penalty: it is no function of one image then, and \
      W usually runs off;
        better is a critic without norm, as in configs/fashion-mnist-wgan-gp-no-critic-norm.yaml: \
      docs/troubleshooting.md#w-grows
      """)
  }
}

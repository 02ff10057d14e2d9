import Base
import Datasets
import Foundation
import Recipe
import Reports
import Sampling
import Scores
import Storage
import Training

/// What rank 0 shows and logs of a run: progress, a line an epoch, `metrics.csv`, and where
/// everything is.
final class RunRecorder {
  private let directory: RunDirectory
  private let configuration: RunConfiguration
  private let objective: Objective
  private let schedule: Schedule
  private let metrics: MetricsLog
  private let evaluationLog: EvaluationLog
  /// For TensorBoard; nil where nobody asked for it.
  let events: EventRecorder?
  private let progress: ProgressReporter
  private let startIteration: Int
  private let startTime = monotonicSeconds()

  private let columns: MetricsColumns
  private var monitor: TrainingMonitor
  private var costs = ScoreCosts()
  private var best: BestScore?

  init(
    _ directory: RunDirectory, _ configuration: RunConfiguration, _ objective: Objective,
    _ schedule: Schedule,
    imagesPerIteration: Int, start: Int
  ) throws {
    self.directory = directory
    self.configuration = configuration
    self.objective = objective
    self.schedule = schedule
    columns = MetricsColumns(objective, hasHashes: configuration.checks.hashEvery != .never)
    monitor = TrainingMonitor(objective)
    metrics = try MetricsLog(path: directory.metrics, columns: columns.names)
    try metrics.truncate(afterIteration: start)
    evaluationLog = try EvaluationLog(
      path: directory.evaluation, configuration.evaluation, start: start)
    events =
      configuration.output.tensorboard
      ? try EventRecorder(directory, configuration, metrics: columns.names, start: start) : nil
    let volume = Messages.volume
    progress = ProgressReporter(
      output: .standard(volume), log: Messages.isLogged ? Messages.log : nil,
      imagesPerIteration: imagesPerIteration, plainInterval: volume == .verbose ? 0 : 5)
    startIteration = start
    Messages.addProgressLine(progress)
  }

  /// An error that ends the run begins a line of its own.
  deinit {
    Messages.removeProgressLine(progress)
    progress.finish()
  }

  func begin(dataset: any Dataset, model: Model) {
    for line in Self.startLines(configuration, dataset, model) { Messages.notice(line) }
    Messages.notice("run folder: \(directory.path)")
    tellDetails(model)
    if startIteration > 0 { Messages.notice("going on after iteration \(startIteration)") }
    if startIteration < schedule.iterations { progress.update(status(startIteration, nil)) }
  }

  /// What helps to look for a fault.
  private func tellDetails(_ model: Model) {
    let (plan, output) = (model.context.plan, configuration.output)
    let batch = configuration.training.batch
    Messages.detail(
      "shards: \(plan.localShards) of \(plan.shards) a rank, each of up to "
        + "\(plan.capacity(batch: batch)) samples")
    Messages.detail(
      "memory: " + String(format: "%.1f MB", Double(MemoryLedger.bytes) / 1_048_576)
        + " of networks, optimizers, exchanges and the copy for checkpoints on rank 0")
    Messages.detail(
      "checkpoints: \(directory.checkpoints), output.checkpointEvery "
        + "\(output.checkpointEvery.text), output.keep \(output.keep)")
  }

  /// What is trained, and how ranks exchange.
  static func startLines(
    _ configuration: RunConfiguration, _ dataset: any Dataset, _ model: Model
  ) -> [String] {
    let training = configuration.training
    let ranks = model.context.communicator.size
    let threads = model.context.pool.threads
    let what =
      "\(configuration.name): \(dataset.count) samples of \(dataset.name), generator "
      + "\(model.generator.parameterCount) and critic \(model.critic.parameterCount) parameters, "
      + "batch \(training.batch) in \(training.shards) shards on \(ranks) "
      + "rank\(ranks == 1 ? "" : "s")\(threads > 1 ? " of \(threads) threads" : "")"
    return ranks == 1
      ? [what] : [what, "exchange: \(model.context.communicator.exchangeDescription)"]
  }

  private func status(_ iteration: Int, _ losses: CriticLosses?) -> ProgressStatus {
    let epoch = min(schedule.epochsDone(afterIteration: max(0, iteration - 1)) + 1, schedule.epochs)
    return ProgressStatus(
      iteration: iteration, iterations: schedule.iterations, epoch: (epoch, schedule.epochs),
      values: losses.map(progressValues) ?? [])
  }

  private func progressValues(_ losses: CriticLosses) -> [ProgressStatus.Value] {
    let objective = objective
    return objective.loss.progress.map { .init($0.label, $0.value(losses)) }
      + (objective.penalty == nil || objective.loss.reportsProbabilities
        ? [] : [.init("penalty", losses.penalty)])
  }

  func record(
    _ iteration: Int, critic: CriticLosses, generator: GeneratorLosses,
    hashes: ParameterHashes? = nil, seconds: Double
  ) throws {
    let status = status(iteration, critic)
    let row = columns.row(
      iteration: iteration, epoch: status.epoch?.current ?? 0, (critic, generator),
      hashes: hashes, seconds: seconds)
    try metrics.append(row)
    try events?.add(metrics: row, iteration: iteration)
    progress.update(status)
    for change in monitor.observe(critic, generator) { say(change, iteration: iteration) }
    let epoch = schedule.epochsDone(afterIteration: iteration)
    if epoch > schedule.epochsDone(afterIteration: iteration - 1) {
      // As the published Fashion-MNIST system prints it: the values of the epoch's last batch.
      Messages.notice(
        "Epoch [\(epoch)/\(schedule.epochs)] C Loss: \(fixed(critic.loss)), \(middle(critic)), "
          + "G Loss: \(fixed(generator.loss))")
    }
  }

  private func middle(_ critic: CriticLosses) -> String {
    objective.loss.progress.map { "\($0.epochLabel): \(fixed($0.value(critic)))" }
      .joined(separator: ", ")
  }

  /// Logs scores, and warns where samples are nearly all the same.
  ///
  /// - Parameters:
  ///   - found: The scores.
  ///   - iteration: Iterations done.
  ///   - best: The best so far of the chosen score; nil where the run keeps none.
  /// - Throws: Where `evaluation.csv` cannot be written.
  func record(_ found: Evaluation.Result, iteration: Int, best: BestScore?) throws {
    let row = try evaluationLog.append(
      found, iteration: iteration, epoch: status(iteration, nil).epoch?.current ?? 0)
    try events?.add(scores: row, iteration: iteration)
    costs.add(found)
    self.best = best
    let isBest = best?.iteration == iteration
    let comparison =
      isBest ? "; the best so far" : best?.description.map { "; best \($0)" } ?? ""
    Messages.notice("iteration \(iteration): \(found.summary)\(comparison)")
    guard let diversity = found[Diversity.name]?.first else { return }
    if let change = monitor.observe(diversity: diversity, iteration: iteration) {
      say(change, iteration: iteration)
    }
  }

  /// Says what begins to go wrong as a warning, what no longer does as a line of progress; both
  /// stand in `run.log`.
  private func say(_ change: TrainingMonitor.Change, iteration: Int) {
    let text = "iteration \(iteration): \(change.text)"
    switch change {
    case .begins: Messages.warning(text)
    case .ends: Messages.notice(text)
    }
    RunLog(directory).add(change, iteration: iteration)
  }

  /// Writes the rows so far to the files: a checkpoint is about to count on them.
  func flush() throws {
    try metrics.flush()
    try events?.flush()
  }

  /// Logs how the weights are distributed, where that is due.
  func recordWeights(_ model: Model, iteration: Int) throws {
    guard
      configuration.output.histogramEvery.isDue(afterIteration: iteration, schedule: schedule)
    else { return }
    try events?.addWeights(model, iteration: iteration)
  }

  /// Writes what is left to write, and says how the run ended.
  ///
  /// - Parameters:
  ///   - iteration: Iterations done.
  ///   - start: Those before.
  ///   - signal: What stopped it; 0 for nothing.
  ///   - early: Why it is done before its schedule; nil where it is not.
  /// - Throws: Where a file cannot be written.
  func finish(iteration: Int, start: Int, stoppedBy signal: Int32, early: String?) throws {
    progress.finish()
    try metrics.close()
    try evaluationLog.close()
    try events?.close(isDone: early != nil || iteration == schedule.iterations)
    if iteration > 0 {
      let tables = try directory.tables()
      let curves = tables.metrics.curves(title: configuration.name, scores: tables.scores)
      try curves.write(to: directory.curves)
    }
    let seconds = monotonicSeconds() - startTime
    if let early, iteration == start {
      return Messages.notice(
        "nothing to do: \(directory.path) was \(early); a larger evaluation.stopAfter goes on")
    }
    if iteration == start && signal == 0 {
      return Messages.notice(
        "nothing to do: all \(iteration) iterations of \(directory.path) are done")
    }
    if let costs = costs.line(of: seconds) { Messages.notice(costs) }
    if let line = early ?? best.flatMap(\.line) { Messages.notice(line) }
    if signal != 0 && early == nil && iteration < schedule.iterations {
      return Messages.notice(
        "stopped by \(StopSignal.name(signal)) after iteration \(iteration) of "
          + "\(schedule.iterations), saved; go on with: "
          + "\(shellQuoted(CommandLine.arguments[0])) train --run \(shellQuoted(directory.path)) "
          + "--continue")
    }
    Messages.notice(
      "done: \(iteration) iterations in \(ProgressReporter.duration(seconds)); checkpoints, "
        + "samples and metrics are in \(directory.path) (samples/, curves.png, metrics.csv, "
        + "checkpoints/latest)")
  }

  private func fixed(_ value: Double) -> String { String(format: "%.4f", value) }
}

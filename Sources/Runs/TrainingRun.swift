import Base
import Collectives
import Configuration
import Datasets
import Foundation
import Networks
import Recipe
import Reports
import Sampling
import Storage
import Training

/// What the command line asks of `train`.
package struct TrainingOptions: Sendable {
  /// A configuration file; nil for the built-in default, or with `resume`.
  package var configuration: String?
  package var overrides: [String] = []
  /// The folder of a new run; nil for a free name in `output.directory`.
  package var runFolder: String?
  /// The folder of a run to go on with.
  package var resume: String?
  package var version = ""

  package init() {}
}

/// A run from its configuration to its last checkpoint, on all ranks.
package final class TrainingRun {
  let communicator: any Communicator
  let options: TrainingOptions
  let configuration: RunConfiguration
  let model: Model
  let trainer: Trainer
  private let inputs: DrawnInputs
  let schedule: Schedule
  let dataset: any Dataset
  private var directory: RunDirectory
  /// Rank 0's, from the run's begin to its last write.
  private var lock: ProcessLock?
  /// What ranks tell each other at the end of an iteration: the signal that came, and 1 for a
  /// failure.
  private let controlMine = DoubleStorage(count: 2)
  private let controlAll: DoubleStorage
  private let controlGather: any PreparedAllGather

  /// Reads configuration and data and builds the networks.
  ///
  /// All ranks throw if one does.
  package init(_ options: TrainingOptions, communicator: any Communicator) throws {
    self.communicator = communicator
    self.options = options
    let document = try Self.document(options, communicator)
    let sampler: EpochSampler
    (configuration, model, dataset, sampler) = try communicator.agree {
      let configuration = try RunConfiguration(document)
      let model = try configuration.makeModel(communicator: communicator)
      let dataset = try configuration.data.open()
      try Self.check(dataset, fits: model)
      let training = configuration.training
      let sampler = try training.reader.locatingErrors {
        try EpochSampler(
          count: dataset.count, batch: training.batch,
          keepsPartialBatch: training.keepsPartialBatch, seed: configuration.seed,
          order: configuration.data.order)
      }
      return (configuration, model, dataset, sampler)
    }
    try communicator.requireSame(configuration.resolvedYAML, what: "the configuration")
    controlAll = DoubleStorage(count: 2 * communicator.size)
    controlGather = try communicator.makeAllGather(
      UnsafeBufferPointer(controlMine.buffer), into: controlAll.buffer)
    schedule = Schedule(batchesPerEpoch: sampler.batchesPerEpoch, training: configuration.training)
    trainer = Trainer(model)
    inputs = DrawnInputs(
      configuration.setup, dataset: dataset, sampler: sampler, schedule: schedule)
    directory = RunDirectory(options.resume ?? options.runFolder ?? "")
  }

  /// The configuration of a new run from its file; of a resumed run from rank 0's folder.
  private static func document(
    _ options: TrainingOptions, _ communicator: any Communicator
  ) throws -> ConfigurationDocument {
    guard let resume = options.resume else {
      return try communicator.agree {
        var document = try ConfigurationDocument.named(options.configuration)
        try document.apply(options.overrides)
        return document
      }
    }
    let path = RunDirectory(resume).configuration
    var text = ""
    try communicator.agree {
      guard communicator.rank == 0 else { return }
      guard FileSystem.exists(path) else {
        throw TrainingError("\(resume): expected the folder of a run, found no config.yaml in it")
      }
      text = String(decoding: try FileSystem.readFile(path), as: UTF8.self)
    }
    text = try communicator.broadcast(text, from: 0)
    return try communicator.agree {
      var document = try ConfigurationDocument(text: text, name: path)
      for assignment in options.overrides {
        let allowed = [
          "training.epochs=", "training.iterations=", "training.threads=",
          "training.exchange=", "data.path=", "data.cache=", "output.", "evaluation.every=",
        ]
        guard allowed.contains(where: assignment.hasPrefix) else {
          throw TrainingError(
            "\(assignment): a resumed run keeps its configuration; only training.epochs, "
              + "training.iterations, training.threads, training.exchange, data.path, data.cache, "
              + "output.* and evaluation.every can be changed")
        }
      }
      try document.apply(options.overrides)
      return document
    }
  }

  private static func check(_ dataset: any Dataset, fits model: Model) throws {
    try RunConfiguration.check(model.generator, gives: dataset)
    let classes = model.condition.classes
    guard classes == 0 || dataset.classCount == classes else {
      throw TrainingError(
        "data.classes: found \(classes), but \(dataset.name) has "
          + "\(dataset.classCount) classes")
    }
  }

  /// Trains until the schedule or a signal ends it.
  package func execute() throws {
    let isRoot = communicator.rank == 0
    // After the writer's end below: what is deferred first is done last.
    defer { lock?.release() }
    let start = try isRoot ? resumeOrCreate() : joinRun()
    let output = configuration.output
    let store = CheckpointStore(directory: directory.checkpoints, keep: output.keep)
    let writer = isRoot ? RunWriter(trainer, store: store) : nil
    // Also where training diverges: the checkpoint on its way is the one to go on from.
    defer { writer?.finish() }
    let recorder = try communicator.agree {
      isRoot
        ? try RunRecorder(
          directory, configuration, model.objective, schedule,
          imagesPerIteration: configuration.training.batch,
          start: start) : nil
    }
    if isRoot { warnOfCoupledCritic() }
    recorder?.begin(dataset: dataset, model: model)

    var iteration = start
    var stop: Int32 = 0
    while iteration < schedule.iterations && stop == 0 {
      let begin = monotonicSeconds()
      let losses = try trainer.iterate(iteration, inputs)
      iteration += 1
      var failure: String?
      do {
        try recorder?.record(
          iteration, critic: losses.critic, generator: losses.generator,
          seconds: monotonicSeconds() - begin)
        // Before the checkpoint, so that no resumed run begins behind scores that are missing.
        if let recorder,
          configuration.evaluation.isDue(afterIteration: iteration, schedule: schedule)
        {
          try recorder.record(evaluate(), iteration: iteration)
        }
      } catch { failure = "\(error)" }
      let isLast = iteration == schedule.iterations
      let isSaved =
        output.checkpointEvery.isDue(afterIteration: iteration, schedule: schedule) && !isLast
      if isSaved { try trainer.completeState() }
      if let writer {
        if isSaved { writer.saveCheckpoint(iteration: iteration) }
        if output.sampleEvery.isDue(afterIteration: iteration, schedule: schedule) || isLast {
          // Kept for the others, who wait below for what rank 0 says.
          do { try saveSamples(writer, iteration: iteration) } catch {
            failure = failure ?? "\(error)"
          }
        }
      }
      stop = try synchronize(failure: failure ?? writer?.failureMessage)
    }
    if iteration > start {
      try trainer.completeState()
      writer?.saveCheckpoint(iteration: iteration)
    }
    writer?.finish()
    try communicator.agree(writer?.failureMessage)
    try communicator.agree {
      try recorder?.finish(iteration: iteration, start: start, stoppedBy: stop)
    }
  }

  /// Ends an iteration on all ranks: learns of requests to stop, and of what rank 0 could not
  /// write.
  ///
  /// - Returns: The signal that asked a rank to stop, or 0.
  private func synchronize(failure: String?) throws -> Int32 {
    let (mine, all) = (controlMine.buffer, controlAll.buffer)
    mine[0] = Double(StopSignal.pending)
    mine[1] = failure == nil ? 0 : 1
    let gather = controlGather
    try gather()
    let pairs = stride(from: 0, to: all.count, by: 2)
    if pairs.contains(where: { all[$0 + 1] != 0 }) { try communicator.agree(failure) }
    return pairs.map { Int32(all[$0]) }.max() ?? 0
  }

  // MARK: - Run directory

  /// Rank 0's part of the start: the run's folder, or the state to go on from.
  private func resumeOrCreate() throws -> Int {
    let snapshot = options.resume == nil ? nil : Snapshot(trainer)
    try communicator.agree {
      if options.resume != nil {
        lock = try ProcessLock(folder: directory.path)
        if let snapshot { try readNewestCheckpoint(into: snapshot) }
        if !options.overrides.isEmpty {
          try FileSystem.writeAtomically(configuration.resolvedYAML, to: directory.configuration)
        }
        return
      }
      if options.runFolder == nil {
        directory = try RunDirectory.createFree(
          named: configuration.name, in: configuration.output.directory)
      }
      lock = try directory.create()
      try FileSystem.writeAtomically(configuration.resolvedYAML, to: directory.configuration)
      let environment = RunEnvironment(
        version: options.version, threads: model.context.pool.threads, communicator: communicator)
      try FileSystem.writeAtomically(environment.json, to: directory.environment)
    }
    guard let snapshot else { return 0 }
    try snapshot.broadcast(over: communicator)
    snapshot.restore()
    return snapshot.iteration
  }

  /// Reads the newest whole checkpoint of the run to go on with.
  func readNewestCheckpoint(into snapshot: Snapshot) throws {
    let store = CheckpointStore(directory: directory.checkpoints, keep: configuration.output.keep)
    let found = try store.latestValid()
    for note in found.notes { Messages.warning(note) }
    guard let folder = found.path else {
      throw TrainingError("\(directory.path): has no whole checkpoint to go on from")
    }
    try snapshot.read(from: folder)
  }

  /// The other ranks' part of the same.
  private func joinRun() throws -> Int {
    try communicator.agree(nil)
    guard options.resume != nil else { return 0 }
    let snapshot = Snapshot(trainer)
    try snapshot.broadcast(over: communicator)
    snapshot.restore()
    return snapshot.iteration
  }

  private var sampleGenerator: SampleGenerator {
    SampleGenerator(model, configuration, average: trainer.generatorAverage)
  }

  /// Scores of the generator as it is now; moves nothing that training depends on.
  private func evaluate() throws -> Evaluation.Result {
    let evaluation = configuration.evaluation
    return try Evaluation(scores: evaluation.scores, samples: evaluation.samples).measure(
      sampleGenerator, dataset: { [dataset] in dataset })
  }

  private func saveSamples(_ writer: RunWriter, iteration: Int) throws {
    let output = configuration.output
    let generator = sampleGenerator
    let layout = generator.layout(count: output.samples, columns: output.columns)
    let samples = try generator.images(layout)
    guard
      let image = try generator.picture(
        of: samples, layout, scale: output.scale, dataset: dataset,
        title: "\(configuration.name), iteration \(iteration)")
    else { return }
    let name: String
    if case .epochs = output.sampleEvery,
      output.sampleEvery.isDue(afterIteration: iteration, schedule: schedule)
    {
      name = "epoch-" + schedule.epochsDone(afterIteration: iteration).padded(to: 4)
    } else {
      name = "iteration-" + iteration.padded(to: 6)
    }
    writer.savePicture(image, to: "\(directory.samples)/\(name).png")
    if iteration == schedule.iterations && !generator.isPlanar {
      let beside = generator.realsBesideSamples(
        samples, layout, scale: output.scale, dataset: dataset)
      writer.savePicture(beside, to: "\(directory.samples)/reals-and-samples.png")
    }
  }

  func warnOfCoupledCritic() {
    guard configuration.objective.penalty != nil, model.critic.couplesSamples else { return }
    Messages.warning(
      """
      the critic has batch norm under a gradient penalty: it is no function of one image then, and \
      W usually runs off;
        better is a critic without norm, as in configs/fashion-mnist-wgan-gp-no-critic-norm.yaml.
      """)
  }
}

extension Communicator {
  /// Gives all ranks the text of rank `root`.
  fileprivate func broadcast(_ text: String, from root: Int) throws -> String {
    var length = text.utf8.count
    try withUnsafeMutableBytes(of: &length) { try broadcast($0, from: root) }
    var bytes = Array(text.utf8)
    if rank != root { bytes = [UInt8](repeating: 0, count: length) }
    try bytes.withUnsafeMutableBytes { try broadcast($0, from: root) }
    return String(decoding: bytes, as: UTF8.self)
  }
}

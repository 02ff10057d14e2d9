import Base
import Runs

/// A run: what `wgangp-dist train` does.
///
/// ```swift
/// let training = Training(overrides: ["training.iterations=100"])
/// let run = try training.run { iteration in
///   iteration.wasserstein.isFinite ? .goOn : .stop
/// }
/// ```
///
/// The folder gets the files that the command writes. Numbers of ranks and threads change no bit.
public struct Training: Sendable {
  /// A configuration file; nil for the built-in default, drawn digits.
  public var configuration: String?
  /// Values over those of the file, such as `training.batch=64`.
  public var overrides: [String]
  /// The run's folder; nil for a free name in `output.directory`.
  public var folder: String?
  /// Whether a run that `folder` holds is gone on with.
  public var continues: Bool
  /// A run, checkpoint or import whose weights are begun with; nil for drawn ones.
  public var origin: String?

  /// - Parameters:
  ///   - configuration: A configuration file; nil for the built-in default.
  ///   - overrides: Values over those of the file, such as `training.batch=64`.
  ///   - folder: The run's folder; nil for a free name in `output.directory`.
  ///   - continues: Whether a run that `folder` holds is gone on with.
  ///   - origin: Whose weights are begun with; nil for drawn ones.
  public init(
    configuration: String? = nil, overrides: [String] = [], folder: String? = nil,
    continues: Bool = false, origin: String? = nil
  ) {
    self.configuration = configuration
    self.overrides = overrides
    self.folder = folder
    self.continues = continues
    self.origin = origin
  }

  /// What an iteration has computed: critic steps and a generator step over the global batch.
  public struct Iteration: Sendable {
    /// Iterations so far, this one included.
    public let number: Int
    /// How many the run has.
    public let count: Int
    /// The estimated distance, mean C(x) - mean C(G(z)), of the last critic step.
    public let wasserstein: Double
    /// What the critic minimized, the penalty included.
    public let criticLoss: Double
    /// The penalty, weight * mean (|g| - 1)^2 for WGAN-GP.
    public let gradientPenalty: Double
    /// What the generator minimized.
    public let generatorLoss: Double
    /// The time it took.
    public let seconds: Double
  }

  /// What to do after an iteration.
  public enum Decision: Sendable {
    case goOn
    /// Save a checkpoint and end; one rank is enough.
    case stop
  }

  /// A run that has ended.
  public struct Run: Sendable {
    /// Its folder, for ``TrainedGenerator``.
    public let folder: String
    /// Whether all iterations are done; otherwise ``Training/continues`` goes on.
    public let isDone: Bool
  }

  /// Trains, on all ranks together.
  ///
  /// - Parameters:
  ///   - ranks: All ranks; nil for this process alone.
  ///   - eachIteration: Told of every iteration, on all ranks.
  /// - Returns: The run.
  /// - Throws: ``Failure`` on all ranks: a bad configuration, data that cannot be read, losses that
  ///   are not finite, a full disk.
  @discardableResult
  public func run(
    on ranks: Ranks? = nil, eachIteration: ((Iteration) -> Decision)? = nil
  ) throws -> Run {
    try Failure.catching {
      var options = TrainingOptions()
      options.configuration = configuration
      options.overrides = overrides
      options.runFolder = folder
      options.goesOn = continues
      options.origin = origin
      let run = try TrainingRun(options, communicator: (ranks ?? .alone).communicator)
      let count = run.schedule.iterations
      run.observer = eachIteration.map { body in
        { report in body(Iteration(report, count: count)) == .goOn }
      }
      let isDone = try run.execute()
      return Run(folder: run.directory.path, isDone: isDone)
    }
  }
}

extension Training.Iteration {
  fileprivate init(_ report: IterationReport, count: Int) {
    number = report.iteration
    self.count = count
    wasserstein = report.critic.wasserstein
    criticLoss = report.critic.loss
    gradientPenalty = report.critic.penalty
    generatorLoss = report.generator.loss
    seconds = report.seconds
  }
}

import Base
import Conversion
import Sampling
import Scores

/// A generator as a checkpoint has it.
///
/// ```swift
/// let generator = try TrainedGenerator("runs/glyphs")
/// let samples = try generator.samples(16, seed: 7)
/// ```
public final class TrainedGenerator {
  /// Which of a run's checkpoints.
  public enum Checkpoint: Sendable {
    case newest
    /// The best by the run's own score.
    case best
    /// After so many iterations.
    case step(Int)
  }

  /// Samples, channels first, in the units of the data.
  public struct Samples: Sendable {
    /// N, and the sizes of a sample: [N, C, H, W] for images, [N, C] for vectors.
    public let shape: [Int]
    /// Sample by sample.
    public let values: [Float]
  }

  private let path: String
  private let overrides: [String]
  private let checkpoint: CheckpointChoice
  private let trained: TrainedModel
  private let sizes: [Int]

  /// Opens a run or a checkpoint.
  ///
  /// - Parameters:
  ///   - path: A run's folder, or a checkpoint's.
  ///   - checkpoint: Which of a run's.
  ///   - overrides: Values over those of the run's configuration, such as `data.path=FOLDER`.
  /// - Throws: ``Failure`` where there is no checkpoint that is whole.
  public init(
    _ path: String, checkpoint: Checkpoint = .newest, overrides: [String] = []
  ) throws {
    self.path = path
    self.overrides = overrides
    switch checkpoint {
    case .newest: self.checkpoint = .newest
    case .best: self.checkpoint = .best
    case .step(let step): self.checkpoint = .step(step)
    }
    trained = try Failure.catching { [checkpoint = self.checkpoint] in
      try TrainedModel(
        path, checkpoint: checkpoint, overrides: overrides, usesAverage: nil,
        needsCritic: { run, _ in
          ScoreCatalog.needCritic(run.evaluation.scores.map { type(of: $0).name })
        })
    }
    sizes = try Failure.catching { [trained] in try trained.sampleSizes() }
  }

  /// The iterations after which the checkpoint was taken; nil for imported weights.
  public var iteration: Int? { trained.iteration }

  /// The sizes of a sample, channels first: [C, H, W] for images, [C] for vectors.
  public var sampleSizes: [Int] { sizes }

  /// The classes that samples can be asked for: 0 and on; 0 for a generator without.
  public var classCount: Int { trained.model.generator.conditions?.shape.classes ?? 0 }

  /// The names of the numbers that samples are conditioned on.
  public var conditionNames: [String] {
    let count = trained.model.generator.conditions?.shape.numbers ?? 0
    return count == 0 ? [] : trained.configuration.data.numberNames
  }

  /// Draws samples: number i is a function of the seed and i.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - seed: Of the noise; nil for the run's.
  ///   - classes: Taken in turn; nil for all.
  ///   - conditions: Numbers by their names, in the units of the data, taken in turn; nil for those
  ///     of the data.
  /// - Returns: The samples.
  /// - Throws: ``Failure`` for a class or a name that the generator does not have.
  public func samples(
    _ count: Int, seed: UInt64? = nil, classes: [Int]? = nil,
    conditions: [[String: Double]]? = nil
  ) throws -> Samples {
    try Failure.catching {
      guard count > 0 else { throw Fault("\(count) samples; expected at least one") }
      var options = SamplePictures.Options()
      options.overrides = overrides
      options.checkpoint = checkpoint
      options.count = count
      options.seed = seed
      options.classes = classes
      options.numbers = (conditions ?? []).map { numbers in
        numbers.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
      }
      let drawn = try SamplePictures(trained, options).values()
      return Samples(shape: drawn.shape, values: drawn.numbers.map { Float($0) })
    }
  }

  /// Measures scores of samples against the data.
  ///
  /// - Parameters:
  ///   - names: Which, such as `fid` or `slicedWasserstein`; `wgangp-dist evaluate --help` lists
  ///     them. Nil for those of the run's configuration, and the quick ones.
  ///   - samples: How many to draw; nil for as many as the scores want.
  ///   - seed: Of the noise; nil for the run's.
  ///   - ranks: All ranks, which call this together; nil for this process alone.
  /// - Returns: The values of each score by their names in `evaluation.csv`.
  /// - Throws: ``Failure`` for a score that is unknown or does not apply to the data.
  public func scores(
    _ names: [String]? = nil, samples: Int? = nil, seed: UInt64? = nil, on ranks: Ranks? = nil
  ) throws -> [String: [String: Double]] {
    try Failure.catching {
      let found = try trained.evaluate(
        scores: names, samples: samples, seed: seed, communicator: ranks?.communicator)
      return Dictionary(
        uniqueKeysWithValues: found.scores.map { score, values, _ in
          (
            type(of: score).name,
            Dictionary(uniqueKeysWithValues: zip(score.columns, values))
          )
        })
    }
  }

  /// Writes the networks for PyTorch: state dicts, and a module that loads them.
  ///
  /// - Parameter folder: Where the files are written.
  /// - Returns: Their paths.
  /// - Throws: ``Failure`` where a layer has no counterpart, and where writing fails.
  @discardableResult
  public func export(to folder: String) throws -> [String] {
    try Failure.catching {
      var options = NetworkExport.Options()
      options.overrides = overrides
      options.checkpoint = checkpoint
      return try NetworkExport(options).run(path, to: folder)
    }
  }
}

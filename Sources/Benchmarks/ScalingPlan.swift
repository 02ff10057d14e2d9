import Collectives
import Configuration
import Training

/// What a scaling study varies, one at a time.
package enum ScalingAxis: String, Codable, Sendable, CaseIterable {
  case ranks, batch, width
  /// Pixels each way, of a network of the program's own.
  case image
}

/// A job that a scaling study runs: `bench` on so many ranks.
package struct ScalingJob: Hashable, Sendable {
  package var ranks: Int
  /// `key=value` over the study's own.
  package var overrides: [String]
  /// Pixels of an image each way: the program's own network instead of the configuration.
  package var imageSize: Int?

  package init(ranks: Int, overrides: [String] = [], imageSize: Int? = nil) {
    self.ranks = ranks
    self.overrides = overrides
    self.imageSize = imageSize
  }
}

/// The points of a scaling study and the jobs that measure them.
package struct ScalingPlan: Sendable {
  package struct Point: Equatable, Sendable {
    package var axis: ScalingAxis
    /// Along the axis.
    package var value: Int
    package var job: ScalingJob
  }

  /// What was asked for; nil for the default values, empty to leave an axis out.
  package struct Request: Sendable {
    package var ranks: [Int]?
    package var batches: [Int]?
    package var widths: [Int]?
    package var imageSizes: [Int]?

    package init() {}
  }

  package let points: [Point]

  /// Each job once, in the points' order.
  package var jobs: [ScalingJob] {
    var seen: Set<ScalingJob> = []
    return points.map(\.job).filter { seen.insert($0).inserted }
  }

  /// Chooses the points of a study; batches and widths vary around the configuration's.
  ///
  /// - Parameters:
  ///   - request: The user's choices; nil for the plan's own.
  ///   - batch: The configuration's `training.batch`.
  ///   - shards: The configuration's `training.shards`.
  ///   - width: The configuration's `width`; nil where it has none.
  ///   - cores: Number of this machine's cores. Batch, width and image size are varied with 1 rank,
  ///     and with the most of the study's ranks that have a core each.
  /// - Throws: `TrainingError` naming a value that cannot be, and what can.
  package init(
    _ request: Request, batch: Int, shards: Int, width: Int?, cores: Int
  ) throws {
    let allowed = ReductionTree(leaves: shards).partCounts
    let ranks = request.ranks ?? [1, 2, 4, 8].filter(allowed.contains)
    if let wrong = ranks.first(where: { !allowed.contains($0) }) {
      throw TrainingError(
        "--ranks: \(wrong) ranks cannot take equal parts of \(shards) shards; expected from "
          + "\(allowed.map(String.init).joined(separator: ", "))")
    }
    let batches =
      request.batches ?? [batch / 4, batch / 2, batch, 2 * batch].filter { $0 >= shards }
    if let wrong = batches.first(where: { $0 < shards }) {
      throw TrainingError("--batches: \(wrong) is below training.shards = \(shards)")
    }
    if width == nil, request.widths?.isEmpty == false {
      throw TrainingError("--widths: the configuration has no 'width' that sizes are multiples of")
    }
    let widths = request.widths ?? width.map { [$0 / 4, $0 / 2, $0].filter { $0 > 0 } } ?? []
    let sizes = request.imageSizes ?? [16, 32, 64]

    let most = (ranks.isEmpty ? allowed : ranks).filter { $0 <= cores }.max() ?? 1
    let few = most == 1 ? [1] : [1, most]
    var points = ranks.sorted().map { Point(axis: .ranks, value: $0, job: ScalingJob(ranks: $0)) }
    func add(_ axis: ScalingAxis, _ values: [Int], _ job: (Int, Int) -> ScalingJob) {
      for ranks in few {
        points += values.sorted().map { Point(axis: axis, value: $0, job: job(ranks, $0)) }
      }
    }
    // The configuration's own value needs no override: the job is one of the axis of ranks.
    add(.batch, batches) {
      ScalingJob(ranks: $0, overrides: $1 == batch ? [] : ["training.batch=\($1)"])
    }
    add(.width, widths) { ScalingJob(ranks: $0, overrides: $1 == width ? [] : ["width=\($1)"]) }
    add(.image, sizes) { ScalingJob(ranks: $0, imageSize: $1) }
    self.points = points
  }
}

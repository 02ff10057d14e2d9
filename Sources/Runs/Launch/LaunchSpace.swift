import Base
import Configuration
import Datasets
import Foundation
import Recipe
import Storage
import Training

/// The space that a run will take.
struct LaunchSpace {
  /// Tensors of generator, its average, critic and optimizer, state.json, DONE, and the folder.
  static let filesOfCheckpoint = 7
  /// Of a row of metrics.csv and evaluation.csv, roughly.
  private static let bytesOfRow = 200
  /// The most that a write test writes.
  private static let mostTested = 64 << 20

  let checkpointBytes: Int
  /// Checkpoints that are there at once: those that are kept, the best where it is older, and the
  /// one that is being written.
  let checkpoints: Int
  /// Pictures as if PNG packed nothing, and tables.
  let otherBytes: Int
  let pictures: Int

  /// - Parameters:
  ///   - configuration: The run's.
  ///   - checkpointBytes: Of one checkpoint.
  ///   - dataset: The data; nil where they could not be opened.
  /// - Throws: `ConfigurationError` where the batch does not fit the data.
  init(_ configuration: RunConfiguration, checkpointBytes: Int, dataset: (any Dataset)?) throws {
    self.checkpointBytes = checkpointBytes
    checkpoints = configuration.output.keep + (configuration.evaluation.best == nil ? 1 : 2)
    guard let dataset else {
      (pictures, otherBytes) = (0, 0)
      return
    }
    let (training, output) = (configuration.training, configuration.output)
    let sampler = try training.reader.locatingErrors {
      try EpochSampler(
        count: dataset.count, batch: training.batch, keepsPartialBatch: training.keepsPartialBatch,
        seed: configuration.seed, order: configuration.data.order)
    }
    let schedule = Schedule(batchesPerEpoch: sampler.batchesPerEpoch, training: training)
    pictures =
      1
      + (0..<schedule.iterations).count {
        output.sampleEvery.isDue(afterIteration: $0 + 1, schedule: schedule)
      }
    let bytesOfPicture =
      output.samples * dataset.shape.elementCount * output.scale * output.scale
    otherBytes = pictures * bytesOfPicture + schedule.iterations * Self.bytesOfRow
  }

  private var bytes: Int { checkpoints * checkpointBytes + otherBytes }
  private var files: Int { checkpoints * Self.filesOfCheckpoint + pictures + 10 }

  /// Looks whether it is there, and writes a file as a test.
  ///
  /// - Parameter path: Where the run's folder is or will be.
  /// - Returns: The line of `doctor --launch`.
  func finding(_ path: String) -> LaunchFinding {
    guard let space = FreeSpace(path) else {
      return LaunchFinding(
        "space", path, obstacles: ["\(path): the system does not tell the free space there"])
    }
    let free =
      Bytes.text(space.bytes) + (space.isQuota ? " by quota" : "")
      + (space.files.map { ", \($0) files" } ?? "")
    let needed =
      "needed \(Bytes.text(bytes)) (\(checkpoints) checkpoints of \(Bytes.text(checkpointBytes)), "
      + "\(pictures) pictures), \(files) files"
    var finding = LaunchFinding("space", "\(space.folder): free \(free); \(needed)")
    if space.bytes < bytes {
      finding.obstacles.append(
        "\(Bytes.text(bytes - space.bytes)) are missing: free some, give another --run folder, or "
          + "lower output.keep")
    }
    if let left = space.files, left < files {
      finding.obstacles.append("\(files - left) files too few can be made (inodes)")
    }
    let size = min(max(1 << 20, checkpointBytes), Self.mostTested, space.bytes / 2)
    do {
      try FileSystem.requireCreatable(path)
      let speed = try FileSystem.writeSpeed(in: space.folder, bytes: size)
      let seconds = Double(checkpointBytes) / speed
      finding.value +=
        "; written at \(Int((speed / 1e6).rounded())) MB/s, a checkpoint in "
        + String(format: "%.2f s", seconds)
    } catch {
      finding.obstacles.append("\(error)")
    }
    return finding
  }
}

import Base
import Collectives
import Datasets
import Foundation
import Kernels
import Networks
import Recipe
import Training

/// What `bench` measured: seconds an iteration and where they go.
package struct BenchmarkResult: Codable, Sendable {
  package var name: String
  package var ranks: Int
  package var threads: Int
  package var shards: Int
  package var batch: Int
  /// The configuration's `width`, nil where it has none.
  package var width: Int?
  /// Channels x height x width of an image.
  package var image: String
  package var iterations: Int
  /// Seconds an iteration, on the slowest rank.
  package var medianSeconds: Double
  package var minSeconds: Double
  package var maxSeconds: Double
  /// Global batch / median seconds.
  package var imagesPerSecond: Double
  /// Floating-point operations of the direct algorithms / median seconds, all ranks together.
  package var directGFLOPPerSecond: Double
  package var directGFLOPPerIteration: Double
  /// Share of rank 0's time inside collectives, waiting for slower ranks included.
  package var collectiveShare: Double
  /// Where the ranks' time goes, all ranks together: the three add up to 1.
  ///
  /// Nil where no iteration was measured.
  package var computeShare: Double?
  /// Moving and adding what is exchanged.
  package var exchangeShare: Double?
  /// Waiting for a slower rank before an exchange, and the barrier that finds this out.
  package var waitingShare: Double?
  /// The exchanges of an iteration; empty where no iteration was measured.
  package var exchanges: [ExchangeTiming]
  /// How sums travel between ranks.
  package var exchange: String
  /// Largest resident memory of a rank so far.
  package var peakMegabytesPerRank: Double
  /// Allocations of a rank in an iteration, the most of all; nil where nobody counts.
  package var allocationsPerIteration: Double?
  /// The vector kernels in use.
  package var kernels: String
  /// The MPI library, or "not used".
  package var mpi: String
}

/// Times iterations of a configuration on made-up images: uniform noise in the data's range.
package struct Benchmark {
  private let configuration: RunConfiguration
  let communicator: MeasuringCommunicator
  let model: Model
  private let trainer: Trainer
  private let inputs: DrawnInputs

  /// - Throws: On all ranks, as `Model`.
  package init(_ configuration: RunConfiguration, communicator: any Communicator) throws {
    self.configuration = configuration
    let communicator = MeasuringCommunicator(communicator)
    self.communicator = communicator
    model = try configuration.makeModel(communicator: communicator)
    trainer = Trainer(model)
    let training = configuration.training
    let shape = model.generator.outputShape
    let classes = min(model.condition.classes, 256)
    let count = 4 * training.batch
    let random = RandomStream(seed: configuration.seed, purpose: .drawing)
    let pixels = (0..<count * shape.elementCount).map {
      UInt8(truncatingIfNeeded: random.bits(sample: 0, block: $0)[0])
    }
    let images = ByteImageDataset(
      ByteImages(
        name: "noise", shape: shape, pixels: pixels,
        labels: classes == 0 ? [] : (0..<count).map { UInt8($0 % classes) },
        classCount: classes),
      range: configuration.data.range)
    let dataset = NoiseDataset(
      images, numbers: model.condition.numbers, seed: configuration.seed)
    let sampler = try EpochSampler(
      count: count, batch: training.batch, keepsPartialBatch: false, seed: configuration.seed)
    inputs = DrawnInputs(
      configuration.setup, dataset: dataset, sampler: sampler,
      schedule: Schedule(batchesPerEpoch: sampler.batchesPerEpoch, training: training),
      augmentation: configuration.data.augmentation)
  }

  /// Trains for some iterations, and times them.
  ///
  /// - Parameters:
  ///   - warmUp: Iterations that are not timed.
  ///   - iterations: Timed iterations.
  ///   - measured: Iterations after those, with a barrier before each exchange, for the shares of
  ///     compute, exchange and waiting.
  ///   - allocations: Counts this process's allocations so far, or nil.
  /// - Returns: Times of the slowest rank, and the other figures of `bench`; the same on all ranks.
  /// - Throws: `Fault` where an exchange between ranks fails.
  package func run(
    warmUp: Int, iterations: Int, measured: Int = 0, allocations: (() -> Int)? = nil
  ) throws -> BenchmarkResult {
    for iteration in 0..<warmUp { _ = try trainer.iterate(iteration, inputs) }
    var seconds = [Double](repeating: 0, count: iterations)
    let exchangeBefore = communicator.exchangeSeconds
    var allocated = 0
    for iteration in 0..<iterations {
      try communicator.barrier()
      let before = allocations?() ?? 0
      seconds[iteration] = try secondsTaken {
        _ = try trainer.iterate(warmUp + iteration, inputs)
      }
      allocated += (allocations?() ?? 0) - before
    }
    let exchange = communicator.exchangeSeconds - exchangeBefore
    let total = seconds.reduce(0, +)
    let slowest = try maxima(seconds)
    let others = try maxima([Self.peakMegabytes(), Double(allocated) / Double(iterations)])
    let sorted = slowest.sorted()
    let median = slowest.median
    let shares = try measured > 0 ? self.shares(from: warmUp + iterations, count: measured) : nil
    let training = configuration.training
    let operations = model.operations(training)
    return BenchmarkResult(
      name: configuration.name, ranks: communicator.size, threads: model.context.pool.threads,
      shards: model.context.plan.shards, batch: training.batch, width: configuration.width,
      image: "\(model.generator.outputShape)", iterations: iterations, medianSeconds: median,
      minSeconds: sorted[0], maxSeconds: sorted[iterations - 1],
      imagesPerSecond: Double(training.batch) / median,
      directGFLOPPerSecond: operations / median * 1e-9, directGFLOPPerIteration: operations * 1e-9,
      collectiveShare: exchange / total, computeShare: shares?.compute,
      exchangeShare: shares?.exchange, waitingShare: shares?.waiting,
      exchanges: communicator.timings(iterations: max(1, measured)),
      exchange: communicator.exchangeDescription,
      peakMegabytesPerRank: others[0],
      allocationsPerIteration: allocations == nil ? nil : others[1], kernels: VectorLevel.name,
      mpi: MPICommunicator.isLaunched
        ? String(MPICommunicator.libraryVersion.prefix { $0 != "\0" }) : "not used")
  }

  /// Runs iterations with a barrier before each exchange, and tells where all ranks' time went.
  private func shares(
    from first: Int, count: Int
  ) throws -> (compute: Double, exchange: Double, waiting: Double) {
    communicator.isMeasuring = true
    defer { communicator.isMeasuring = false }
    var total = 0.0
    for iteration in first..<first + count {
      try communicator.barrier()
      total += try secondsTaken { _ = try trainer.iterate(iteration, inputs) }
    }
    communicator.isMeasuring = false
    // Alone there is nobody to exchange with: copying its own sums is compute.
    guard communicator.size > 1 else { return (1, 0, 0) }
    let mine = [total, communicator.movingSeconds, communicator.waitingSeconds]
    var all = [Double](repeating: 0, count: mine.count * communicator.size)
    try mine.withUnsafeBufferPointer { mine in
      try all.withUnsafeMutableBufferPointer { try communicator.allGather(mine, into: $0) }
    }
    let sums = mine.indices.map { index in
      stride(from: index, to: all.count, by: mine.count).reduce(0) { $0 + all[$1] }
    }
    let (exchange, waiting) = (sums[1] / sums[0], sums[2] / sums[0])
    return (1 - exchange - waiting, exchange, waiting)
  }

  /// The largest value of each entry over all ranks.
  private func maxima(_ values: [Double]) throws -> [Double] {
    var all = [Double](repeating: 0, count: values.count * communicator.size)
    try values.withUnsafeBufferPointer { values in
      try all.withUnsafeMutableBufferPointer { try communicator.allGather(values, into: $0) }
    }
    return values.indices.map { index in
      stride(from: index, to: all.count, by: values.count).reduce(0) { max($0, all[$1]) }
    }
  }

  /// The kernel's high-water mark of this process's resident memory.
  private static func peakMegabytes() -> Double {
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
      let kilobytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
    else { return 0 }
    return (Double(kilobytes) ?? 0) / 1024
  }
}

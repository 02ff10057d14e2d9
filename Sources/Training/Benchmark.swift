import Collectives
import Datasets
import Foundation
import Kernels
import Networks

/// What `bench` measured: seconds an iteration and where they go.
package struct BenchmarkResult: Codable, Sendable {
  package var name: String
  package var ranks: Int
  package var threads: Int
  package var batch: Int
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
  package var exchangeShare: Double
  /// How sums travel between ranks.
  package var exchange: String
  /// Largest resident memory of a rank so far.
  package var peakMegabytesPerRank: Double
  /// Allocations of a rank in an iteration, the most of all; nil where nobody counts.
  package var allocationsPerIteration: Double?
  /// The vector kernels in use.
  package var kernels: String
}

/// Times iterations of a configuration on made-up images: uniform noise in the data's range.
package struct Benchmark {
  private let configuration: RunConfiguration
  private let communicator: any Communicator
  let model: Model
  private let trainer: Trainer
  private let inputs: DrawnInputs

  /// - Throws: On all ranks, as `Model`.
  package init(_ configuration: RunConfiguration, communicator: any Communicator) throws {
    self.configuration = configuration
    self.communicator = communicator
    model = try Model(configuration, communicator: communicator)
    trainer = Trainer(configuration, model: model)
    let training = configuration.training
    let shape = model.generator.outputShape
    let classes = min(model.classes, 256)
    let count = 4 * training.batch
    let random = RandomStream(seed: configuration.seed, purpose: .drawing)
    let pixels = (0..<count * shape.elementCount).map {
      UInt8(truncatingIfNeeded: random.bits(sample: 0, block: $0)[0])
    }
    let dataset = ByteImageDataset(
      name: "noise",
      shape: SampleShape(channels: shape.channels, height: shape.height, width: shape.width),
      pixels: pixels, labels: classes == 0 ? [] : (0..<count).map { UInt8($0 % classes) },
      classCount: classes, range: configuration.data.range)
    let sampler = try EpochSampler(
      count: count, batch: training.batch, keepsPartialBatch: false, seed: configuration.seed)
    inputs = DrawnInputs(
      configuration, dataset: dataset, sampler: sampler,
      schedule: Schedule(batchesPerEpoch: sampler.batchesPerEpoch, training: training))
  }

  /// - `warmUp`: Iterations that are not timed.
  /// - `iterations`: Timed iterations.
  /// - `allocations`: Counts this process's allocations so far, or nil.
  package func run(
    warmUp: Int, iterations: Int, allocations: (() -> Int)? = nil
  ) throws -> BenchmarkResult {
    for iteration in 0..<warmUp { _ = try trainer.iterate(iteration, inputs) }
    var seconds = [Double](repeating: 0, count: iterations)
    let exchangeBefore = communicator.exchangeSeconds
    var allocated = 0
    for iteration in 0..<iterations {
      try communicator.barrier()
      let before = allocations?() ?? 0
      let begin = DispatchTime.now().uptimeNanoseconds
      _ = try trainer.iterate(warmUp + iteration, inputs)
      seconds[iteration] = Double(DispatchTime.now().uptimeNanoseconds - begin) * 1e-9
      allocated += (allocations?() ?? 0) - before
    }
    let exchange = communicator.exchangeSeconds - exchangeBefore
    let total = seconds.reduce(0, +)
    let slowest = try maxima(seconds)
    let others = try maxima([Self.peakMegabytes(), Double(allocated) / Double(iterations)])
    let sorted = slowest.sorted()
    let median = (sorted[(iterations - 1) / 2] + sorted[iterations / 2]) / 2
    let training = configuration.training
    let operations = model.operations(training)
    return BenchmarkResult(
      name: configuration.name, ranks: communicator.size, threads: model.context.pool.threads,
      batch: training.batch, iterations: iterations, medianSeconds: median,
      minSeconds: sorted[0], maxSeconds: sorted[iterations - 1],
      imagesPerSecond: Double(training.batch) / median,
      directGFLOPPerSecond: operations / median * 1e-9, directGFLOPPerIteration: operations * 1e-9,
      exchangeShare: exchange / total, exchange: communicator.exchangeDescription,
      peakMegabytesPerRank: others[0],
      allocationsPerIteration: allocations == nil ? nil : others[1], kernels: VectorLevel.name)
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

import ArgumentParser
import Base
import Benchmarks
import Configuration
import Foundation
import Recipe

/// The command `bench`: all ranks time the same iterations, layers, exchanges or scores, and rank 0
/// prints.
///
/// Nothing is read but the configuration: samples are made up, so that a file system has no say.
/// What is timed and how is in `Benchmark`, `ExchangeBenchmark` and `ScoreBenchmark`; what the
/// figures mean in docs/performance.md and docs/scaling.md. Of `--exchange` and `--scores` the
/// first counts, then `--layers`.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Time iterations of a configuration on made-up images.",
    discussion: """
      Prints median, minimum and maximum seconds an iteration (critic steps and generator step) of \
      the slowest rank, images/s (global batch / median), GFLOP/s as direct convolutions would \
      count them, the shares of compute, exchange and waiting for slower ranks, peak memory of a \
      rank, and allocations in an iteration.
      """)

  @Option(
    name: .long,
    help: ArgumentHelp("The configuration; without it, the built-in default.", valueName: "file"),
    completion: .file())
  var config: String?

  /// At least 1.
  ///
  /// With `--layers` the repetitions of a pass, with `--exchange` also the blocks of calls that a
  /// sum or gather is timed in.
  @Option(name: .long, help: "Timed iterations.")
  var iterations = 10

  /// Not timed: the first iterations touch memory that the system has still to give.
  @Option(name: .long, help: "Iterations before those.")
  var warmup = 2

  /// Iterations with a barrier before each exchange: they are slower, so they are not the timed
  /// ones.
  @Option(
    name: .long,
    help: """
      Iterations after those with a barrier before each exchange, which tell the shares of \
      compute, exchange and waiting; 0 for none.
      """)
  var shares = 3

  /// A multiple of 8 from 8 to 512; nil for the configuration's own network.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Instead of a configuration: a small convolutional network for images of so many pixels each "
        + "way.",
      valueName: "pixels"))
  var imageSize: Int?

  /// Times are rank 0's; OpenBLAS multiplies matrices of the same sizes beside it, on one thread.
  @Flag(
    name: .long,
    help: "Time each layer with matrix products by itself instead, on rank 0, with its algorithm.")
  var layers = false

  /// Needs at least two ranks; before timing all ways are compared bit for bit.
  @Flag(
    name: .long,
    help: "Time sums and gathers between ranks by themselves instead, beside MPI's own.")
  var exchange = false

  /// `fid`, `kid` and `prdc` from features on, `wasserstein` of points of the plane
  /// (`ScoreBenchmark`).
  @Flag(
    name: .long,
    help: """
      Time scores by themselves instead, on made-up features, with training.threads threads a \
      rank.
      """)
  var scores = false

  /// Samples, of which there are as many reals, and features of each: `sizes` reads it.
  @Option(
    name: .long,
    help: ArgumentHelp("Of --scores: samples, reals, and features of each.", valueName: "n,n"))
  var scoreSizes = "10000,2048"

  @Flag(name: .long, help: "Print one line of JSON.")
  var json = false

  @OptionGroup(title: "Messages")
  var messages: MessageOptions

  @Argument(help: ArgumentHelp("Overrides, such as training.threads=2.", valueName: "key=value"))
  var overrides: [String] = []

  /// Refuses counts and sizes that nothing can be timed with.
  ///
  /// - Throws: `ValidationError`, which ends with status 64.
  func validate() throws {
    guard iterations > 0, warmup >= 0, shares >= 0 else {
      throw ValidationError(
        "--iterations must be at least 1, --warmup and --shares at least 0")
    }
    guard sizes != nil else {
      throw ValidationError("--score-sizes must be two numbers, samples and features: 10000,2048")
    }
    if let imageSize {
      guard ConfigurationDocument.allowsImageSize(imageSize) else {
        throw ValidationError("--image-size must be a multiple of 8 from 8 to 512")
      }
      guard config == nil, !exchange else {
        throw ValidationError("--image-size goes without --config and --exchange")
      }
    }
  }

  /// Builds the benchmark on all ranks, runs it on all, prints on rank 0.
  ///
  /// The ranks agree on configuration and networks first, so that a fault is told once. The
  /// overrides apply to `--image-size`'s network too.
  ///
  /// - Throws: `ExitCode` 1, after the error has been printed.
  func run() throws {
    if exchange { return try timeExchange() }
    if scores { return try timeScores() }
    try Job.run(messages, isJSON: json) { communicator in
      let document = try communicator.agree {
        var document = try imageSize.map(ConfigurationDocument.imageSize) ?? .named(config)
        try document.apply(overrides)
        return document
      }
      try communicator.requireSame(document)
      let benchmark = try communicator.agree {
        try Benchmark(RunConfiguration(document), communicator: communicator)
      }
      if layers {
        let timings = try benchmark.layers(repetitions: iterations)
        guard communicator.rank == 0 else { return }
        StandardOutput.print(try json ? JSONLine.text(timings) : Self.table(timings))
        return
      }
      let result = try benchmark.run(
        warmUp: warmup, iterations: iterations, measured: shares,
        allocations: AllocationCounter.reader)
      guard communicator.rank == 0 else { return }
      StandardOutput.print(try json ? JSONLine.text(result) : Self.text(result))
    }
  }

  /// Times sums and gathers between the ranks; rank 0 prints the table of `ExchangeBenchmark`.
  ///
  /// - Throws: `ExitCode` 1, also where two ways differ in a bit.
  private func timeExchange() throws {
    try Job.run(messages, isJSON: json) { communicator in
      let document = try communicator.agree {
        var document = try ConfigurationDocument.named(config)
        try document.apply(overrides)
        return document
      }
      try communicator.requireSame(document)
      let benchmark = try communicator.agree {
        try ExchangeBenchmark(RunConfiguration(document), communicator: communicator)
      }
      let result = try benchmark.run(warmUp: warmup, iterations: iterations)
      guard communicator.rank == 0 else { return }
      StandardOutput.print(try json ? JSONLine.text(result) : result.table)
    }
  }

  /// Samples and features of `--score-sizes`; nil where they are none.
  ///
  /// At least six samples, so that there are neighbours and splits, and less than 2^20 of both.
  private var sizes: (samples: Int, features: Int)? {
    let numbers = scoreSizes.split(separator: ",").map { Int($0) ?? 0 }
    guard numbers.count == 2, numbers[0] > 5, numbers[1] > 0, numbers.allSatisfy({ $0 < 1 << 20 })
    else { return nil }
    return (numbers[0], numbers[1])
  }

  /// Times scores on all ranks, with `training.threads` threads each; nothing else of the
  /// configuration counts.
  ///
  /// - Throws: `ExitCode` 1, also where OpenBLAS is missing.
  private func timeScores() throws {
    guard let sizes else { return }
    try Job.run(messages, isJSON: json) { communicator in
      let benchmark = try communicator.agree {
        var document = try ConfigurationDocument.named(config)
        try document.apply(overrides)
        return try ScoreBenchmark(
          samples: sizes.samples, features: sizes.features, communicator: communicator,
          threads: RunConfiguration(document).training.threads)
      }
      let timings = try benchmark.run()
      guard communicator.rank == 0 else { return }
      StandardOutput.print(try json ? JSONLine.text(timings) : Self.table(timings))
    }
  }

  /// Milliseconds and GFLOP/s (direct) of a layer's passes, a line each.
  ///
  /// - Parameter timings: In the order of the networks' layers; seconds, of one pass over rank 0's
  ///   share of a batch.
  /// - Returns: Numbers at the right of their columns, texts at the left.
  private static func table(_ timings: [LayerTiming]) -> String {
    let number = { (value: Double, digits: Int) in String(format: "%.\(digits)f", value) }
    var table = TextTable([
      .text("layer"), .text("kind"), .text("shapes"), .number("forward ms"), .number("GFLOP/s"),
      .number("backward ms"), .number("GFLOP/s"), .number("OpenBLAS GFLOP/s"), .text("algorithm"),
    ])
    for timing in timings {
      table.add([
        timing.name, timing.kind, timing.shapes, number(timing.forwardSeconds * 1e3, 2),
        number(timing.forwardGFLOPPerSecond, 1), number(timing.backwardSeconds * 1e3, 2),
        number(timing.backwardGFLOPPerSecond, 1), number(timing.openBLASGFLOPPerSecond, 1),
        timing.algorithm,
      ])
    }
    return table.text
  }

  /// Seconds of scores, a line each: on the clock, and of all processors together.
  private static func table(_ timings: [ScoreTiming]) -> String {
    var table = TextTable([
      .text("score"), .number("seconds"), .number("of processors"), .text("work"),
    ])
    for timing in timings {
      table.add([
        timing.name, String(format: "%.2f", timing.seconds),
        String(format: "%.2f", timing.processorSeconds), timing.work,
      ])
    }
    return table.text
  }

  /// What `bench` prints of iterations: seconds, rates, shares, memory, allocations, a line each.
  ///
  /// - Parameter result: The same on all ranks; seconds are those of the slowest.
  /// - Returns: Lines without the last break. Shares and allocations say where they were not
  ///   counted.
  private static func text(_ result: BenchmarkResult) -> String {
    let number = { (value: Double, digits: Int) in String(format: "%.\(digits)f", value) }
    let allocations =
      result.allocationsPerIteration.map { number($0, 1) + " an iteration" }
      ?? "not counted (see benchmarks/allocations.sh)"
    let shares = [
      ("compute", result.computeShare), ("exchange", result.exchangeShare),
      ("waiting", result.waitingShare),
    ].compactMap { name, share in share.map { "\(name) \(number(100 * $0, 2)) %" } }
    return """
      \(result.name): batch \(result.batch) on \(result.ranks) x \(result.threads) (ranks x \
      threads), \(result.iterations) iterations, \(result.kernels) kernels
      seconds an iteration   \(number(result.medianSeconds, 4)) (median), \
      \(number(result.minSeconds, 4)) to \(number(result.maxSeconds, 4))
      images/s               \(number(result.imagesPerSecond, 1))
      GFLOP/s (direct)       \(number(result.directGFLOPPerSecond, 1)) of \
      \(number(result.directGFLOPPerIteration, 1)) GFLOP an iteration
      time of the ranks      \
      \(shares.isEmpty ? "not told apart (--shares 0)" : shares.joined(separator: ", "))
      exchange               \(result.exchange)
      peak memory a rank     \(number(result.peakMegabytesPerRank, 0)) MB
      allocations            \(allocations)
      """
  }
}

import Base
import Collectives
import Configuration
import Foundation
import Recipe
import Training

/// Microseconds of a call, of the slowest rank.
package struct TransferTime: Codable, Sendable {
  /// The median over blocks of calls.
  package var median: Double
  /// The fastest block: what is left of it on a machine that does something else too.
  package var fastest: Double
}

/// How long a sum or a gather of so many values takes, by each way.
package struct TransferTiming: Codable, Sendable {
  /// Float values of a sum, Double values a rank of a gather.
  package var values: Int
  /// The configuration's use of it: `critic`, `generator`, or nil.
  package var use: String?
  package var flat: TransferTime
  /// Nil where the ranks' places allow no second level.
  package var twoLevel: TransferTime?
  /// MPI_Allreduce's, MPI_Allgather's.
  package var mpi: TransferTime
}

/// How long a small sum of so many Double values takes, by each way.
package struct SmallSumTiming: Codable, Sendable {
  package var values: Int
  /// Every rank gets every rank's vector.
  package var gathered: TransferTime
  /// Up the reduction tree, by two levels where the ranks' places allow it.
  package var byHalves: TransferTime
}

/// microseconds = latency + bytes / bandwidth, fitted with every length's relative error alike.
package struct TransferFit: Codable, Sendable {
  package var latencyMicroseconds: Double
  /// The bandwidth in the vector's bytes, not in those that are sent.
  package var gigabytesPerSecond: Double
}

/// What `bench --exchange` measured.
package struct ExchangeResult: Codable, Sendable {
  package var name: String
  package var ranks: Int
  package var nodes: Int
  /// What training with this configuration would use.
  package var exchange: String
  package var sums: [TransferTiming]
  package var gathers: [TransferTiming]
  package var smallSums: [SmallSumTiming]
  /// Fits to the sums' times, by way: `flat`, `twoLevel`, `mpi`.
  package var fits: [String: TransferFit]
  /// Ordered sums of an iteration.
  package var criticSums: Int
  package var generatorSums: Int
  /// Median seconds of an iteration.
  package var iterationSeconds: Double
  /// What the iteration's ordered sums take, of those seconds.
  package var sumShare: Double
  /// `sumShare` less the share that MPI_Allreduce would take.
  package var shareBeyondAllReduce: Double
}

/// Times sums and gathers between the ranks of a job, by every way they can go, beside MPI's own.
package struct ExchangeBenchmark {
  private let configuration: RunConfiguration
  private let communicator: MPICommunicator
  private let benchmark: Benchmark
  private let modes: [ExchangeMode]

  private static let lengths = [10_000, 100_000, 430_000, 1_070_000, 10_000_000]
  private static let gathered = [32, 512, 2048]

  /// - Throws: On all ranks: with a single rank, and as `Benchmark`.
  package init(_ configuration: RunConfiguration, communicator: any Communicator) throws {
    guard let ranks = communicator as? MPICommunicator, ranks.size > 1 else {
      throw Fault(
        "bench --exchange: expected two ranks or more, found one",
        advice: "start it by mpirun -n 2")
    }
    self.configuration = configuration
    self.communicator = ranks
    benchmark = try Benchmark(configuration, communicator: communicator)
    modes = ranks.layout.obstacle == nil ? [.flat, .twoLevel] : [.flat]
  }

  /// Checks that all ways give the same bits, and times them.
  ///
  /// - Parameters:
  ///   - warmUp: Iterations of the training step that are not timed.
  ///   - iterations: Timed iterations, for the share that sums have in them. Sums and gathers are
  ///     timed in as many blocks of calls.
  /// - Returns: Times by length and way, the same on all ranks.
  /// - Throws: `Fault` where the ways differ in a bit, or an exchange fails.
  package func run(warmUp: Int, iterations: Int) throws -> ExchangeResult {
    for count in [1, communicator.size, 10_007, 300_007] { try check(count: count) }
    let whole = try benchmark.run(warmUp: warmUp, iterations: iterations)
    let training = configuration.training
    let (critic, generator) = (benchmark.model.critic, benchmark.model.generator)
    let counts = (critic: critic.arena.count, generator: generator.arena.count)
    var sums = try Self.lengths.map { try sum(count: $0, use: nil, iterations) }
    let criticSum = try sum(count: counts.critic, use: "critic", iterations)
    let generatorSum = try sum(count: counts.generator, use: "generator", iterations)
    let gathers = try Self.gathered.map { try gather(count: $0, iterations) }
    let smallSums = try Self.gathered.map { try smallSum(count: $0, iterations) }
    let criticSums = training.criticSteps * (hasSeparateUpdates ? 2 : 1)
    let generatorSums = training.hasFixedGenerator ? 0 : 1
    let seconds = { (time: (TransferTiming) -> TransferTime) in
      1e-6
        * (Double(criticSums) * time(criticSum).median
          + Double(generatorSums) * time(generatorSum).median)
    }
    let usesTwoLevels = modes.contains(.twoLevel) && communicator.exchangeMode != .flat
    let ordered = seconds { usesTwoLevels ? $0.twoLevel ?? $0.flat : $0.flat }
    var fits = ["flat": Self.fit(sums) { $0.flat }, "mpi": Self.fit(sums) { $0.mpi }]
    if modes.contains(.twoLevel) { fits["twoLevel"] = Self.fit(sums) { $0.twoLevel ?? $0.flat } }
    sums += [criticSum, generatorSum]
    return ExchangeResult(
      name: configuration.name, ranks: communicator.size, nodes: communicator.layout.nodes,
      exchange: communicator.exchangeDescription, sums: sums, gathers: gathers,
      smallSums: smallSums,
      fits: fits, criticSums: criticSums, generatorSums: generatorSums,
      iterationSeconds: whole.medianSeconds, sumShare: ordered / whole.medianSeconds,
      shareBeyondAllReduce: (ordered - seconds { $0.mpi }) / whole.medianSeconds)
  }

  private var hasSeparateUpdates: Bool { configuration.objective.loss.hasSeparateUpdates }

  /// Compares each way's gather with MPI's, and its sum with the reduction tree's, bit for bit.
  private func check(count: Int) throws {
    let random = RandomStream(seed: 0, purpose: .drawing)
    let (rank, size) = (communicator.rank, communicator.size)
    let values = FloatStorage(count: count)
    random.normals(sample: rank, into: values.buffer)
    // Of magnitudes whose sums depend on the order of addition.
    for index in 0..<count {
      values.pointer[index] *= Float(
        sign: .plus, exponent: (index * 7 + rank * 5) % 24, significand: 1)
    }
    let (mine, all) = (DoubleStorage(count: count), DoubleStorage(count: size * count))
    let found = DoubleStorage(count: size * count)
    for index in 0..<count { mine.pointer[index] = Double(values.pointer[index]) }
    try communicator.allGather(UnsafeBufferPointer(mine.buffer), into: all.buffer)
    let expected = FloatStorage(count: size * count)
    for index in 0..<size * count { expected.pointer[index] = Float(all.pointer[index]) }
    ReductionTree(leaves: size).sum(expected.pointer, stride: count, range: 0..<count)
    var wrong: String?
    for mode in modes {
      found.buffer.update(repeating: .nan)
      let gather = try communicator.makeAllGather(
        UnsafeBufferPointer(mine.buffer), into: found.buffer, mode: mode)
      try gather()
      if !found.buffer.elementsEqual(all.buffer), wrong == nil {
        wrong = "the \(mode.rawValue) gather of \(count) values is not MPI_Allgather's"
      }
      // Longer vectors are no small sums.
      if count < 100_000 {
        let found = try checkSmallSums(mine, of: all, mode)
        wrong = wrong ?? found
      }
      let total = FloatStorage(count: count)
      total.pointer.update(from: values.pointer, count: count)
      let sum = try communicator.makeOrderedSum(count: count, mode: mode)
      try sum(total.buffer)
      let place = (0..<count).first {
        total.pointer[$0].bitPattern != expected.pointer[$0].bitPattern
      }
      if let place, wrong == nil {
        wrong =
          "the \(mode.rawValue) sum of \(count) values differs from the tree's: value \(place) is "
          + "\(total.pointer[place]), expected \(expected.pointer[place])"
      }
    }
    try communicator.agree(wrong)
  }

  /// What is wrong with the small sums of the ranks' vectors by one way; nil where both forms have
  /// the reduction tree's bits.
  private func checkSmallSums(
    _ mine: DoubleStorage, of all: DoubleStorage, _ mode: ExchangeMode
  ) throws -> String? {
    let count = mine.count
    let expected = DoubleStorage(count: all.count)
    expected.pointer.update(from: all.pointer, count: all.count)
    ReductionTree(leaves: communicator.size).sum(expected.pointer, stride: count, count: count)
    var wrong: String?
    for byHalves in [false, true] {
      let found = DoubleStorage(count: count)
      found.pointer.update(from: mine.pointer, count: count)
      let sum = try communicator.makeSmallSum(found.buffer, mode: mode, byHalves: byHalves)
      try sum()
      let place = (0..<count).first {
        found.pointer[$0].bitPattern != expected.pointer[$0].bitPattern
      }
      guard let place, wrong == nil else { continue }
      wrong =
        "the \(mode.rawValue) small sum of \(count) values\(byHalves ? " by halves" : "") differs "
        + "from the tree's: value \(place) is \(found.pointer[place]), expected "
        + "\(expected.pointer[place])"
    }
    return wrong
  }

  private func sum(count: Int, use: String?, _ blocks: Int) throws -> TransferTiming {
    let vector = FloatStorage(count: count)
    var ways = try modes.map { mode in
      let sum = try communicator.makeOrderedSum(count: count, mode: mode)
      return { try sum(vector.buffer) }
    }
    ways.append { communicator.allReduce(vector.buffer) }
    return timing(
      values: count, use: use, try CallTimer(communicator: communicator).times(ways, blocks: blocks)
    )
  }

  private func gather(count: Int, _ blocks: Int) throws -> TransferTiming {
    let mine = DoubleStorage(count: count)
    let all = DoubleStorage(count: communicator.size * count)
    var ways = try modes.map { mode in
      let gather = try communicator.makeAllGather(
        UnsafeBufferPointer(mine.buffer), into: all.buffer, mode: mode)
      return { try gather() }
    }
    ways.append { try communicator.allGather(UnsafeBufferPointer(mine.buffer), into: all.buffer) }
    return timing(
      values: count, use: nil, try CallTimer(communicator: communicator).times(ways, blocks: blocks)
    )
  }

  private func smallSum(count: Int, _ blocks: Int) throws -> SmallSumTiming {
    let vector = DoubleStorage(count: count)
    let ways = try [false, true].map { byHalves in
      let sum = try communicator.makeSmallSum(
        vector.buffer, mode: communicator.exchangeMode, byHalves: byHalves)
      return { try sum() }
    }
    let times = try CallTimer(communicator: communicator).times(ways, blocks: blocks)
    return SmallSumTiming(values: count, gathered: times[0], byHalves: times[1])
  }

  private func timing(values: Int, use: String?, _ times: [TransferTime]) -> TransferTiming {
    TransferTiming(
      values: values, use: use, flat: times[0],
      twoLevel: modes.contains(.twoLevel) ? times[1] : nil, mpi: times[modes.count])
  }

  /// Least squares of relative errors: weights 1 / microseconds^2.
  static func fit(
    _ timings: [TransferTiming], _ time: (TransferTiming) -> TransferTime
  ) -> TransferFit {
    var (w, wx, wy, wxx, wxy) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for timing in timings {
      let (x, y) = (Double(timing.values * MemoryLayout<Float>.stride), time(timing).median)
      let weight = 1 / (y * y)
      w += weight
      wx += weight * x
      wy += weight * y
      wxx += weight * x * x
      wxy += weight * x * y
    }
    let slope = (w * wxy - wx * wy) / (w * wxx - wx * wx)
    return TransferFit(
      latencyMicroseconds: (wy - slope * wx) / w, gigabytesPerSecond: 1e-3 / slope)
  }
}

extension ExchangeResult {
  /// For people.
  package var table: String {
    let number = { (value: Double, digits: Int) in String(format: "%.\(digits)f", value) }
    let times = { (time: TransferTime?) in
      time.map { "\(number($0.median, 1)) (\(number($0.fastest, 1)))" } ?? "-"
    }
    let transfers = { (timings: [TransferTiming]) in
      var table = TextTable([
        .number("values"), .number("flat"), .number("two-level"), .number("MPI"), .text(""),
      ])
      for timing in timings {
        table.add([
          "\(timing.values)", times(timing.flat), times(timing.twoLevel), times(timing.mpi),
          timing.use ?? "",
        ])
      }
      return table.lines
    }
    var small = TextTable([.number("values"), .number("gathered"), .number("by halves")])
    for timing in smallSums {
      small.add(["\(timing.values)", times(timing.gathered), times(timing.byHalves)])
    }
    let ways = ["flat", "twoLevel", "mpi"].compactMap { way in
      fits[way].map {
        "\(way) \(number($0.latencyMicroseconds, 1)) us + \(number($0.gigabytesPerSecond, 2)) GB/s"
      }
    }
    let lines =
      ["\(name) on \(ranks) ranks; exchange: \(exchange)"]
      + [
        "microseconds (median, fastest) of an ordered sum of Float values, and of MPI_Allreduce"
      ]
      + transfers(sums)
      + ["fitted: " + ways.joined(separator: ", ")]
      + ["microseconds of a gather of Double values of each rank, and of MPI_Allgather"]
      + transfers(gathers)
      + ["microseconds of a small sum of Double values, gathered and by halves"]
      + small.lines
      + [
        "\(criticSums) + \(generatorSums) ordered sums (critic, generator) in an iteration of "
          + "\(number(iterationSeconds, 4)) s: \(number(100 * sumShare, 3)) %; beyond "
          + "MPI_Allreduce \(number(100 * shareBeyondAllReduce, 3)) %"
      ]
    return lines.joined(separator: "\n")
  }
}

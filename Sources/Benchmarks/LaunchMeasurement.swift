import Base
import Collectives
import Foundation
import Recipe
import Runs
import Storage
import Training

/// What `doctor --launch` times: each rank by itself, what joins them, and both together.
///
/// The prediction is the model of docs/scaling.md with this job's own figures in the place of
/// fitted ones: an iteration takes the compute of the slowest rank, while all ranks compute, and
/// every exchange the time that it takes by itself.
package struct LaunchMeasurement {
  /// A rank that takes so many times the median is named.
  static let slow = 1.2
  /// The share of an iteration beyond which the exchange is worth a note.
  static let largeShare = 0.1
  /// The most links of a kind that are measured.
  private static let mostLinks = 16

  private let configuration: RunConfiguration
  private let communicator: any Communicator
  private let hosts: RankHosts
  /// Best seconds of an iteration's compute, by rank.
  private let compute: [Double]
  private let exchanges: [ExchangeTiming]

  /// Times the compute of an iteration on every rank, all at once, three times; the best counts.
  ///
  /// - Parameters:
  ///   - configuration: Of the run; the same on all ranks.
  ///   - communicator: All ranks.
  /// - Throws: On all ranks.
  package init(_ configuration: RunConfiguration, communicator: any Communicator) throws {
    self.configuration = configuration
    self.communicator = communicator
    hosts = try RankHosts(communicator)
    // Nobody to exchange with, and so nobody to wait for.
    let planned = PlannedCommunicator(rank: communicator.rank, size: communicator.size)
    let benchmark = try communicator.agree {
      try Benchmark(configuration, communicator: planned)
    }
    let result = try communicator.agree {
      try benchmark.run(warmUp: 1, iterations: 3, measured: 1)
    }
    compute = try communicator.gather([result.minSeconds]).map { $0[0] }
    exchanges = communicator.size == 1 ? [] : result.exchanges
  }

  /// Names the slowest rank.
  package func ranks() -> LaunchFinding {
    Self.ranks(compute, hosts)
  }

  /// What is to be said of the ranks' best seconds.
  package static func ranks(_ seconds: [Double], _ hosts: RankHosts) -> LaunchFinding {
    let order = seconds.indices.sorted { (seconds[$0], $0) < (seconds[$1], $1) }
    guard let fastest = order.first, let slowest = order.last, fastest != slowest else {
      return LaunchFinding("ranks", "one, \(Self.text(seconds[0])) of compute an iteration")
    }
    let median = seconds.median
    let value =
      "compute of an iteration \(text(median)) (median); fastest \(hosts.name(fastest)) "
      + "\(text(seconds[fastest])), slowest \(hosts.name(slowest)) \(text(seconds[slowest]))"
    // Of two ranks the median lies between them.
    let usual = seconds.count == 2 ? seconds[fastest] : median
    let ratio = seconds[slowest] / usual
    guard ratio > slow else { return LaunchFinding("ranks", value) }
    let note =
      "\(hosts.name(slowest)) takes \(number(ratio, 2)) times as long as "
      + "\(seconds.count == 2 ? "the other" : "the median"), and all wait for it"
    return LaunchFinding("ranks", value, notes: [note])
  }

  /// Measures what joins the ranks and the exchanges of an iteration, and predicts its seconds.
  ///
  /// - Returns: Lines for transport and links, and for the exchange; the same on all ranks.
  /// - Throws: On all ranks.
  package func interconnect() throws -> [LaunchFinding] {
    guard let communicator = communicator as? MPICommunicator, communicator.size > 1 else {
      return [LaunchFinding("interconnect", "none: one rank")]
    }
    var links = try self.links(communicator)
    if let note = Self.unusedFabric(layout: communicator.layout) { links.notes.append(note) }
    // As of the compute, the fastest counts.
    let timed = try exchanges.map { exchange in
      try CallTimer(communicator: communicator).times([call(exchange)], blocks: 5)[0].fastest * 1e-6
    }
    let exchange = zip(exchanges, timed).reduce(0) { $0 + $1.0.callsPerIteration * $1.1 }
    let whole = try communicator.agree {
      try Benchmark(configuration, communicator: communicator)
    }.run(warmUp: 1, iterations: 2)
    return [
      links,
      prediction(
        exchange: exchange, measured: whole.medianSeconds,
        way: communicator.exchangeDescription),
    ]
  }

  /// One of an iteration's exchanges, as training prepares it.
  private func call(_ exchange: ExchangeTiming) throws -> () throws -> Void {
    switch exchange.kind {
    case .sum:
      let vector = FloatStorage(count: exchange.bytes / MemoryLayout<Float>.stride)
      let sum = try communicator.makeOrderedSum(count: vector.count)
      return { try sum(vector.buffer) }
    case .smallSum:
      let vector = DoubleStorage(count: exchange.bytes / MemoryLayout<Double>.stride)
      let sum = try communicator.makeSmallSum(vector.buffer)
      return { try withExtendedLifetime(vector) { try sum() } }
    case .gather:
      let count = exchange.bytes / MemoryLayout<Double>.stride
      let (mine, all) = (
        DoubleStorage(count: count), DoubleStorage(count: count * communicator.size)
      )
      let gather = try communicator.makeAllGather(
        UnsafeBufferPointer(mine.buffer), into: all.buffer)
      // The gather only has their addresses.
      return { try withExtendedLifetime((mine, all)) { try gather() } }
    }
  }

  private func prediction(exchange: Double, measured: Double, way: String) -> LaunchFinding {
    let slowest = compute.max() ?? 0
    let predicted = slowest + exchange
    let calls = exchanges.reduce(0) { $0 + $1.callsPerIteration }
    let bytes = exchanges.reduce(0) { $0 + $1.callsPerIteration * Double($1.bytes) }
    // Exchange and compute are then as largeShare to the rest.
    let budget = slowest * Self.largeShare / (1 - Self.largeShare)
    let share = exchange / predicted
    let value =
      "\(way); \(Int(calls.rounded())) exchanges, \(Self.number(bytes * 1e-6, 1)) MB a rank and "
      + "iteration: \(Self.text(exchange)), \(Self.number(1e6 * exchange / max(calls, 1), 0)) us a "
      + "call (90 % efficiency: below \(Self.number(1e6 * budget / max(calls, 1), 0)) us a call, "
      + "above \(Self.number(bytes / budget * 1e-9, 2)) GB/s)"
    let line =
      "\(Self.text(predicted)) an iteration predicted (compute \(Self.text(slowest)), exchange "
      + "\(Self.number(100 * share, 1)) %), \(Self.text(measured)) measured"
    var finding = LaunchFinding("exchange", "\(value); \(line)")
    if share > Self.largeShare {
      finding.notes.append(
        "the exchange takes \(Self.number(100 * share, 0)) % of an iteration: take fewer ranks, a "
          + "larger batch, or a faster interconnect")
    }
    return finding
  }

  // MARK: - Links

  /// Latency and bandwidth within nodes and between them.
  private func links(_ communicator: MPICommunicator) throws -> LaunchFinding {
    let nodes = Dictionary(grouping: 0..<communicator.size) {
      communicator.layout.nodeOfRank[$0]
    }.sorted { $0.key < $1.key }.map(\.value)
    let within = nodes.filter { $0.count > 1 }.map { ($0[0], $0[1]) }
    let between = zip(nodes, nodes.dropFirst()).map { ($0[0], $1[0]) }
    var (texts, notes): ([String], [String]) = ([Self.transport], [])
    for (name, pairs) in [("within a node", within), ("between nodes", between)]
    where !pairs.isEmpty {
      let step = (pairs.count + Self.mostLinks - 1) / Self.mostLinks
      let measured = try stride(from: 0, to: pairs.count, by: step).map { index in
        (pair: pairs[index], link: try communicator.ping(pairs[index].0, pairs[index].1))
      }
      let latency = measured.map(\.link.latencySeconds).median
      let speed = measured.map(\.link.bytesPerSecond).median
      texts.append(
        "\(name) \(Self.number(1e6 * latency, 1)) us, \(Self.number(1e-9 * speed, 2)) GB/s")
      if let slow = measured.min(by: { $0.link.bytesPerSecond < $1.link.bytesPerSecond }),
        slow.link.bytesPerSecond < speed / 2
      {
        notes.append(
          "\(hosts.name(slow.pair.0)) and \(hosts.name(slow.pair.1)) have "
            + "\(Self.number(1e-9 * slow.link.bytesPerSecond, 2)) GB/s, less than half the median")
      }
    }
    return LaunchFinding("interconnect", texts.joined(separator: "; "), notes: notes)
  }

  /// What Open MPI has kept loaded of its ways to send messages; it unloads those it does not use.
  ///
  /// Where they are part of the library (Open MPI 5) there is nothing to see.
  private static var components: [String] {
    // Foundation stops at the first page of such a file.
    let maps = (try? FileSystem.readFile("/proc/self/maps")) ?? []
    let names = String(decoding: maps, as: UTF8.self).split(separator: "\n").compactMap {
      line -> String? in
      guard let slash = line.lastIndex(of: "/") else { return nil }
      let name = line[line.index(after: slash)...]
      guard name.hasPrefix("mca_"), name.hasSuffix(".so") else { return nil }
      return String(name.dropFirst("mca_".count).dropLast(".so".count))
    }
    return Set(names).sorted().filter { name in
      ["pml_", "mtl_", "btl_"].contains { name.hasPrefix($0) }
    }
  }

  /// `Open MPI's ob1 over self, tcp, vader`.
  private static var transport: String {
    let found = components
    func names(_ kind: String) -> [String] {
      found.filter { $0.hasPrefix(kind) }.map { String($0.dropFirst(kind.count)) }
    }
    guard let layer = names("pml_").first else { return "transport not told by this MPI library" }
    let ways = layer == "cm" ? names("mtl_") : names("btl_")
    return "Open MPI's \(layer)" + (ways.isEmpty ? "" : " over \(ways.joined(separator: ", "))")
  }

  /// A fast network that is there while Open MPI goes by TCP.
  private static func unusedFabric(layout: NodeLayout) -> String? {
    guard layout.nodes > 1 else { return nil }
    let devices =
      (try? FileManager.default.contentsOfDirectory(atPath: "/sys/class/infiniband")) ?? []
    let fast = ["pml_ucx", "pml_cm", "btl_openib", "btl_uct", "btl_ofi"]
    guard let device = devices.sorted().first, components.contains("btl_tcp"),
      !components.contains(where: { fast.contains($0) })
    else { return nil }
    return "\(device) is there, but Open MPI goes by TCP: try mpirun --mca pml ucx"
  }

  private static func text(_ seconds: Double) -> String {
    seconds < 0.1 ? "\(number(1e3 * seconds, 1)) ms" : "\(number(seconds, 3)) s"
  }

  private static func number(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}

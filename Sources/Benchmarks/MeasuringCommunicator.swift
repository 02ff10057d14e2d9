import Base
import Collectives
import Foundation

/// The exchanges of one kind and size that a job made: what `bench` counted and timed.
package struct ExchangeTiming: Codable, Sendable, Equatable {
  package enum Kind: String, Codable, Sendable {
    /// A small vector of every rank to every rank.
    case gather
    /// A sum of small vectors over the ranks: batch norm's sums and losses.
    case smallSum
    /// A sum over the ranks, its two halves together: a network's gradient, and its parameters.
    case sum
  }

  package var kind: Kind
  /// The size of one rank's vector.
  package var bytes: Int
  package var callsPerIteration: Double
  /// Median seconds of a call on rank 0, without the wait for a slower rank before it.
  package var medianSeconds: Double
}

/// Passes everything on to another communicator, and can tell exchange from waiting: for `bench`
/// only.
///
/// While it measures, a barrier stands before every collective. Until the barrier opens a rank
/// waits for slower ones; what the collective takes after that is the exchange. The barrier makes
/// every exchange a little dearer (and its own cost counts as waiting), so that training never gets
/// one, and `bench` takes its seconds an iteration without.
final class MeasuringCommunicator: Communicator {
  private let base: any Communicator
  /// Whether barriers stand before the collectives: on all ranks or on none.
  var isMeasuring = false
  /// Seconds since the start, while measuring.
  private(set) var waitingSeconds = 0.0
  private(set) var movingSeconds = 0.0
  private var records: [Record] = []

  private struct Record {
    let kind: ExchangeTiming.Kind
    let bytes: Int
    var seconds: [Double] = []
    /// Seconds of the first half of an exchange, while the second is still to come.
    var half = 0.0
  }

  init(_ base: any Communicator) { self.base = base }

  var rank: Int { base.rank }
  var size: Int { base.size }
  var layout: NodeLayout { base.layout }
  var exchangeSeconds: Double { base.exchangeSeconds }

  /// What was exchanged while measuring, in the order of each kind's and size's first preparation.
  ///
  /// - Parameter iterations: The number of iterations that were measured.
  /// - Returns: One entry for each kind and size, with calls an iteration and median seconds.
  func timings(iterations: Int) -> [ExchangeTiming] {
    records.filter { !$0.seconds.isEmpty }.map { record in
      ExchangeTiming(
        kind: record.kind, bytes: record.bytes,
        callsPerIteration: Double(record.seconds.count) / Double(iterations),
        medianSeconds: record.seconds.median)
    }
  }

  func allGather(
    _ mine: UnsafeBufferPointer<Double>, into all: UnsafeMutableBufferPointer<Double>
  ) throws {
    try measured(record(.gather, bytes: mine.count * 8)) { try base.allGather(mine, into: all) }
  }

  func makeAllGather(
    _ mine: UnsafeBufferPointer<Double>, into all: UnsafeMutableBufferPointer<Double>
  ) throws -> any PreparedAllGather {
    let gather = try base.makeAllGather(mine, into: all)
    return Call(record(.gather, bytes: mine.count * 8), self) { try gather() }
  }

  func makeSmallSum(_ vector: UnsafeMutableBufferPointer<Double>) throws -> any SmallSum {
    let sum = try base.makeSmallSum(vector)
    return Call(record(.smallSum, bytes: vector.count * 8), self) { try sum() }
  }

  func makeOrderedSum(count: Int) throws -> any OrderedSum {
    Sum(try base.makeOrderedSum(count: count), record(.sum, bytes: count * 4), self)
  }

  func useExchange(_ mode: ExchangeMode) throws { try base.useExchange(mode) }
  var exchangeDescription: String { base.exchangeDescription }

  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {
    try base.broadcast(bytes, from: root)
  }

  func barrier() throws { try base.barrier() }
  func abort(status: Int32) -> Never { base.abort(status: status) }

  private func record(_ kind: ExchangeTiming.Kind, bytes: Int) -> Int {
    if let index = records.firstIndex(where: { $0.kind == kind && $0.bytes == bytes }) {
      return index
    }
    records.append(Record(kind: kind, bytes: bytes))
    return records.count - 1
  }

  /// Runs `exchange`, behind a barrier while measuring, and books its seconds.
  ///
  /// - Parameters:
  ///   - record: The index in `records` of the exchange's kind and size.
  ///   - isHalf: Whether another call follows that belongs to the same exchange.
  ///   - exchange: The collective.
  /// - Throws: `Fault` where the barrier or the collective fails.
  @inline(__always)
  fileprivate func measured(
    _ record: Int, isHalf: Bool = false, _ exchange: () throws -> Void
  ) throws {
    guard isMeasuring else { return try exchange() }
    let begin = DispatchTime.now().uptimeNanoseconds
    try base.barrier()
    let opened = DispatchTime.now().uptimeNanoseconds
    try exchange()
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - opened) * 1e-9
    waitingSeconds += Double(opened - begin) * 1e-9
    movingSeconds += seconds
    records[record].half += seconds
    guard !isHalf else { return }
    records[record].seconds.append(records[record].half)
    records[record].half = 0
  }

  /// A prepared collective that is one call.
  private final class Call: PreparedAllGather, SmallSum {
    private let exchange: () throws -> Void
    private let record: Int
    private unowned let communicator: MeasuringCommunicator

    init(
      _ record: Int, _ communicator: MeasuringCommunicator, _ exchange: @escaping () throws -> Void
    ) {
      self.exchange = exchange
      self.record = record
      self.communicator = communicator
    }

    func callAsFunction() throws { try communicator.measured(record, exchange) }
  }

  private final class Sum: OrderedSum {
    private let base: any OrderedSum
    private let record: Int
    private unowned let communicator: MeasuringCommunicator

    init(_ base: any OrderedSum, _ record: Int, _ communicator: MeasuringCommunicator) {
      self.base = base
      self.record = record
      self.communicator = communicator
    }

    func parts(ofRank rank: Int) -> [Range<Int>] { base.parts(ofRank: rank) }

    func reduce(_ vector: MutableFloatBuffer) throws {
      try communicator.measured(record, isHalf: true) { try base.reduce(vector) }
    }

    func share(_ vector: MutableFloatBuffer) throws {
      try communicator.measured(record) { try base.share(vector) }
    }
  }
}

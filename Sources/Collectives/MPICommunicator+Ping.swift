import Base

/// What joins two ranks, as a message of theirs finds it.
package struct LinkTiming: Sendable, Equatable {
  /// Of a message of 8 bytes, one way.
  package var latencySeconds: Double
  /// Of long messages, one way.
  package var bytesPerSecond: Double
}

extension MPICommunicator {
  /// Sends messages to and fro between two ranks while the others wait; all ranks call it.
  ///
  /// - Parameters:
  ///   - first: The rank that sends first.
  ///   - second: The one that answers.
  /// - Returns: The same on all ranks: of the fastest rounds, since what else the machine does is
  ///   no part of the link.
  /// - Throws: `Fault` where the exchange fails.
  package func ping(_ first: Int, _ second: Int) throws -> LinkTiming {
    precondition(first != second, "rank \(first) sends to itself")
    let long = 4 << 20
    let short = try roundTrip(first, second, bytes: 8, rounds: 200, warmUp: 20)
    let seconds = try roundTrip(first, second, bytes: long, rounds: 7, warmUp: 2)
    return LinkTiming(
      latencySeconds: short / 2,
      bytesPerSecond: Double(long) / (seconds / 2))
  }

  /// The fewest seconds of a message and its answer.
  private func roundTrip(
    _ first: Int, _ second: Int, bytes: Int, rounds: Int, warmUp: Int
  ) throws -> Double {
    var fastest = 0.0
    try barrier()
    if rank == first || rank == second {
      let other = rank == first ? second : first
      let buffer = FloatStorage(count: bytes / MemoryLayout<Float>.stride)
      let raw = UnsafeMutableRawBufferPointer(buffer.buffer)
      let send = MPIMessages(self, capacity: 1, tag: Self.pingTag)
      let receive = MPIMessages(self, capacity: 1, tag: Self.pingTag)
      send.addSend(UnsafeRawBufferPointer(raw), to: other)
      receive.addReceive(raw, from: other)
      let turns = rank == first ? [send, receive] : [receive, send]
      // The messages only have its address.
      let seconds = withExtendedLifetime(buffer) {
        (0..<warmUp + rounds).map { _ in
          secondsTaken { for messages in turns { messages.exchange() } }
        }
      }
      fastest = seconds.dropFirst(warmUp).min() ?? 0
    }
    return try gather([fastest])[first][0]
  }

  /// Apart from the tags of sums and gathers, though none of them is under way.
  private static let pingTag = 1000
}

import Synchronization

/// Counts the bytes of all `AlignedArray`s of the process: what networks, optimizers and exchanges
/// hold.
package enum MemoryLedger {
  private static let held = Atomic<Int>(0)
  private static let plans = Atomic<Int>(0)

  /// Bytes that are allocated now.
  package static var bytes: Int { held.load(ordering: .relaxed) }

  static func add(_ bytes: Int) { held.add(bytes, ordering: .relaxed) }

  /// Whether large arrays are to stay untouched.
  static var isPlanning: Bool { plans.load(ordering: .relaxed) > 0 }

  /// Calls `body`; arrays of 2 MiB or more that are made meanwhile have undefined values, and take
  /// addresses but no memory until somebody writes to them.
  ///
  /// For building what is only measured.
  package static func planning<Result>(_ body: () throws -> Result) rethrows -> Result {
    plans.add(1, ordering: .relaxed)
    defer { plans.subtract(1, ordering: .relaxed) }
    return try body()
  }
}

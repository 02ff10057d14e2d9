import Foundation
import Synchronization

/// What this process is doing now, for a watchdog on another thread: a few numbers that cost a
/// store each.
package enum Activity {
  /// A part of a run.
  package enum Phase: UInt32, Sendable {
    case opening, starting, criticStep, generatorStep, endOfIteration
    case scores, pictures, checkpoint, ending
  }

  private static let phase = Atomic<UInt32>(0)
  private static let iteration = Atomic<UInt32>(0)
  private static let step = Atomic<UInt32>(0)
  private static let waits = Atomic<UInt32>(0)
  private static let waitingSince = Atomic<UInt64>(0)
  /// The address of a static text.
  private static let call = Atomic<UInt>(0)
  private static let iterations = Atomic<UInt64>(0)
  private static let allNanoseconds = Atomic<UInt64>(0)
  private static let slowestNanoseconds = Atomic<UInt64>(0)

  /// Enters a part of a run.
  ///
  /// - Parameters:
  ///   - new: The part.
  ///   - number: Of the iteration, from 1.
  ///   - part: Of the step within the iteration, from 1.
  @inline(__always)
  package static func enter(_ new: Phase, iteration number: Int = 0, step part: Int = 0) {
    phase.store(new.rawValue, ordering: .relaxed)
    if number > 0 { iteration.store(UInt32(clamping: number), ordering: .relaxed) }
    step.store(UInt32(clamping: part), ordering: .relaxed)
    waits.store(0, ordering: .relaxed)
  }

  /// Begins to wait: for other ranks, or for a file system.
  ///
  /// - Parameters:
  ///   - text: What for, such as the name of an MPI function.
  ///   - now: `DispatchTime`'s nanoseconds.
  @inline(__always)
  package static func beginWait(_ text: StaticString, at now: UInt64) {
    call.store(UInt(bitPattern: text.utf8Start), ordering: .relaxed)
    waits.add(1, ordering: .relaxed)
    waitingSince.store(now, ordering: .relaxed)
  }

  /// Ends to wait.
  @inline(__always)
  package static func endWait() { waitingSince.store(0, ordering: .relaxed) }

  /// Takes note of an iteration's seconds.
  package static func observe(iterationSeconds: Double) {
    let now = UInt64(max(0, iterationSeconds) * 1e9)
    iterations.add(1, ordering: .relaxed)
    allNanoseconds.add(now, ordering: .relaxed)
    if now > slowestNanoseconds.load(ordering: .relaxed) {
      slowestNanoseconds.store(now, ordering: .relaxed)
    }
  }

  /// Seconds of the slowest iteration so far.
  package static var slowestIteration: Double {
    Double(slowestNanoseconds.load(ordering: .relaxed)) * 1e-9
  }

  /// Mean seconds of the iterations so far; 0 before the first.
  package static var meanIteration: Double {
    let count = iterations.load(ordering: .relaxed)
    guard count > 0 else { return 0 }
    return Double(allNanoseconds.load(ordering: .relaxed)) * 1e-9 / Double(count)
  }

  /// What a process is doing, as it is sent to others: plain numbers, alike on all ranks.
  package struct Snapshot: Sendable {
    package var phase: UInt32 = 0
    package var iteration: UInt32 = 0
    package var step: UInt32 = 0
    /// Waits since the part began, the present one included.
    package var waits: UInt32 = 0
    /// Seconds of the present wait; below 0 where there is none.
    package var waitingSeconds = -1.0

    package init() {}

    package var isWaiting: Bool { waitingSeconds >= 0 }
    /// Whether configuration and data are being opened.
    package var isOpening: Bool { phase == Phase.opening.rawValue }
    /// Whether there has been no iteration yet.
    package var isBeginning: Bool { phase <= Phase.starting.rawValue }

    /// `critic step 2 of iteration 17`.
    package var place: String {
      switch Phase(rawValue: phase) {
      case .opening, nil: "the opening of configuration and data"
      case .starting: "the start"
      case .criticStep: "critic step \(step) of iteration \(iteration)"
      case .generatorStep: "the generator step of iteration \(iteration)"
      case .endOfIteration: "the end of iteration \(iteration)"
      case .scores: "the scores after iteration \(iteration)"
      case .pictures: "the pictures after iteration \(iteration)"
      case .checkpoint: "the checkpoint after iteration \(iteration)"
      case .ending: "the end of the run"
      }
    }
  }

  /// What this process is doing now.
  package static var snapshot: Snapshot {
    var found = Snapshot()
    found.phase = phase.load(ordering: .relaxed)
    found.iteration = iteration.load(ordering: .relaxed)
    found.step = step.load(ordering: .relaxed)
    found.waits = waits.load(ordering: .relaxed)
    let since = waitingSince.load(ordering: .relaxed)
    if since > 0 {
      let now = DispatchTime.now().uptimeNanoseconds
      found.waitingSeconds = now > since ? Double(now - since) * 1e-9 : 0
    }
    return found
  }

  /// What this process waits for.
  package static var callName: String {
    let address = call.load(ordering: .relaxed)
    guard let text = UnsafePointer<CChar>(bitPattern: address) else { return "nothing" }
    return String(cString: text)
  }
}

import Foundation
import Synchronization

/// Requests to stop in order: SIGINT, SIGTERM and SIGHUP (a single process), SIGUSR1 (mpirun
/// forwards it to all ranks) and SIGUSR2 (likewise; some batch systems send it).
///
/// The trainer looks at it after each iteration and agrees with the other ranks; what reads for a
/// long time looks at it too. Under mpirun
/// SIGINT and SIGTERM are followed by SIGKILL a second later: a save then happens only if the step
/// and the save fit into it.
package enum StopSignal {
  private static let received = Atomic<Int32>(0)

  /// The number of the signal that came, or 0.
  package static var pending: Int32 { received.load(ordering: .relaxed) }

  /// The number that stands for the end of the job's time, beside those of signals.
  package static let timeLimit: Int32 = 1000

  /// Catches the signals from now on.
  ///
  /// A second SIGINT ends the process at once. SIGHUP stays ignored under `nohup`.
  package static func install() {
    var numbers = [SIGINT, SIGTERM, SIGUSR1, SIGUSR2]
    var action = sigaction()
    sigaction(SIGHUP, nil, &action)
    // The handler's address, 1 for "ignore": function pointers cannot be compared.
    let handler = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
    if handler != unsafeBitCast(SIG_IGN, to: Int.self) { numbers.append(SIGHUP) }
    // Whoever started the program may have blocked signals, and its children inherit that.
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
    for number in numbers {
      signal(number) { number in
        // Only what is allowed in a signal handler: an atomic exchange and _exit.
        let before = StopSignal.received.exchange(number, ordering: .relaxed)
        if before == SIGINT && number == SIGINT { _exit(130) }
      }
    }
  }

  /// The number that stands for a program that asks for it, likewise.
  package static let request: Int32 = 1001

  /// `SIGUSR1` for 10.
  package static func name(_ number: Int32) -> String {
    let names = [
      SIGINT: "SIGINT", SIGTERM: "SIGTERM", SIGUSR1: "SIGUSR1", SIGUSR2: "SIGUSR2",
      SIGHUP: "SIGHUP", timeLimit: "the time limit",
      request: "the program",
    ]
    return names[number] ?? "signal \(number)"
  }
}

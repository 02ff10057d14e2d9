import Base
import Foundation

/// Runs code in a child process first, for libraries that do not survive every damaged file.
///
/// A crash there is one line here. What does not crash is done again by the caller, which finds out
/// by itself what else is wrong: nothing but signs of life comes back.
package enum TrialProcess {
  /// How a child ended.
  private enum Ending {
    case itself
    case crash(signal: Int32)
    case silence
  }

  // Swift hides it, as threads do not live on in the child: it needs none.
  private static let fork: (@convention(c) () -> pid_t)? = dlsym(nil, "fork").map {
    unsafeBitCast($0, to: (@convention(c) () -> pid_t).self)
  }

  /// Tries code on a file.
  ///
  /// - Parameters:
  ///   - path: The file, for messages.
  ///   - library: What may fail, for messages.
  ///   - patience: Milliseconds without a sign of life after which the child is given up.
  ///   - body: The code. Calls its argument now and then, as a sign of life; its own errors are
  ///     left for the caller to find.
  /// - Throws: `Fault` where the child crashed or fell silent. Without a child nothing is tried.
  package static func run(
    _ path: String, library: String, patience: Int32 = 60_000, _ body: (() -> Void) throws -> Void
  ) throws {
    var ends: [Int32] = [-1, -1]
    guard let fork, pipe(&ends) == 0 else { return }
    // Another thread's child that keeps an end would hide this one's.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let child = fork()
    if child == 0 { become(ends, body) }
    close(ends[1])
    defer { close(ends[0]) }
    guard child > 0 else { return }
    let isSilent = ProcessorTime.counting(child: child) { fallsSilent(ends[0], patience) }
    switch end(child, isSilent: isSilent) {
    case .itself: return
    case .crash(let signal):
      throw Fault("\(path): damaged: \(library) crashes on it (signal \(signal))")
    case .silence:
      throw Fault(
        "\(path): damaged: \(library) has been silent on it for \(patience / 1000) seconds")
    }
  }

  private static func become(_ ends: [Int32], _ body: (() -> Void) throws -> Void) -> Never {
    // No report, no core file, and no writing to a parent that has gone.
    for number in crashSignals + [SIGPIPE, SIGINT, SIGTERM] { signal(number, SIG_DFL) }
    // Threads of a queue have most signals blocked.
    var blocked = sigset_t()
    sigemptyset(&blocked)
    pthread_sigmask(SIG_SETMASK, &blocked, nil)
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    close(ends[0])
    try? body {
      var sign: UInt8 = 1
      _ = write(ends[1], &sign, 1)
    }
    _exit(0)
  }

  /// Waits until the child has closed its end of the pipe; whether it fell silent before.
  private static func fallsSilent(_ end: Int32, _ patience: Int32) -> Bool {
    var signs = [UInt8](repeating: 0, count: 4096)
    while true {
      var place = pollfd(fd: end, events: Int16(POLLIN), revents: 0)
      let ready = poll(&place, 1, patience)
      if ready < 0, errno == EINTR { continue }
      guard ready > 0, read(end, &signs, signs.count) > 0 else { return ready == 0 }
    }
  }

  private static func end(_ child: pid_t, isSilent: Bool) -> Ending {
    if isSilent { kill(child, SIGKILL) }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7F
    return isSilent ? .silence : crashSignals.contains(signal) ? .crash(signal: signal) : .itself
  }
}

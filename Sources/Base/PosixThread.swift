import Foundation

/// Starting threads, with an answer where the system refuses: `Thread.start()` and dispatch queues
/// have none, and what waits for them waits for ever.
package enum PosixThread {
  /// Starts a thread that nobody joins.
  ///
  /// - Parameters:
  ///   - name: At most 15 bytes, for `top` and debuggers.
  ///   - stackSize: Bytes, which count against a limit of address space.
  ///   - body: What it does.
  /// - Throws: `Fault` with the system's reason.
  package static func start(
    name: String, stackSize: Int = 1 << 20, _ body: @escaping @Sendable () -> Void
  ) throws(Fault) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackSize)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let work = Unmanaged.passRetained(Work(name: name, body: body))
    var thread = pthread_t()
    let code = pthread_create(&thread, &attributes, run, work.toOpaque())
    guard code == 0 else {
      work.release()
      throw Fault(
        "cannot start the thread '\(name)': \(String(cString: strerror(code)))",
        advice: "raise the job's limits of memory (ulimit -v) and of processes (ulimit -u)")
    }
  }

  private final class Work: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  private static let run: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
    guard let pointer = $0 else { return nil }
    let work = Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue()
    Thread.current.name = work.name
    // Signals are the main thread's: a system call of this thread is not to be interrupted.
    var all = sigset_t()
    sigfillset(&all)
    for number in crashSignals { sigdelset(&all, number) }
    pthread_sigmask(SIG_BLOCK, &all, nil)
    work.body()
    return nil
  }
}

/// One thread that does what it is given, one after the other.
package final class SerialWorker: Sendable {
  private let shared = Shared()

  private final class Shared: @unchecked Sendable {
    let condition = NSCondition()
    var work: [@Sendable () -> Void] = []
    var isBusy = false
    var isOver = false

    func run() {
      condition.lock()
      while true {
        while work.isEmpty && !isOver { condition.wait() }
        guard !work.isEmpty else { break }
        let next = work.removeFirst()
        isBusy = true
        condition.unlock()
        next()
        condition.lock()
        isBusy = false
        condition.broadcast()
      }
      condition.unlock()
    }
  }

  /// Starts the thread.
  ///
  /// - Parameter name: At most 15 bytes.
  /// - Throws: `Fault` where the system refuses.
  package init(name: String) throws(Fault) {
    try PosixThread.start(name: name) { [shared] in shared.run() }
  }

  /// What has been given is still done.
  deinit {
    shared.condition.lock()
    shared.isOver = true
    shared.condition.broadcast()
    shared.condition.unlock()
  }

  /// Leaves `work` to the thread.
  package func perform(_ work: @escaping @Sendable () -> Void) {
    shared.condition.lock()
    shared.work.append(work)
    shared.condition.broadcast()
    shared.condition.unlock()
  }

  /// Waits until all that was given is done.
  package func wait() {
    shared.condition.lock()
    while shared.isBusy || !shared.work.isEmpty { shared.condition.wait() }
    shared.condition.unlock()
  }
}

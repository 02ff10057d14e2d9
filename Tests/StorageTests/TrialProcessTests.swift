import Base
import Foundation
import Storage
import Synchronization
import TestSupport
import Testing

@Suite struct TrialProcessTests {
  @Test func whatEndsByItselfIsLeftToTheCaller() throws {
    try TrialProcess.run("a.h5", library: "lib") { $0() }
    try TrialProcess.run("a.h5", library: "lib") { _ in throw Fault("not for this process") }
    // Somebody's wish, which this process gets too.
    try TrialProcess.run("a.h5", library: "lib") { _ in kill(getpid(), SIGTERM) }
  }

  @Test(arguments: [SIGSEGV, SIGABRT]) func crashesAreNamed(_ number: Int32) {
    let text = message { try TrialProcess.run("a.h5", library: "lib") { _ in raise(number) } }
    #expect(text == "a.h5: damaged: lib crashes on it (signal \(number))")
  }

  /// Half a second of silence is too long, but not half a second of work.
  @Test func silenceEnds() throws {
    func pauses(_ count: Int) -> ((() -> Void) -> Void) {
      { isAlive in
        for _ in 0..<count {
          usleep(250_000)
          isAlive()
        }
      }
    }
    try TrialProcess.run("a.h5", library: "lib", patience: 20_000, pauses(2))
    let text = message {
      try TrialProcess.run("a.h5", library: "lib", patience: 200) { _ in sleep(60) }
    }
    #expect(text == "a.h5: damaged: lib has been silent on it for 0 seconds")
  }

  /// The watchdog counts what the child computes while this process waits for it.
  @Test func theChildsTimeIsCounted() throws {
    final class Counter: Sendable {
      let most = Mutex(0.0)
      let isOver = Atomic<Bool>(false)
      func count() {
        while !isOver.load(ordering: .relaxed) {
          let all = ProcessorTime.exceptThisThread
          let found = all - (ProcessorTime.process - ProcessorTime.thread)
          most.withLock { $0 = max($0, found) }
          usleep(5000)
        }
      }
    }
    let counter = Counter()
    Thread { counter.count() }.start()
    defer { counter.isOver.store(true, ordering: .relaxed) }
    try TrialProcess.run("a.h5", library: "lib") { _ in
      let begin = ProcessorTime.process
      while ProcessorTime.process - begin < 0.5 {}
    }
    let found = counter.most.withLock { $0 }
    #expect(found > 0.25 && found < 10, "\(found) s")
  }
}

import Base
import Foundation
import Synchronization

/// The right of one process, on whatever machine, to write into a run's folder.
///
/// Two means, since neither is enough by itself. `flock` on the file `lock` keeps others out on one
/// machine, and on file systems that carry it between machines; it ends with its process, however
/// that ends. On network file systems where it does not, the file's text does: the holder signs it
/// with a token of its own and counts a beat in it every few seconds. Who wants the folder and
/// finds a holder of another machine waits: a beat that moves is a living holder; one that stands
/// still for `staleAfter` seconds is a dead one, and the newcomer signs in its place.
///
/// A holder that was only held up (a stopped process, a lost network) finds the other's token when
/// it wakes. `check()` asks before anything is written, so that it then writes nothing more.
///
/// The token that counts is that in `lock-owner`, which each holder puts in place by a rename. What
/// a client of NFS had begun to write before it was cut off, a beat too, it writes once it is back:
/// over the other's text in `lock`, but never into a file that another one has replaced.
///
/// Between the question and the write lies an instant that no file system can close; what can be
/// written in it is a checkpoint under a name of its own or one of the same bytes, which harms no
/// reader.
///
/// The file stays (removing it would let two processes hold two locks of one name), and names the
/// process that holds the folder or held it last.
package final class RunLease: Sendable {
  /// What the lock's file says of a holder.
  package struct Holder: Equatable, Sendable {
    /// `process 17 on h1 since 2026-11-28T12:00:00Z, Slurm job 42`.
    package var name: String
    /// The kernel that the holder runs on: within one, `flock` can be trusted.
    var boot: String?
    var token: String?
    /// Whether the holder went away in order.
    package var isReleased: Bool
  }

  private struct State {
    var beat = 0
    var lastConfirmed = bootSeconds()
    var lastLook = bootSeconds()
    var failure: String?
    var isReleased = false
    var isClosed = false
  }

  private let folder: String
  private let path: String
  private let ownerPath: String
  private let name: String
  private let boot: String
  private let token: String
  private let descriptor: Int32
  private let beatSeconds: Double
  private let state = Mutex(State())
  private let ended = DispatchSemaphore(value: 0)

  /// Takes the folder.
  ///
  /// - Parameters:
  ///   - folder: An existing folder, in which `lock` is made if it is not there.
  ///   - patience: Seconds to wait for a holder on this machine: the processes of a job that was
  ///     killed a moment ago may still be ending.
  ///   - staleAfter: Seconds without a beat after which a holder of another machine is dead.
  ///   - boot: The kernel's own number; tests pretend to be another machine by it.
  ///   - report: Called with a line before a long wait.
  /// - Throws: `Fault` naming the process that holds the folder, or the reason why the file
  ///   cannot be written.
  package init(
    folder: String, patience: Double = 2, staleAfter: Double = 60, boot: String = currentBoot,
    report: (String) -> Void = { _ in }
  ) throws {
    self.folder = folder
    self.boot = boot
    path = "\(folder)/lock"
    ownerPath = "\(folder)/lock-owner"
    name = Self.ownName
    token = String(UInt64.random(in: .min ... .max), radix: 16)
    beatSeconds = staleAfter / 6
    let path = path
    descriptor = retryingInterrupts { open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666) }
    guard descriptor >= 0 else { throw Fault(path: path, cannot: "open", code: errno) }
    do {
      try takeFileLock(patience: patience)
      let isTakenOver = try waitForForeignHolder(staleAfter: staleAfter, report: report)
      try FileSystem.writeAtomically("\(name)\ntoken: \(token)\n", to: ownerPath)
      sign(isReleased: false)
      // Two may have seen the same dead holder: the later signature stands, and the other sees it.
      if isTakenOver {
        usleep(UInt32(staleAfter / 20 * 1e6))
        try confirm()
      }
      try beatInBackground()
    } catch {
      state.withLock { $0.isReleased = true }
      closeFile()
      throw error
    }
  }

  deinit { release() }

  // MARK: - Questions

  /// Refuses a folder that another process of this machine has taken, and writes nothing.
  ///
  /// - Throws: `Fault` as the initializer.
  package static func requireFree(_ folder: String) throws {
    let opened = retryingInterrupts { open("\(folder)/lock", O_RDONLY | O_CLOEXEC) }
    // Nobody has taken what is not there.
    guard opened >= 0 else { return }
    defer { close(opened) }
    let isFree = retryingInterrupts { flock(opened, LOCK_SH | LOCK_NB) } == 0
    guard isFree || errno != EWOULDBLOCK else { throw inUse(folder, by: holder(of: folder)) }
  }

  /// Who holds a run's folder or held it last; nil where nobody ever did.
  package static func holder(of folder: String) -> Holder? {
    guard let bytes = try? FileSystem.readFile("\(folder)/lock") else { return nil }
    return holder(in: bytes)
  }

  /// Whether a process of this machine holds the folder now.
  package static func isHeldHere(_ folder: String) -> Bool { (try? requireFree(folder)) == nil }

  /// Whether the folder is still this process's, asked before something is written in it.
  ///
  /// Costs a question to the clock; once a second one to the file system, and where no beat has
  /// come for a while one to the file.
  ///
  /// - Throws: `Fault` where the folder is gone, has been moved, or is another's.
  package func check() throws {
    let (failure, sinceConfirmed, sinceLook) = state.withLock { state in
      let now = bootSeconds()
      let look = now - state.lastLook
      if look > 1 { state.lastLook = now }
      return (state.failure, now - state.lastConfirmed, look)
    }
    if let failure { throw Fault(failure) }
    if sinceConfirmed > 2 * beatSeconds { return try confirm() }
    if sinceLook > 1 { try requireSameFile() }
  }

  /// As `check`, with a look into the file: before a checkpoint gets its name.
  ///
  /// - Throws: `Fault` where the folder is gone, has been moved, or is another's.
  package func confirm() throws {
    let begin = bootSeconds()
    try requireSameFile()
    guard let found = owner else {
      throw lost("\(path): cannot be read any more; another job may have taken the run")
    }
    guard found.token == token else {
      throw lost(
        "\(folder): taken over by \(found.name), which had seen no sign of life of \(name); this "
          + "job writes nothing more")
    }
    sign(isReleased: false, confirmedAt: begin)
  }

  /// Whose the folder is, by names: a file system of the network asks the server then.
  private var owner: Holder? {
    if let bytes = try? FileSystem.readFile(ownerPath) { return Self.holder(in: bytes) }
    return Self.holder(of: folder)
  }

  // MARK: - Giving it back

  /// Gives the folder back; the second time nothing happens.
  package func release() {
    let (isFirst, isOurs) = state.withLock { state in
      defer { state.isReleased = true }
      return (!state.isReleased, state.failure == nil)
    }
    guard isFirst else { return }
    ended.signal()
    // Others need not wait for a beat then. Unless somebody else has signed.
    if isOurs, (try? requireSameFile()) != nil, owner?.token == token {
      sign(isReleased: true)
    }
    closeFile()
  }

  /// Closing the only descriptor of the open file ends its lock.
  private func closeFile() {
    state.withLock { state in
      if !state.isClosed { close(descriptor) }
      state.isClosed = true
    }
  }

  // MARK: - Taking it

  private func takeFileLock(patience: Double) throws {
    let deadline = DispatchTime.now() + patience
    // On a file system without locks everybody gets one.
    while retryingInterrupts({ flock(descriptor, LOCK_EX | LOCK_NB) }) != 0, errno == EWOULDBLOCK {
      guard DispatchTime.now() < deadline else {
        throw Self.inUse(folder, by: Self.holder(of: folder))
      }
      usleep(20_000)
    }
  }

  /// Whether there was a holder of another machine, which has shown no sign of life.
  private func waitForForeignHolder(
    staleAfter: Double, report: (String) -> Void
  ) throws -> Bool {
    let first = (try? FileSystem.readFile(path)) ?? []
    guard let holder = Self.holder(in: first), let other = holder.boot, other != boot,
      !holder.isReleased
    else { return false }
    report(
      "\(folder): held by \(holder.name), on another machine; waiting \(Int(staleAfter.rounded())) "
        + "s for a sign of life")
    let start = bootSeconds()
    while bootSeconds() - start < staleAfter {
      usleep(UInt32(min(0.5, staleAfter / 20) * 1e6))
      if let now = try? FileSystem.readFile(path), now != first {
        throw Self.inUse(folder, by: Self.holder(in: now) ?? holder)
      }
    }
    return true
  }

  private func beatInBackground() throws {
    try PosixThread.start(name: "lease") { [weak self, ended, beatSeconds] in
      while ended.wait(timeout: .now() + beatSeconds) == .timedOut {
        guard let self else { return }
        // What is wrong is kept for the next `check`.
        try? self.confirm()
      }
    }
  }

  private func lost(_ text: String) -> Fault {
    state.withLock { if $0.failure == nil { $0.failure = text } }
    return Fault(text)
  }

  /// Whether the lock's file is still the one that was opened: a folder that was deleted, renamed
  /// or replaced has another or none.
  private func requireSameFile() throws {
    var (own, found) = (stat(), stat())
    guard fstat(descriptor, &own) == 0, stat(path, &found) == 0 else {
      throw lost("\(folder): the run's folder has been deleted or moved away while it was in use")
    }
    guard own.st_ino == found.st_ino, own.st_dev == found.st_dev else {
      throw lost("\(folder): the run's folder has been replaced by another while it was in use")
    }
  }

  // MARK: - The file's text

  /// Writes the text with the next beat.
  ///
  /// - Parameters:
  ///   - isReleased: Whether the folder is given back.
  ///   - confirmedAt: When the look began that found the folder this process's: the answer of a
  ///     file system, and so the end of this, can be minutes late.
  private func sign(isReleased: Bool, confirmedAt: Double = bootSeconds()) {
    // Under the lock: the descriptor may be closed by another thread, and its number be reused.
    state.withLock { state in
      guard !state.isClosed else { return }
      state.beat += 1
      let text = """
        \(name)
        boot: \(boot)
        token: \(token)
        beat: \(state.beat)
        state: \(isReleased ? "released" : "held")

        """
      let bytes = Array(text.utf8)
      // In place: a file that is renamed over another would not be the one that is locked.
      let count = retryingInterrupts { pwrite(descriptor, bytes, bytes.count, 0) }
      // A full disk is no reason to give the folder away: the beat is only late.
      guard count == bytes.count, ftruncate(descriptor, off_t(bytes.count)) == 0 else { return }
      state.lastConfirmed = confirmedAt
    }
  }

  private static func holder(in bytes: [UInt8]) -> Holder? {
    let lines = String(decoding: bytes.prefix(4096), as: UTF8.self).split(separator: "\n")
    guard let name = lines.first else { return nil }
    func value(_ key: String) -> String? {
      lines.first { $0.hasPrefix("\(key): ") }.map { String($0.dropFirst(key.count + 2)) }
    }
    return Holder(
      name: String(name), boot: value("boot"), token: value("token"),
      isReleased: value("state") == "released")
  }

  private static func inUse(_ folder: String, by holder: Holder?) -> Fault {
    Fault(
      "\(folder): in use by \(holder?.name ?? "another process")",
      advice: "wait for its end or stop it first")
  }

  private static var ownName: String {
    let environment = ProcessInfo.processInfo.environment
    let jobs = [("SLURM_JOB_ID", "Slurm"), ("PBS_JOBID", "PBS"), ("JOB_ID", "grid engine")]
    let job = jobs.lazy.compactMap { key, system in environment[key].map { (system, $0) } }.first
    return "process \(getpid()) on \(ProcessInfo.processInfo.hostName) since "
      + ISO8601DateFormatter().string(from: Date()) + (job.map { ", \($0) job \($1)" } ?? "")
  }

  /// The number that the kernel took when it started.
  package static let currentBoot: String = {
    let bytes = (try? FileSystem.readFile("/proc/sys/kernel/random/boot_id")) ?? []
    return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }()
}

/// Seconds since the machine started, those in which it slept included: a holder that was suspended
/// is to know it.
private func bootSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_BOOTTIME, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

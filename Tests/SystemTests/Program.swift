import Configuration
import Foundation
import Testing

/// The built program, which lies beside the test bundle.
enum Program {
  static let path = beside("wgangp-dist")

  /// A program of the package: in `/proc/self/exe`'s folder, where SwiftPM puts all.
  static func beside(_ name: String) -> String {
    let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    return bundle.deletingLastPathComponent().appendingPathComponent(name).path
  }

  /// The names in the list that `--help` prints.
  static let commands: [String] = {
    guard let help = try? run(["--help"]).output else { return [] }
    let lines = help.components(separatedBy: "\n").drop { $0 != "SUBCOMMANDS:" }.dropFirst()
    return lines.prefix { !$0.isEmpty }.compactMap { line in
      // A name stands two columns in; its description's further lines stand more.
      guard line.hasPrefix("  "), !line.hasPrefix("   ") else { return nil }
      return line.split(separator: " ").first.map(String.init)
    }
  }()

  /// How ranks are started here: more of them than cores, so they must not spin.
  static let launcher = [
    "mpirun", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1",
  ]

  /// Runs to the end: `ranks` under mpirun, or for nil a single process without it.
  ///
  /// With `ranksPerNode`, that many neighbouring ranks count as a node of their own.
  static func run(
    _ arguments: [String], ranks: Int? = nil, ranksPerNode: Int? = nil,
    environment: [String: String] = [:], timeout: Double = 120
  ) throws -> Outcome {
    // /usr/bin/env, which starts the command, takes assignments in front of it.
    let nodes = ranksPerNode.map { ["WGANGP_RANKS_PER_NODE=\($0)"] } ?? []
    let assignments = nodes + environment.map { "\($0)=\($1)" }
    return try RunningJob(assignments + command(arguments, ranks: ranks)).finish(timeout: timeout)
  }

  static func start(_ arguments: [String], ranks: Int? = nil) throws -> RunningJob {
    try RunningJob(command(arguments, ranks: ranks))
  }

  /// The command line of a job.
  static func command(_ arguments: [String], ranks: Int?) -> [String] {
    (ranks.map { launcher + ["-n", "\($0)"] } ?? []) + [path] + arguments
  }
}

/// What a finished job left.
struct Outcome: CustomStringConvertible {
  /// The exit status, or 128 + the signal's number.
  var status: Int32
  var output: String
  var errors: String
  var seconds: Double

  /// The lines of the program's own error messages.
  var errorLines: [String] {
    errors.components(separatedBy: "\n").filter { $0.hasPrefix("wgangp-dist: error:") }
  }

  var description: String {
    // The end says why; a long run's progress would drown it.
    "status \(status) after \(seconds) s\nstdout: \(output.suffix(2000))\n"
      + "stderr: \(errors.suffix(4000))"
  }
}

/// A job that did not do in time what was expected of it; it has been killed.
struct Hang: Error, CustomStringConvertible {
  var description: String
}

/// A program or an mpirun with its ranks, started and perhaps still running.
final class RunningJob {
  private let process = Process()
  private let ended = DispatchSemaphore(value: 0)
  private let command: [String]
  private let folder: Scratch
  private let begin = DispatchTime.now().uptimeNanoseconds

  /// Starts a program, which is looked for in PATH, with its arguments.
  init(_ command: [String], in directory: String? = nil) throws {
    self.command = command
    folder = try Scratch()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    var environment = ProcessInfo.processInfo.environment
    // Open MPI refuses to run as root, as containers do, unless told twice.
    environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
    environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    environment["SWIFT_BACKTRACE"] = "enable=no"
    process.environment = environment
    process.currentDirectoryURL = URL(fileURLWithPath: directory ?? folder.path)
    process.standardInput = FileHandle.nullDevice
    // Files, not pipes: nobody has to empty them for the job to go on.
    process.standardOutput = try handle("stdout")
    process.standardError = try handle("stderr")
    process.terminationHandler = { [ended] _ in ended.signal() }
    // The child inherits this thread's signal mask, and the threads that tests run on block all.
    var (none, mask) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &mask)
    defer { pthread_sigmask(SIG_SETMASK, &mask, nil) }
    try process.run()
  }

  private func handle(_ name: String) throws -> FileHandle {
    let path = "\(folder.path)/\(name)"
    try Data().write(to: URL(fileURLWithPath: path))
    return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
  }

  private func text(_ name: String) -> String {
    String(decoding: (try? Data(contentsOf: folder.url(name))) ?? Data(), as: UTF8.self)
  }

  /// The job's command and what it said last.
  private var last: String {
    "\(command.joined(separator: " "))\n\(text("stdout").suffix(2000))\n"
      + "\(text("stderr").suffix(4000))"
  }

  /// Sends a signal to the started process: the program, or mpirun.
  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Waits for something to come true while the job runs.
  ///
  /// - Throws: `Hang` after `timeout` seconds, or where the job ends before.
  func wait(
    for what: String, timeout: Double = 20, until condition: () throws -> Bool
  ) throws {
    let deadline = DispatchTime.now().uptimeNanoseconds + UInt64(timeout * 1e9)
    while try !condition() {
      let isLate = DispatchTime.now().uptimeNanoseconds > deadline
      if isLate || !process.isRunning {
        kill()
        throw Hang(
          description: "\(isLate ? "in \(timeout) s" : "before its end") no \(what): \(last)")
      }
      usleep(5000)
    }
  }

  /// Waits for the end.
  ///
  /// - Throws: `Hang` after `timeout` seconds from the start.
  func finish(timeout: Double = 120) throws -> Outcome {
    let deadline = DispatchTime(uptimeNanoseconds: begin + UInt64(timeout * 1e9))
    guard ended.wait(timeout: deadline) == .success else {
      kill()
      throw Hang(description: "still running after \(timeout) s: \(last)")
    }
    let isSignal = process.terminationReason == .uncaughtSignal
    return Outcome(
      status: (isSignal ? 128 : 0) + process.terminationStatus, output: text("stdout"),
      errors: text("stderr"),
      seconds: Double(DispatchTime.now().uptimeNanoseconds - begin) * 1e-9)
  }

  /// The process numbers of the program's ranks, or of the one process that is not under mpirun.
  var programs: [Int32] {
    (descendants + [process.processIdentifier]).filter { pid in
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe"))
        == Program.path
    }
  }

  /// Lets no file that the program writes grow beyond so many bytes: a disk that fills up.
  func limitFileSize(to bytes: Int) throws {
    for pid in programs {
      let outcome = try RunningJob(["prlimit", "--pid", "\(pid)", "--fsize=\(bytes)"]).finish()
      try #require(outcome.status == 0, "\(outcome)")
    }
  }

  /// All processes that come from the started one.
  ///
  /// mpirun gives each rank a process group of its own, so that killing one group would not do.
  private var descendants: [Int32] {
    var parents: [Int32: [Int32]] = [:]
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let pid = Int32(name),
        let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
        // pid (name) state parent ...; the name may hold spaces.
        let fields = stat.components(separatedBy: ") ").last?.split(separator: " "),
        fields.count > 1, let parent = Int32(fields[1])
      else { continue }
      parents[parent, default: []].append(pid)
    }
    var found: [Int32] = []
    var next = [process.processIdentifier]
    while let pid = next.popLast() {
      let children = parents[pid] ?? []
      found += children
      next += children
    }
    return found
  }

  /// Ends all of its processes at once, in no order.
  func kill() {
    for pid in descendants + [process.processIdentifier] { kill(pid, SIGKILL) }
    _ = ended.wait(timeout: .now() + 5)
  }

  private func kill(_ pid: Int32, _ signal: Int32) { _ = Glibc.kill(pid, signal) }
}

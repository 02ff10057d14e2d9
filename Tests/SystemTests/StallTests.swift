import Foundation
import Testing

extension SystemTests {
  /// A rank that does not come ends the job instead of holding it for ever.
  @Suite(.serialized) struct StallTests {
    private func start(
      _ scratch: Scratch, timeout: String = "3s", ranks: Int?
    ) throws -> (RunFolder, RunningJob) {
      let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
      let run = RunFolder(scratch.url("run").path)
      let job = try Program.start(
        [
          "train", "--config", config, "--run", run.path, "--stall-timeout", timeout,
          "training.iterations=100000", "output.sampleEvery=never",
        ], ranks: ranks)
      try job.wait(for: "checkpoint") { !run.checkpoints.isEmpty }
      return (run, job)
    }

    /// A process of the job by its rank.
    private func process(_ rank: Int, of job: RunningJob) throws -> Int32 {
      let found = try job.programs.first {
        let environment = try Data(contentsOf: URL(fileURLWithPath: "/proc/\($0)/environ"))
        return environment.split(separator: 0).contains {
          $0.elementsEqual(Data("OMPI_COMM_WORLD_RANK=\(rank)".utf8))
        }
      }
      return try #require(found)
    }

    @Test(arguments: [0, 1]) func aStoppedRankIsNamed(rank: Int) throws {
      try withScratch { scratch in
        let (run, job) = try start(scratch, ranks: 2)
        let stopped = try process(rank, of: job)
        kill(stopped, SIGSTOP)
        let outcome = try job.finish(timeout: 60)
        #expect(outcome.status == 74, "\(outcome)")
        let other = 1 - rank
        let complaint = outcome.errorLines.first { $0.contains("rank \(other) on ") }
        #expect(complaint?.contains(" has waited ") == true, "\(outcome)")
        #expect(complaint?.contains("of iteration ") == true, "\(outcome)")
        let missing = "rank \(rank) on \(ProcessInfo.processInfo.hostName): no sign of life for "
        #expect(outcome.errorLines.contains { $0.contains(missing) }, "\(outcome)")
        // mpirun kills it; who is to reap it may be slow.
        let link = "/proc/\(stopped)/exe"
        for _ in 0..<100 {
          guard (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) != nil else {
            break
          }
          usleep(100_000)
        }
        let program = try? FileManager.default.destinationOfSymbolicLink(atPath: link)
        #expect(program == nil, "the stopped rank has been left behind")
        // Also where rank 0 is the one that does not come.
        let why = try Program.run(["why", run.path])
        #expect(why.output.contains("\nstalled 20"), "\(why)")
        #expect(why.output.contains(": the job has stalled; missing: \(missing)"), "\(why)")
        #expect(why.output.contains("go on: wgangp-dist train --run "), "\(why)")
        // What is saved is whole.
        let resumed = try Program.run(
          ["train", "--resume", run.path, "--time-limit", "5s"], ranks: 2)
        #expect(resumed.status == 75, "\(resumed)")
      }
    }

    /// One that comes back in time is waited for.
    @Test func aPauseIsNoStall() throws {
      try withScratch { scratch in
        let (run, job) = try start(scratch, timeout: "30s", ranks: 2)
        let stopped = try process(1, of: job)
        kill(stopped, SIGSTOP)
        usleep(1_500_000)
        let before = run.checkpoints.last
        kill(stopped, SIGCONT)
        try job.wait(for: "another checkpoint") { run.checkpoints.last != before }
        job.send(SIGUSR1)
        let outcome = try job.finish(timeout: 60)
        #expect(outcome.status == 75, "\(outcome)")
      }
    }

    /// A file that does not open, as on a file system that does not answer, ends a start too.
    @Test func aStartThatDoesNotMoveEnds() throws {
      try withScratch { scratch in
        let (run, job) = try start(scratch, ranks: nil)
        job.send(SIGUSR1)
        #expect(try job.finish(timeout: 60).status == 75)
        // Who opens a file of which another process has a lease waits for that process (for
        // /proc/sys/fs/lease-break-time, 45 s), which is told by SIGIO.
        signal(SIGIO, SIG_IGN)
        let lock = open(run.path + "/lock", O_RDWR | O_CLOEXEC)
        defer { close(lock) }
        let setLease: Int32 = 1024  // F_SETLEASE, which Glibc's module leaves out.
        // Not every file system has leases.
        guard fcntl(lock, setLease, Int32(F_WRLCK)) == 0 else { return }
        let outcome = try Program.run(["train", "--resume", run.path, "--stall-timeout", "3s"])
        #expect(outcome.status == 74, "\(outcome)")
        let host = ProcessInfo.processInfo.hostName
        let missing = "the job has stalled; missing: rank 0 on \(host): has not moved for "
        #expect(outcome.errorLines.contains { $0.contains(missing) }, "\(outcome)")
        #expect(outcome.errors.contains(" in the start, perhaps a file system"), "\(outcome)")
      }
    }
  }
}

import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// What a rank brings with it: libraries, threads, address space.
  @Suite(.serialized) struct StartTests {
    /// The file names that a process has mapped.
    private func mapped(_ pid: Int32) throws -> Set<String> {
      // By cat: Foundation stops at the first page of such a file.
      let maps = try RunningJob(["cat", "/proc/\(pid)/maps"]).finish().output
      return Set(
        maps.split(separator: "\n").filter { $0.contains("/") }.compactMap { line in
          line.split(separator: "/").last.map(String.init)
        })
    }

    private func threads(_ pid: Int32) throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task").count
    }

    /// Libraries that training does not call must not cost it anything.
    ///
    /// Alone, without MPI: what that loads and starts is its own affair.
    @Test(arguments: [1, 3]) func aTrainingRankHasWhatItNeeds(threads: Int) throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let run = RunFolder(scratch.url("run").path)
        let job = try Program.start([
          "train", "--config", config, "--run", run.path, "training.iterations=1000000",
          // What writes these has a thread as long as there is something to write.
          "training.threads=\(threads)", "output.checkpointEvery=never", "output.sampleEvery=never",
        ])
        defer { job.kill() }
        try job.wait(for: "iteration") {
          guard let rows = try? run.iterations() else { return false }
          return !rows.isEmpty
        }
        let rank = try #require(job.programs.first)
        let files = try mapped(rank)
        #expect(files.contains { $0.hasPrefix("libmpi.so") }, "\(files)")
        for library in [
          "libopenblas", "libgfortran", "libcurl", "libFoundationNetworking", "libcrypto",
          "libarchive", "libxml2", "libicudata", "libturbojpeg", "libhdf5",
        ] {
          #expect(!files.contains { $0.hasPrefix(library) }, "\(library) is mapped")
        }
        // Beside those that compute: the lease's, the writer's and the watchdog's, which sleep.
        try job.wait(for: "\(threads) + 3 threads, one of them the main one") {
          try self.threads(rank) == threads + 3
        }
      }
    }

    /// Where address space is short nothing waits for ever at the end.
    @Test func endsUnderALimitOfAddressSpace() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let command = Program.command(
          ["train", "--config", config, "--run", scratch.url("run").path], ranks: nil)
        let outcome = try RunningJob(["prlimit", "--as=\(250_000 * 1024)"] + command)
          .finish(timeout: 60)
        #expect(outcome.status == 0, "\(outcome)")
        #expect(outcome.output.contains("done: 12 iterations"), "\(outcome)")
      }
    }
  }
}

import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// What a rank brings with it: libraries, threads, address space.
  @Suite(.serialized) struct StartTests {
    /// The file names that a process has mapped.
    private func mapped(_ pid: Int32) throws -> Set<String> {
      let maps = try String(contentsOfFile: "/proc/\(pid)/maps", encoding: .utf8)
      return Set(
        maps.split(separator: "\n").compactMap { line in
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
          "training.threads=\(threads)",
        ])
        defer { job.kill() }
        // Pictures and checkpoints have been written by then.
        try job.wait(for: "second checkpoint") { run.checkpoints.count >= 2 }
        let rank = try #require(job.programs.first)
        let files = try mapped(rank)
        #expect(files.contains { $0.hasPrefix("libmpi.so") }, "\(files)")
        for library in [
          "libopenblas", "libgfortran", "libcurl", "libFoundationNetworking", "libcrypto",
          "libarchive", "libxml2", "libicudata", "libturbojpeg",
        ] {
          #expect(!files.contains { $0.hasPrefix(library) }, "\(library) is mapped")
        }
        #expect(try self.threads(rank) == threads)
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

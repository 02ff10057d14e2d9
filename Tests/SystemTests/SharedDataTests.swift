import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// The ranks of a node hold the data set once.
  @Suite(.serialized) struct SharedDataTests {
    private static let imageSize = 28 * 28

    /// A configuration whose data are so many grey images in a folder.
    private func idx(_ scratch: Scratch, count: Int) throws -> [String] {
      let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
      let header: [UInt32] = [0x803, UInt32(count), 28, 28]
      var file = Data(header.flatMap { word in (0..<4).map { UInt8(word >> (24 - 8 * $0) & 255) } })
      file.append(Data(repeating: 100, count: count * Self.imageSize))
      let path = try scratch.write("data/train-images-idx3-ubyte", file)
      let folder = (path as NSString).deletingLastPathComponent
      return ["--config", config, "data={source: idx, path: \(folder), range: [-1, 1]}"]
    }

    /// Starts a job that trains until it is ended, and waits for its first iteration.
    ///
    /// In front of mpirun stand variables or a command; `rankAssignments` only the ranks get.
    private func start(
      _ scratch: Scratch, _ arguments: [String], before assignments: [String] = [],
      rankAssignments: [String] = []
    ) throws -> RunningJob {
      let run = RunFolder(scratch.url("run").path)
      let job = try RunningJob(
        assignments + Program.launcher + ["-n", "4", "env"] + rankAssignments
          + [Program.path, "train", "--run", run.path] + arguments
          + [
            "training.iterations=1000000", "output.checkpointEvery=never",
            "output.sampleEvery=never",
          ])
      try job.wait(for: "iteration", timeout: 60) {
        guard let rows = try? run.iterations() else { return false }
        return !rows.isEmpty
      }
      return job
    }

    /// Inode and path of the images that a process has mapped.
    private func mapped(_ pid: Int32) throws -> [(inode: String, path: String)] {
      // By cat: Foundation stops at the first page of such a file.
      let maps = try RunningJob(["cat", "/proc/\(pid)/maps"]).finish().output
      return maps.split(separator: "\n").filter { $0.contains("wgangp-dist-data") }.map { line in
        let fields = line.split(separator: " ", omittingEmptySubsequences: true)
        return ("\(fields[3]) \(fields[4])", String(fields[5]))
      }
    }

    /// Kilobytes of a process by a name of `smaps_rollup`.
    private func kilobytes(_ name: String, of pid: Int32) throws -> Int {
      let text = try RunningJob(["cat", "/proc/\(pid)/smaps_rollup"]).finish().output
      let line = text.split(separator: "\n").first { $0.hasPrefix("\(name):") }
      return try #require(line?.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    }

    /// Names of images that are left.
    private func left(in folder: String = "/dev/shm") throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: folder).filter {
        $0.contains("wgangp-dist-data")
      }
    }

    @Test func oneCopyANodeAndNothingLeft() throws {
      try withScratch { scratch in
        let count = 130_000
        let job = try start(scratch, idx(scratch, count: count))
        defer { job.kill() }
        let ranks = job.programs
        #expect(ranks.count == 4)
        let files = try ranks.map { try mapped($0) }
        #expect(files.allSatisfy { $0.count == 1 }, "\(files)")
        #expect(Set(files.joined().map(\.inode)).count == 1, "\(files)")
        let copy = count * Self.imageSize / 1024
        let sum = try ranks.reduce(0) { try $0 + kilobytes("Pss", of: $1) }
        #expect(sum < 2 * copy, "\(sum) kB, a copy has \(copy)")
        // The first rank keeps none for itself either.
        for rank in ranks {
          let own = try kilobytes("Pss_Anon", of: rank)
          #expect(own < copy / 2, "\(own) kB")
        }
        // The name is gone while they train: however they end, nothing is left.
        #expect(try left().isEmpty)
        job.kill()
        #expect(try left().isEmpty)
      }
    }

    @Test func nodesHaveTheirOwn() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let job = try start(scratch, ["--config", config], before: ["WGANGP_RANKS_PER_NODE=2"])
        defer { job.kill() }
        let inodes = try job.programs.flatMap { try mapped($0).map(\.inode) }
        #expect(inodes.count == 4)
        #expect(Set(inodes).count == 2, "\(inodes)")
      }
    }

    /// Without a folder that has room each rank holds the data, as rank 0 says.
    ///
    /// As root only: it takes a /dev/shm of its own that is small.
    @Test(
      .enabled(if: getuid() == 0, "a small /dev/shm takes root"), arguments: [true, false])
    func memoryIsShort(hasTemporaryFolder: Bool) throws {
      try withScratch { scratch in
        let folder = scratch.url("tmp").path
        if hasTemporaryFolder {
          try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        }
        let mount = "mount -t tmpfs -o size=32m tmpfs /dev/shm && exec \"$@\""
        let job = try start(
          scratch, idx(scratch, count: 26_000), before: ["unshare", "-m", "sh", "-c", mount, "sh"],
          rankAssignments: ["TMPDIR=\(folder)"])
        defer { job.kill() }
        let files = try job.programs.flatMap { try mapped($0) }
        #expect(files.count == (hasTemporaryFolder ? 4 : 0), "\(files)")
        #expect(Set(files.map(\.inode)).count == (hasTemporaryFolder ? 1 : 0), "\(files)")
        #expect(files.allSatisfy { $0.path.hasPrefix("\(folder)/") }, "\(files)")
        if hasTemporaryFolder { #expect(try left(in: folder).isEmpty) }
        job.send(SIGUSR1)
        let outcome = try job.finish(timeout: 60)
        #expect(outcome.status == 75, "\(outcome)")
        let warning = "wgangp-dist: warning: not all nodes can hold the data set once"
        #expect(outcome.errors.contains(warning) == !hasTemporaryFolder, "\(outcome)")
        let reason = "/dev/shm: found "
        #expect(outcome.errors.contains(reason) == !hasTemporaryFolder, "\(outcome)")
      }
    }

    /// What the first ranks of nodes cannot read is one line, without a rank.
    @Test func missingDataAreOneLine() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        for nodes in [2, 4] {
          let outcome = try Program.run(
            ["train", "--config", config, "data={source: idx, path: /none, range: [-1, 1]}"],
            ranks: 4, ranksPerNode: nodes)
          #expect(outcome.status == 1, "\(outcome)")
          #expect(outcome.errorLines.count == 1, "\(outcome)")
          #expect(
            outcome.errorLines.first?.hasPrefix("wgangp-dist: error: /none: no such folder")
              == true,
            "\(outcome)")
        }
      }
    }
  }
}

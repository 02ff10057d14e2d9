import Foundation
import Testing

extension SystemTests {
  /// What is wrong with the machines of a job is told before it costs a night, with rank and host.
  @Suite(.serialized) struct LaunchCheckTests {
    private static let host = ProcessInfo.processInfo.hostName

    /// Two ranks, each on a node of its own, with its own working folder and program.
    private func run(
      _ arguments: [String], folders: [String], programs: [String] = [Program.path, Program.path]
    ) throws -> Outcome {
      let rank = { (index: Int) in
        ["-n", "1", "env", "-C", folders[index], "WGANGP_RANKS_PER_NODE=1", programs[index]]
          + arguments
      }
      return try RunningJob(Program.launcher + rank(0) + [":"] + rank(1)).finish()
    }

    /// Images of 28 x 28 as an IDX file, all of one gray.
    private static func images(count: Int, gray: UInt8, oddPixel: UInt8? = nil) -> Data {
      let sizes = [0x803, count, 28, 28].flatMap { size in
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) }
      }
      var pixels = Data(repeating: gray, count: count * 28 * 28)
      // Of image 1.
      if let oddPixel { pixels[800] = oddPixel }
      return Data(sizes) + pixels
    }

    /// Folders `a` and `b` with data under one name.
    private func folders(_ scratch: Scratch, grays: [UInt8]) throws -> [String] {
      try zip(["a", "b"], grays).map { name, gray in
        _ = try scratch.write(
          "\(name)/digits/train-images-idx3-ubyte", Self.images(count: 40, gray: gray))
        return scratch.url(name).path
      }
    }

    private func arguments(_ scratch: Scratch) throws -> [String] {
      [
        "--config", try scratch.write("tiny.yaml", TinyConfiguration().text), "--run",
        scratch.url("run").path, "data={source: idx, path: digits}",
      ]
    }

    // MARK: - The start of a run

    @Test func aStartRefusesOtherData() throws {
      try withScratch { scratch in
        let arguments = try ["train"] + arguments(scratch)
        let outcome = try run(arguments, folders: folders(scratch, grays: [0, 9]))
        try outcome.expectOneError([
          "rank 1 on \(Self.host) has other data than rank 0 on \(Self.host): 40 samples of idx "
            + "digits (train), 1x28x28, CRC-32 ", "; expected 40 samples",
        ])
        #expect(outcome.status == 1, "\(outcome)")
        #expect(!FileManager.default.fileExists(atPath: scratch.url("run").path))
      }
    }

    /// One pixel, of an image that is not among those whose values are compared.
    @Test func aStartSeesEveryPixel() throws {
      try withScratch { scratch in
        let arguments = try ["train", "--dry-run"] + arguments(scratch)
        let folders = try [UInt8?.none, 1].enumerated().map { index, pixel in
          _ = try scratch.write(
            "\(index)/digits/train-images-idx3-ubyte",
            Self.images(count: 600, gray: 7, oddPixel: pixel))
          return scratch.url("\(index)").path
        }
        let outcome = try run(arguments, folders: folders)
        try outcome.expectOneError([
          "rank 1 on \(Self.host) has other data than rank 0", ", of all ",
        ])
        let same = try run(arguments, folders: [folders[0], folders[0]])
        #expect(same.status == 0, "\(same)")
      }
    }

    @Test func aStartRefusesAnotherProgram() throws {
      try withScratch { scratch in
        let copy = scratch.url("program").path
        try FileManager.default.copyItem(atPath: Program.path, toPath: copy)
        let folder = [scratch.path, scratch.path]
        let train = [
          "train", "--dry-run", "--config",
          try scratch.write("tiny.yaml", TinyConfiguration().text),
        ]
        let programs = [copy, Program.path]
        // A copy of another date is the same program.
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: copy)
        let same = try run(train, folders: folder, programs: programs)
        #expect(same.status == 0 && same.errorLines.isEmpty, "\(same)")
        let handle = try #require(FileHandle(forWritingAtPath: copy))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data([1]))
        try handle.close()
        let other = try run(train, folders: folder, programs: programs)
        try other.expectOneError([
          "rank 1 on \(Self.host) has another program than rank 0 on \(Self.host): version ",
          " bytes, CRC-32 ",
        ])
      }
    }

    /// Both ranks are bound to the first core that there is.
    @Test func aStartWarnsOfIdleCores() throws {
      try withScratch { scratch in
        let cores = try RunningJob(["nproc"]).finish().output.split(separator: "\n")
        guard let count = cores.first.flatMap({ Int($0) }), count > 1 else { return }
        let train = [
          Program.path, "train", "--dry-run", "--config",
          try scratch.write("tiny.yaml", TinyConfiguration().text),
        ]
        let own = try RunningJob(["taskset", "-cp", "\(getpid())"]).finish().output
        let core = own.components(separatedBy: ": ").last?.prefix { $0.isNumber } ?? "0"
        let bound = try RunningJob(
          Program.launcher + ["-n", "2", "taskset", "-c", "\(core)"] + train
        ).finish()
        #expect(bound.status == 0, "\(bound)")
        #expect(
          bound.errors.contains(
            "wgangp-dist: warning: ranks 0, 1 share core \(core) on \(Self.host) while core"),
          "\(bound)")
        let free = try RunningJob(Program.launcher + ["-n", "2"] + train).finish()
        #expect(!free.errors.contains(" share core"), "\(free)")
      }
    }

    // MARK: - doctor --launch

    @Test(arguments: [(nil, nil), (2, nil), (4, 2)] as [(Int?, Int?)])
    func findsNothingInTheWay(ranks: Int?, ranksPerNode: Int?) throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let outcome = try Program.run(
          ["doctor", "--launch", "--config", config, "--run", scratch.url("run").path],
          ranks: ranks, ranksPerNode: ranksPerNode)
        #expect(outcome.status == 0, "\(outcome)")
        let lines = outcome.output.components(separatedBy: "\n").filter {
          !$0.isEmpty && !$0.hasPrefix(" ")
        }
        let names = [
          "program", "configuration", "data", "processor", "cores", "space", "interconnect",
        ]
        #expect(
          lines.dropLast().map { String($0.prefix { $0 != " " }) }
            == names + (ranks == nil ? [] : ["exchange"]) + ["ranks"],
          "\(outcome)")
        #expect(lines.last == "nothing is in the way of a run", "\(outcome)")
        #expect(outcome.output.contains("200 samples of glyphs, 1x28x28, CRC-32 "), "\(outcome)")
        #expect(outcome.output.contains(" needed "), "\(outcome)")
        if ranks != nil {
          #expect(outcome.output.contains("within a node "), "\(outcome)")
          #expect(
            outcome.output.contains("between nodes ") == (ranksPerNode != nil), "\(outcome)")
          #expect(outcome.output.contains(" an iteration predicted (compute "), "\(outcome)")
        }
        #expect(
          try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["tiny.yaml"])
      }
    }

    @Test func namesTheRankWithOtherData() throws {
      try withScratch { scratch in
        let arguments = try ["doctor", "--launch"] + arguments(scratch)
        let other = try run(arguments, folders: folders(scratch, grays: [0, 9]))
        #expect(other.status == 1, "\(other)")
        #expect(
          other.output.contains(
            "              in the way: rank 1 on \(Self.host) has other data than rank 0"),
          "\(other)")
        #expect(other.output.contains("\nsomething is in the way of a run\n"), "\(other)")
        try FileManager.default.removeItem(atPath: scratch.url("b/digits").path)
        let none = try run(
          arguments, folders: [scratch.url("a").path, scratch.url("b").path])
        #expect(none.status == 1, "\(none)")
        #expect(
          none.output.contains("in the way: rank 1 on \(Self.host): digits: no such folder"),
          "\(none)")
      }
    }

    @Test func tellsThatCheckpointsHaveNoRoom() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let outcome = try Program.run(
          [
            "doctor", "--launch", "--config", config, "--run", scratch.url("run").path, "width=64",
            "output.keep=1000000",
          ], ranks: 2)
        #expect(outcome.status == 1, "\(outcome)")
        #expect(outcome.output.contains("1000001 checkpoints of "), "\(outcome)")
        #expect(outcome.output.contains(" are missing: free some"), "\(outcome)")
        let refused = try Program.run(
          ["doctor", "--launch", "--config", config, "--run", "/proc/nowhere"])
        #expect(refused.status == 1, "\(refused)")
      }
    }

    @Test func optionsGoWithLaunch() throws {
      let outcome = try Program.run(["doctor", "training.batch=64"])
      #expect(outcome.status == 64, "\(outcome)")
      #expect(outcome.errors.contains("go with --launch"), "\(outcome)")
    }
  }
}

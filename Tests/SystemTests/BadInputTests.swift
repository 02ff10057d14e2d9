import Foundation
import Storage
import TestSupport
import Testing

extension SystemTests {
  /// Files and sizes that nobody should give end in one line, without a crash report and without
  /// more memory than there is.
  @Suite(.serialized) struct BadInputTests {
    /// Runs the program where its address space ends at so many kibibytes.
    private func run(_ arguments: [String], kibibytes: Int, ranks: Int? = nil) throws -> Outcome {
      let script = "ulimit -v \(kibibytes); exec \"$@\""
      let limited = ["bash", "-c", script, "bash", Program.path] + arguments
      return try RunningJob(
        (ranks.map { Program.launcher + ["-n", "\($0)"] } ?? []) + limited
      ).finish(timeout: 60)
    }

    private func train(_ scratch: Scratch, _ overrides: [String] = []) throws -> RunFolder {
      let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
      let run = RunFolder(scratch.url("run").path)
      let outcome = try Program.run(
        ["train", "--config", config, "--run", run.path] + overrides)
      try #require(outcome.status == 0, "\(outcome)")
      return run
    }

    @Test(arguments: [nil, 2]) func networksLargerThanMemory(ranks: Int?) throws {
      try withScratch { scratch in
        let folder = scratch.url("run").path
        let outcome = try run(
          ["train", "--run", folder, "width=4096"], kibibytes: 4 << 20, ranks: ranks)
        try outcome.expectOneError(["out of memory: ", " GB more are needed, ", "(ulimit -v)"])
        #expect(ranks != nil || outcome.status == 1, "\(outcome)")
        #expect(!FileManager.default.fileExists(atPath: folder))
      }
    }

    /// What is only counted takes no memory, and nobody writes to it.
    @Test func networksLargerThanMemoryAreDescribed() throws {
      let outcome = try Program.run(["describe", "width=4096"], timeout: 10)
      try #require(outcome.status == 0, "\(outcome)")
      #expect(outcome.output.contains("memory of rank 0, MB"))
    }

    /// Six megabytes that unpack to zeros of six gigabytes, behind some bytes of a format.
    private func bomb(_ scratch: Scratch, _ name: String, behind start: [UInt8]) throws -> String {
      let member = scratch.url("zeros.gz")
      if !FileManager.default.fileExists(atPath: member.path) {
        let made = try RunningJob(
          ["bash", "-c", "head -c \(16 << 20) /dev/zero | gzip -9 >'\(member.path)'"]
        ).finish()
        try #require(made.status == 0, "\(made)")
      }
      var file = Data(start.isEmpty ? [] : gzip(start))
      let zeros = try Data(contentsOf: member)
      for _ in 0..<384 { file.append(zeros) }
      return try scratch.write(name, file)
    }

    private func verify(_ scratch: Scratch, _ data: String, kibibytes: Int) throws -> Outcome {
      let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
      return try run(
        ["data", "verify", "--config", config, "data={\(data), range: [-1, 1]}"],
        kibibytes: kibibytes)
    }

    @Test func gzipFilesOfSixGigabytes() throws {
      try withScratch { scratch in
        let batch = try bomb(scratch, "zeros.bin.gz", behind: [])
        // A tar header of one file: its name, and what tells that it is one.
        var header = [UInt8](repeating: 0, count: 512)
        header.replaceSubrange(0..<16, with: "data_batch_1.bin".utf8)
        header.replaceSubrange(124..<135, with: "60000000000".utf8)
        header.replaceSubrange(257..<262, with: "ustar".utf8)
        let archive = try bomb(scratch, "cifar-10-binary.tar.gz", behind: header)
        for path in [batch, archive] {
          try verify(scratch, "source: cifar10, path: \(path)", kibibytes: 600 << 10)
            .expectOneError([
              "\(path): more than \(1 << 28) bytes unpacked; is it the published file?"
            ])
        }
        let pickle = try bomb(scratch, "mnist.pkl.gz", behind: [])
        try verify(scratch, "source: mnistPickle, path: \(pickle)", kibibytes: 600 << 10)
          .expectOneError(["\(pickle): more than \(1 << 28) bytes unpacked"])
      }
    }

    /// A header can be true: then the memory of the machine is what bounds it.
    @Test func idxFilesOfSixGigabytes() throws {
      try withScratch { scratch in
        let path = try bomb(scratch, "data/train-images-idx3-ubyte.gz", behind: [])
        let source = "source: idx, path: \(scratch.url("data").path)"
        try verify(scratch, source, kibibytes: 600 << 10)
          .expectOneError(["\(path): wrong magic number: found 0x00000000"])
        let header: [UInt8] = [0, 0, 8, 3, 0, 0x70, 0, 0, 0, 0, 0, 28, 0, 0, 0, 28]
        _ = try bomb(scratch, "data/train-images-idx3-ubyte.gz", behind: header)
        try verify(scratch, source, kibibytes: 600 << 10)
          .expectOneError(["\(path): takes 5.8 GB of memory, ", "(ulimit -v)"])
        _ = try scratch.write("data/train-images-idx3-ubyte.gz", Data(gzip(header + [1, 2, 3])))
        try verify(scratch, source, kibibytes: 600 << 10)
          .expectOneError(["\(path): truncated: the header says 5754585104 bytes, "])
      }
    }

    @Test(arguments: [["sample", "/dev/zero", "--config", "tiny.yaml"], ["verify", "/dev/zero"]])
    func devicesAreNotRead(arguments: [String]) throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let outcome = try Program.run(arguments.map { $0 == "tiny.yaml" ? config : $0 })
        try outcome.expectOneError(["/dev/zero: is a device; a regular file is expected"])
      }
    }

    /// A million empty tensors once took 4 GB.
    @Test func headersTakeAsMuchMemoryAsTheyAreLong() throws {
      try withScratch { scratch in
        let entries = (0..<1_000_000).map {
          #""tensor\#($0)":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#
        }
        let header = Data("{\(entries.joined(separator: ","))}".utf8)
        let length = Data((0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) })
        let path = try scratch.write("x.safetensors", length + header)
        try run(["verify", path], kibibytes: 800 << 10)
          .expectOneError(["\(path): not a valid safetensors file: more than 65536 tensors"])
      }
    }

    @Test func weightsThatAreNoNumbersAreNotDrawn() throws {
      try withScratch { scratch in
        let run = try train(scratch)
        let path = run.file("generator.safetensors", of: "step-00000012")
        var file = try Safetensors(path: path)
        let name = try #require(file.entries.keys.filter { $0.hasSuffix("weight") }.min())
        try file.change(name) { _ in .nan }
        let changed = try scratch.write("nan.safetensors", file.data)
        let outcome = try Program.run(
          ["sample", changed, "--config", scratch.url("tiny.yaml").path])
        try outcome.expectOneError([
          "\(changed): 1 of ", "weights are not finite: training had diverged",
        ])
      }
    }

    /// Whoever changes a number of a checkpoint can make its checksum right too.
    @Test(arguments: [-1, 7, Int64.max]) func countsThatDoNotFitTheIteration(step: Int64) throws {
      try withScratch { scratch in
        let run = try train(scratch)
        let folder = "\(run.path)/checkpoints/step-00000012"
        var file = try Safetensors(path: "\(folder)/optimizer.safetensors")
        #expect(try file.integer("critic.step") == 24)
        try file.set("critic.step", to: step)
        try file.data.write(to: URL(fileURLWithPath: "\(folder)/optimizer.safetensors"))
        let store = CheckpointStore(directory: "\(run.path)/checkpoints", keep: 1)
        let files = try CheckpointStore.files(in: folder).map { stored in
          let sum = try FileSystem.checksum(ofFile: "\(folder)/\(stored.name)")
          return StoredFile(name: stored.name, size: sum.size, crc32: sum.crc32)
        }
        try store.seal(folder, files: files)
        let outcome = try Program.run(["train", "--resume", run.path, "training.iterations=14"])
        try outcome.expectOneError([
          "\(folder)/optimizer.safetensors: critic.step is \(step), ",
          step == 7 ? "after the 12 iterations that state.json says it is 24" : "a count from 0 to",
        ])
      }
    }
  }
}

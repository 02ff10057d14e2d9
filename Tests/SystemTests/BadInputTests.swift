import Foundation
import Storage
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

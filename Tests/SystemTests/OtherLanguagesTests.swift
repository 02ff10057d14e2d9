import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// The functions of C, called as another language does.
  @Suite(.serialized) struct OtherLanguagesTests {
    private static let hasPython =
      (try? RunningJob(["python3", "-c", "import ctypes"]).finish())?.status == 0

    @Test(.enabled(if: hasPython, "python3 is not there")) func pythonDrawsTheSameBits() throws {
      try withScratch { scratch in
        let run = try scratch.trainedRun()
        let script = repositoryFile("Examples/sample.py")
        func python(_ arguments: [String]) throws -> Outcome {
          let library = ["--library", Program.beside("libWGANGPSampling.so")]
          return try RunningJob(["python3", script] + library + arguments).finish()
        }
        let raw = scratch.url("x.f32").path
        let drawn = try python([run, "--count", "5", "--seed", "9", "-o", raw])
        try #require(drawn.status == 0, "\(drawn)")
        #expect(drawn.output.contains("\(raw) 5x1x28x28"), "\(drawn)")
        let array = scratch.url("x.npy").path
        let own = try Program.run(
          ["sample", run, "--count", "5", "--seed", "9", "--format", "npy", "-o", array])
        try #require(own.status == 0, "\(own)")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: raw))
        #expect(bytes.count == 5 * 784 * 4)
        // Behind NumPy's header.
        #expect(try Data(contentsOf: URL(fileURLWithPath: array)).suffix(bytes.count) == bytes)

        let label = try python([run, "--label", "2"])
        #expect(label.status == 1 && label.errors.contains("takes none"), "\(label)")
        let none = try python([scratch.url("none").path])
        #expect(none.status == 1 && none.errors.contains("none"), "\(none)")
      }
    }
  }
}

extension Scratch {
  /// A finished run of the tiny configuration.
  fileprivate func trainedRun() throws -> String {
    let config = try write("tiny.yaml", TinyConfiguration().text)
    let folder = url("run").path
    let outcome = try Program.run(
      ["train", "--config", config, "--run", folder, "training.iterations=2"])
    try #require(outcome.status == 0, "\(outcome)")
    return folder
  }
}

import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// The steady state of training allocates nothing.
  @Suite struct AllocationTests {
    /// With the C compiler that builds the counting library, one rank of one thread: 0 a step.
    @Test(arguments: ["glyphs", "toy-8gaussians", "toy-ring", "mnist-mlp-gan"])
    func stepAllocatesNothing(configuration: String) throws {
      let compiler = ["/usr/bin/cc", "/usr/bin/gcc", "/usr/bin/clang"].first {
        FileManager.default.isExecutableFile(atPath: $0)
      }
      guard let compiler else {
        print("AllocationTests: no C compiler, allocations are not counted")
        return
      }
      try withScratch { scratch in
        let library = "\(scratch.path)/allocations.so"
        let build = Process()
        build.executableURL = URL(fileURLWithPath: compiler)
        build.arguments = [
          "-O2", "-shared", "-fPIC", "-o", library, repositoryFile("benchmarks/allocations.c"),
        ]
        try build.run()
        build.waitUntilExit()
        #expect(build.terminationStatus == 0)
        let outcome = try Program.run(
          [
            "bench", "--json", "--iterations", "4", "--warmup", "2", "--shares", "0", "--config",
            repositoryFile("configs/\(configuration).yaml"), "training.batch=16", "width=4",
          ].filter { configuration != "mnist-mlp-gan" || !$0.hasPrefix("width") },
          environment: ["LD_PRELOAD": library])
        #expect(outcome.status == 0, "\(outcome)")
        struct Found: Decodable { var allocationsPerIteration: Double? }
        let line = try #require(outcome.output.split(separator: "\n").last)
        let found = try JSONDecoder().decode(Found.self, from: Data(line.utf8))
        #expect(found.allocationsPerIteration == 0, "\(outcome)")
      }
    }
  }
}

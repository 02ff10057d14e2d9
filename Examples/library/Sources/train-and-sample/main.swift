// Trains the built-in default for some iterations and draws from it: a program of its own that
// depends on the library WGANGP.
//
//   swift build -c release --package-path Examples/library
//   mpirun -n 2 Examples/library/.build/release/train-and-sample FOLDER 30

import Foundation
import WGANGP

func complain(_ text: String) {
  FileHandle.standardError.write(Data("train-and-sample: \(text)\n".utf8))
}

/// The mean of some numbers.
func mean(_ values: [Float]) -> Double {
  values.reduce(0) { $0 + Double($1) } / Double(values.count)
}

let arguments = CommandLine.arguments.dropFirst()
guard let folder = arguments.first, let iterations = Int(arguments.dropFirst().first ?? "30") else {
  complain("expected FOLDER [ITERATIONS]")
  exit(64)
}

do {
  let ranks = try Ranks.join()
  let training = Training(
    overrides: ["training.iterations=\(iterations)", "output.sampleEvery=never"],
    folder: folder, continues: true)
  let run = try training.run(on: ranks) { iteration in
    if ranks.rank == 0, iteration.number % 10 == 0 {
      print("iteration \(iteration.number) of \(iteration.count): W \(iteration.wasserstein)")
    }
    return .goOn
  }
  let generator = try TrainedGenerator(run.folder)
  let scores = try generator.scores(["diversity"], samples: 200, on: ranks)
  if ranks.rank == 0 {
    let samples = try generator.samples(16, seed: 7)
    print("samples", samples.shape, "mean", mean(samples.values))
    for (name, values) in scores { print(name, values) }
  }
  try ranks.leave()
} catch {
  complain("\(error)")
  exit(1)
}

import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// `evaluate train-classifier`.
  @Suite(.serialized) struct ClassifierCommandTests {
    private static func train(
      _ scratch: Scratch, _ name: String, ranks: Int? = nil, _ overrides: [String]
    ) throws -> (outcome: Outcome, description: Data, weights: Data) {
      let path = "\(scratch.path)/\(name)/c.yaml"
      let outcome = try Program.run(
        ["evaluate", "train-classifier", "--output", path] + overrides, ranks: ranks)
      guard outcome.status == 0 else { return (outcome, Data(), Data()) }
      let read = { (file: String) in
        try Data(contentsOf: URL(fileURLWithPath: "\(scratch.path)/\(name)/\(file)"))
      }
      return (outcome, try read("c.yaml"), try read("c.safetensors"))
    }

    /// The bytes of both files are the same on 1, 2 and 4 ranks.
    @Test func sameBytesOnAnyRanks() throws {
      try withScratch { scratch in
        let short = ["data.count=600", "training.epochs=2"]
        let alone = try Self.train(scratch, "alone", short)
        #expect(alone.outcome.status == 0, "\(alone.outcome)")
        #expect(alone.outcome.output.contains("\nepoch 2/2: loss "), "\(alone.outcome)")
        #expect(alone.weights.count > 30_000)
        for ranks in [2, 4] {
          let found = try Self.train(scratch, "ranks\(ranks)", ranks: ranks, short)
          #expect(found.outcome.status == 0, "\(found.outcome)")
          #expect(found.weights == alone.weights, "\(ranks) ranks")
          #expect(found.description == alone.description, "\(ranks) ranks")
        }
        let other = try Self.train(scratch, "other", short + ["seed=1"])
        #expect(other.weights != alone.weights)
      }
    }

    /// The command that configs/classifiers/glyphs.yaml names gives the files that are built in.
    @Test func theBuiltInNetworkIsMadeAgain() throws {
      try withScratch { scratch in
        let path = "\(scratch.path)/glyphs-network.yaml"
        let outcome = try Program.run(
          ["evaluate", "train-classifier", "--output", path], ranks: 2)
        #expect(outcome.status == 0, "\(outcome)")
        for file in ["glyphs-network.yaml", "glyphs-network.safetensors"] {
          let built = try Data(
            contentsOf: URL(fileURLWithPath: repositoryFile("Sources/Recipe/Default/\(file)")))
          let made = try Data(contentsOf: URL(fileURLWithPath: "\(scratch.path)/\(file)"))
          #expect(built == made, "\(file)")
          #expect(built.count < 200_000)
        }
      }
    }

    /// The files in configs/classifiers train, on tiny made-up data in the formats that they name.
    @Test(arguments: ["mnist", "cifar10"]) func filesTrain(name: String) throws {
      try withScratch { scratch in
        let data = "\(scratch.path)/data"
        if name == "mnist" {
          for part in ["train", "t10k"] {
            try ConfigurationFilesTests.writeImages("data", in: scratch, part: part)
          }
        } else {
          for batch in (1...5).map({ "data_batch_\($0)" }) + ["test_batch"] {
            let records = (0..<40).map {
              Data([UInt8($0 % 10)]) + Data(repeating: 100, count: 3072)
            }
            _ = try scratch.write("data/\(batch).bin", records.reduce(Data(), +))
          }
        }
        let path = repositoryFile("configs/classifiers/\(name).yaml")
        let (outcome, description, _) = try Self.train(
          scratch, "out",
          ["--config", path, "data.path=\(data)", "width=2", "training.epochs=1"])
        #expect(outcome.status == 0 && outcome.errorLines.isEmpty, "\(outcome)")
        #expect(outcome.output.contains(name == "mnist" ? "300 held out" : "40 held out"))
        let text = String(decoding: description, as: UTF8.self)
        #expect(text.contains("\n- relu: {name: features}\n"), "\(text)")
        #expect(text.contains("\n- linear: {name: logits, outputs: 10, "), "\(text)")
        #expect(
          text.contains("\n  divisor: 255\n  mean: 0.5\n  deviation: 0.5\n"), "\(text)")
      }
    }

    @Test func errorsNameTheirPlace() throws {
      try withScratch { scratch in
        for (override, expected) in [
          ("training.epochs=0", "training.epochs=0: expected an integer"),
          ("classifier.layers.9.linear.outputs=7", "expected a logit for each of the 10 classes"),
          ("training.colour=red", "training.colour=red: unknown key"),
        ] {
          let found = try Self.train(scratch, "x", [override]).outcome
          #expect(found.status == 1 && found.errorLines.count == 1, "\(found)")
          #expect(found.errors.contains(expected), "\(found)")
        }
        let toy = try scratch.write(
          "toy.yaml",
          "name: toy\ndata: {source: gaussians8}\nclassifier: {layers: [{linear: {outputs: 2}}]}\n"
            + "optimizer: {sgd: {learningRate: 1}}\ntraining: {epochs: 1}\n")
        try Program.run(["evaluate", "train-classifier", "--config", toy]).expectOneError([
          "has no classes, which a classifier learns"
        ])
      }
    }
  }
}

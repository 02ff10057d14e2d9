import Base
import Configuration
import Foundation
import Recipe
import Reports
import Runs
import Storage

/// Configurations, and what a run's folder has beside tensors.
extension Reader {
  static func yaml(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input.yaml"
    let names = ["mnist-dcgan-conditional", "glyphs", "toy-8gaussians", "fashion-mnist-wgan-gp"]
    let odd = "a: &a {x: [1, *b], y: 'z'}\n? b\n: *a\nc: |\n  text\n"
    return Reader(
      path: path,
      seeds: try names.map { try place.file("configs/\($0).yaml") } + [Array(odd.utf8)]
    ) {
      let document = try ConfigurationDocument(path: path)
      _ = document.leaves
      _ = try RunConfiguration(document)
    }
  }

  static func override(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input"
    let document = try ConfigurationDocument(
      text: "training: {batch: 1}\ngenerator: {layers: [conv2d]}\n", name: path)
    let texts = [
      "training.batch=64", "data.range=[0, 1]", "generator.layers.0.conv2d={kernel: 4}", "a=&b *b",
      // Its first mark combines with the blank that messages have before it.
      "\u{59E}\u{525} ='",
    ]
    return Reader(path: path, seeds: texts.map { Array($0.utf8) }) {
      let text = String(decoding: try FileSystem.readFile(path), as: UTF8.self)
      var document = document
      do { try document.override(text) } catch let error as ConfigurationError {
        guard error.message.utf8.starts(with: "command line: ".utf8) else { throw error }
        throw Fault("\(path): \(error)")
      }
      _ = document.leaves
    }
  }

  static func done(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/DONE"
    let lines = "3610a686 5 a.safetensors\n00000000 0 state.json\n"
    let sum = Array(lines.utf8).withUnsafeBytes { FileSystem.crc32($0) }
    let signed = lines + "\(sum.padded(to: 8, radix: 16)) \(lines.utf8.count) DONE\n"
    return Reader(path: path, seeds: [lines, signed].map { Array($0.utf8) }) {
      for file in try CheckpointStore.files(in: place.folder) {
        // What it lists lies in the folder.
        precondition(!file.name.contains("/") && file.name != "..", "\(file.name)")
      }
    }
  }

  static func state(_ place: Place) throws -> Reader {
    let states = [
      try CheckpointState(iteration: 12, configuration: ["training.batch": "64", "seed": "7"]).json,
      #"{"format": 2, "iteration": 3, "rateFactor": 0.25, "data": {"samples": 60000, "#
        + #""checksum": "00de557a"}}"#,
    ]
    return Reader(path: "\(place.folder)/state.json", seeds: states.map { Array($0.utf8) }) {
      let state = try CheckpointState(folder: place.folder)
      precondition((0...1_000_000_000_000).contains(state.iteration))
    }
  }

  private static let log = """
    iteration,w_distance,penalty,critic_loss,generator_loss,seconds (s)
    1,0.5,1e-3,-1.25,2,0.1
    2,nan,0,-inf,3,0.1
    3,0.75,2e-3,-1e30,4,0.1

    """

  static func metrics(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/metrics.csv"
    return Reader(path: path, seeds: [Array(log.utf8)]) { _ = try MetricsTable(path: path) }
  }

  static func curves(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/metrics.csv"
    return Reader(path: path, seeds: [Array(log.utf8)]) {
      let table = try MetricsTable(path: path)
      // A panel a column takes a while.
      if table.names.count < 12 { _ = table.curves(title: "x", scores: table) }
    }
  }
}

import Foundation
import Scores
import Testing

/// The data of `make_score_fixtures.py`, made by the same integer hash.
enum HashedData {
  /// splitmix64 of `number`.
  static func bits(_ number: UInt64) -> UInt64 {
    var z = (number &+ 1) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Multiples of 2^-24 in [0, 1).
  static func uniforms(_ stream: UInt64, _ count: Int) -> [Float] {
    (0..<count).map { Float(bits(stream << 32 + UInt64($0)) >> 40) * 0x1p-24 }
  }

  static func vectors(
    _ stream: UInt64, _ count: Int, _ dimension: Int, shift: Float = 0, scale: Float = 1
  ) -> Vectors {
    let own = uniforms(stream, count * dimension)
    let common = uniforms(stream + 1, count * 3)
    let values = own.enumerated().map { index, value in
      let (row, element) = (index / dimension, index % dimension)
      return (value * Float(1 + element % 5) + common[row * 3 + element % 3]) * scale + shift
    }
    return Vectors(values, dimension: dimension)
  }

  /// Images of smooth and rough parts, channels last.
  static func images(
    _ stream: UInt64, _ count: Int, _ height: Int, _ width: Int, _ channels: Int, scale: Float = 1
  ) -> [Float] {
    let size = count * height * width * channels
    let (fine, coarse) = (uniforms(stream, size), uniforms(stream + 1, size))
    return (0..<size).map { index in
      let (pixel, channel) = (index / channels, index % channels)
      let (row, column) = (pixel / width % height, pixel % width)
      let corner =
        (pixel / (width * height) * height + row / 8 * 8) * width + column / 8 * 8
      return fine[index] * scale + coarse[corner * channels + channel]
    }
  }
}

/// What other programs gave for them.
struct RecordedScores: Decodable {
  var fid: Double
  var fidSingular: Double
  var kid: [Double]
  var inceptionScore: [Double]
  var prdc: [Double]
  var permutations: [[Int]]
  var wasserstein: Double
  var assignment: [Int]
  var sliced: Double
  var marginal: [Double]
  var median: Double
  var mmd: Double
  var multiscale: [Double]
  var spectrum: [Double]
  var neighbours: [[Int]]
  var nearest: [Double]

  static func load() throws -> RecordedScores {
    let url = try #require(
      Bundle.module.url(forResource: "scores", withExtension: "json", subdirectory: "Fixtures"))
    return try JSONDecoder().decode(RecordedScores.self, from: Data(contentsOf: url))
  }
}

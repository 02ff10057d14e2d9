import Base
import Foundation
import Networks
import Storage
import Testing

/// Tensors that are functions of their name: as make_fixture.py has them.
enum HashedTensors {
  /// Numbers in [0, 1) with 24 bits: splitmix64 of the name's FNV-1a hash and the place.
  static func uniforms(_ name: String, _ count: Int) -> [Double] {
    var seed: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { seed = (seed ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return (1...max(count, 1)).prefix(count).map { place in
      var z = seed &+ UInt64(place) &* 0x9E37_79B9_7F4A_7C15
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      z ^= z >> 31
      return Double(z >> 40) / Double(1 << 24)
    }
  }

  /// Weights of He's variance (a linear layer's of half of it), statistics near those of N(0, 1).
  static func values(_ name: String, _ shape: [Int]) -> [Float] {
    let numbers = uniforms(name, shape.reduce(1, *))
    if name.hasSuffix("running_var") || name.hasSuffix("bn.weight") {
      return numbers.map { Float(0.8 + 0.4 * $0) }
    }
    guard shape.count > 1 else { return numbers.map { Float(0.1 * (2 * $0 - 1)) } }
    let inputs = shape.dropFirst().reduce(1, *)
    let limit = ((shape.count == 4 ? 6.0 : 3.0) / Double(inputs)).squareRoot()
    return numbers.map { Float((2 * $0 - 1) * limit) }
  }

  /// Gives a network's parameters and statistics their values.
  static func fill(_ network: Network) {
    for (name, tensor) in network.stateTensors {
      let values = values(name, tensor.shape)
      switch tensor {
      case .parameter(let parameter):
        parameter.mutate { target in
          values.withUnsafeBufferPointer { parameter.layout.fromPyTorch($0, into: target) }
        }
      case .buffer(let buffer) where buffer.kind == .float:
        _ = buffer.values.buffer.update(fromContentsOf: values)
      case .buffer: break
      }
    }
  }

  /// Bytes of an image, channels last.
  static func image(_ name: String, height: Int, width: Int, channels: Int = 3) -> [Float] {
    uniforms(name, height * width * channels).map { Float(($0 * 256).rounded(.down)) }
  }

  /// What make_fixture.py recorded.
  static func recorded() throws -> SafetensorsFile {
    let url = try #require(
      Bundle.module.url(
        forResource: "inception", withExtension: "safetensors", subdirectory: "Fixtures"))
    return try SafetensorsFile(path: url.path)
  }
}

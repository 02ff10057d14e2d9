import Base
import Networks
import Storage

/// The parameters of a network that chance would move, as a bias in front of batch norm.
///
/// Their recorded gradient is nothing but float64's rounding in every step. Adam and RMSprop divide
/// a gradient by its own size, so that float32's rounding moves such a parameter as far as others,
/// and with it the running means behind it; float64's is far below their epsilon, so that in the
/// recording it stands still. `hold` puts it back where the recording has it.
struct ChanceParameters {
  /// A parameter and its recorded values, in PyTorch's order.
  private struct Held {
    var parameter: Parameter
    var values: [Float]
  }

  /// The keys of their values at the end.
  let keys: Set<String>
  private let held: [Held]
  /// The keys of the running means that they would move.
  let meansBehind: Set<String>

  /// What a share of the largest gradient is rounding of 0 in float64: seen are 2e-13 at most, and
  /// 1e-3 at least of all other parameters.
  private static let roundingShare = 1e-10
  /// How far a parameter that stands still in float64 may be from its start, over its largest
  /// value: some roundings to float32.
  private static let stillness = 1e-6

  /// Finds the parameters in a recording.
  ///
  /// - Parameters:
  ///   - file: The recording.
  ///   - network: The network whose parameters they are.
  ///   - steps: The beginnings of the keys of all steps that train the network.
  /// - Throws: `Fault` where the recording lacks a tensor.
  init(_ file: SafetensorsFile, of network: Network, steps: [String]) throws {
    let names = network.namedParameters.map { String($0.name.dropFirst(network.namePrefix.count)) }
    var shares = [Double](repeating: 0, count: names.count)
    for step in steps {
      let magnitudes = try names.map { Self.magnitude(try file.floats("\(step)grad.\($0)")) }
      let scale = max(magnitudes.max() ?? 0, 1e-30)
      for (index, magnitude) in magnitudes.enumerated() {
        shares[index] = max(shares[index], magnitude / scale)
      }
    }
    // A gradient that is 0 exactly moves nothing.
    let indices = names.indices.filter { shares[$0] > 0 && shares[$0] < Self.roundingShare }
    keys = Set(indices.map { "final.\(network.name).\(names[$0])" })
    held = try indices.compactMap { index in
      let start = try file.floats("init.\(network.name).\(names[index])")
      let end = try file.floats("final.\(network.name).\(names[index])")
      let moved = Self.magnitude(zip(start, end).map { $0 - $1 })
      guard start.count == end.count, moved <= Self.stillness * Self.magnitude(start) else {
        return nil
      }
      return Held(parameter: network.namedParameters[index].parameter, values: start)
    }
    meansBehind = Self.means(behind: held.map(\.parameter), in: network)
  }

  /// Undoes what the optimizer did.
  func hold() {
    for held in held {
      held.values.withUnsafeBufferPointer { values in
        held.parameter.mutate { held.parameter.layout.fromPyTorch(values, into: $0) }
      }
    }
  }

  private static func means(behind parameters: [Parameter], in network: Network) -> Set<String> {
    var isBehind = false
    var keys: Set<String> = []
    for (name, tensor) in network.stateTensors {
      switch tensor {
      case .parameter(let parameter):
        isBehind = isBehind || parameters.contains { $0 === parameter }
      case .buffer where isBehind && name.hasSuffix(".running_mean"):
        keys.insert("final.\(network.name).\(name.dropFirst(network.namePrefix.count))")
      case .buffer: break
      }
    }
    return keys
  }

  private static func magnitude(_ values: [Float]) -> Double {
    values.reduce(0.0) { max($0, Double(abs($1))) }
  }
}

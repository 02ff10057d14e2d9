import Base
import Networks
import Storage
import Training

/// The sides of 0 that a recorded run was on where rounding may fall on either.
///
/// Keys `iter.I.STEP.kink.NETWORK.LAYER.index|side|limit`, see `RecordingReplay`. While a step
/// runs, the (leaky) ReLUs that the recording lists in it move those inputs to their side; the
/// others run as they do in training. What is farther from 0 than the limit is no rounding, and
/// stays.
final class RecordedSides {
  /// An input of a (leaky) ReLU.
  private struct Input {
    var group: Int
    var sample: Int
    /// Channels last.
    var element: Int
    var isPositive: Bool
  }

  /// What a recording lists of a (leaky) ReLU in a step.
  private struct Listed {
    var inputs: [Input]
    var limit: Float
  }

  private let file: SafetensorsFile
  /// Samples of an input of the critic.
  private let pack: Int
  private var unread: Set<String>
  /// Inputs that the recording lists in the steps so far.
  private(set) var listed = 0
  /// Those of them that this rank found on the other side.
  private(set) var moved = 0

  /// What an input above 0 becomes: too small to be seen in any sum.
  private static let tiny: Float = 1e-30

  /// - Parameters:
  ///   - file: The recording.
  ///   - pack: Samples of an input of the critic.
  init(_ file: SafetensorsFile, pack: Int) {
    self.file = file
    self.pack = pack
    unread = Set(file.names.filter { $0.contains(".kink.") })
  }

  /// Takes the sides of a step while `body` runs it.
  ///
  /// - Parameters:
  ///   - step: The keys' beginning: `iter.0.critic.1.`.
  ///   - networks: Those through which the step goes back.
  ///   - body: Runs the step.
  /// - Throws: What `body` throws, and `Fault` where the recording lists what is not there.
  func during(_ step: String, in networks: [Network], _ body: () throws -> Void) throws {
    let samples = try file.entry(step + "noise").shape.first ?? 0
    guard (0...Self.mostSamples).contains(samples) else {
      throw Fault(
        "\(file.path): \(step)noise has \(samples) samples, at most \(Self.mostSamples) are "
          + "expected")
    }
    let rectifiers = networks.flatMap(\.rectifiers)
    defer { for rectifier in rectifiers { rectifier.layer.reviseInput = nil } }
    for network in networks {
      let shards = 0..<network.context.plan.localShards
      for rectifier in network.rectifiers {
        let key = "\(step)kink.\(network.name).\(rectifier.path)."
        guard file.contains(key + "index") else { continue }
        let inputs = network.name == "critic" ? samples / pack : samples
        let listed = try read(key, batch: inputs, rectifier.layer.inputShape)
        rectifier.layer.reviseInput = { [unowned self] values, pass in
          self.move(listed, values, pass, shards: shards)
        }
      }
    }
    try body()
  }

  /// - Throws: `Fault` where a key of the recording names no step or layer.
  func requireAllRead() throws {
    guard let key = unread.min() else { return }
    throw Fault("\(file.path): \(key) names no (leaky) ReLU of the networks and steps")
  }

  /// Indices are flat, of (group, sample, channel, row, column).
  private func read(_ key: String, batch: Int, _ shape: Shape) throws -> Listed {
    let indices = try file.integers(key + "index")
    let sides = try file.integers(key + "side")
    unread.remove(key + "index")
    let limit = try file.floats(key + "limit").first ?? 0
    unread.subtract(["index", "side", "limit"].map { key + $0 })
    let size = batch * shape.elementCount
    guard indices.count == sides.count, sides.allSatisfy({ $0 == 0 || $0 == 1 }) else {
      throw Fault(
        "\(file.path): \(key)side: expected \(indices.count) times 0 or 1, one for each index")
    }
    guard indices.allSatisfy({ (0..<Self.mostGroups * size).contains($0) }) else {
      throw Fault(
        "\(file.path): \(key)index: expected places in up to \(Self.mostGroups) groups of \(batch) "
          + "samples of \(shape)")
    }
    listed += indices.count
    let inputs = zip(indices, sides).map { index, side in
      let element = index % shape.elementCount
      return Input(
        group: index / size, sample: index % size / shape.elementCount,
        element: element % shape.pixels * shape.channels + element / shape.pixels,
        isPositive: side == 1)
    }
    return Listed(inputs: inputs, limit: limit)
  }

  /// Reals, fakes and the points of the penalty.
  private static let mostGroups = 3
  /// More than any batch.
  private static let mostSamples = 1 << 31

  /// Moves those of this rank's values that are on the other side.
  private func move(
    _ listed: Listed, _ values: Tensor, _ pass: Pass, shards: Range<Int>
  ) -> Bool {
    let before = moved
    for input in listed.inputs where pass.groups.contains(input.group) {
      for shard in shards {
        let index = input.sample - pass.firstSample(inShard: shard)
        guard (0..<pass.samples(inShard: shard)).contains(index) else { continue }
        let sample = values.sample(index, group: input.group, pass, shard: shard)
        let value = sample[input.element]
        guard (value > 0) != input.isPositive, abs(value) <= listed.limit else { continue }
        sample[input.element] = input.isPositive ? Self.tiny : -Self.tiny
        moved += 1
      }
    }
    return moved > before
  }
}

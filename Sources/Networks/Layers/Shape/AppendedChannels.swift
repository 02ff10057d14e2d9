import Base
import Kernels

/// Channels behind a sample's own, constant over the pixels: y = [x, row], a row of `count` values
/// a sample.
struct AppendedChannels {
  let inputShape: Shape
  let count: Int
  let context: ExecutionContext

  var outputShape: Shape { inputShape.with(channels: inputShape.channels + count) }

  /// y = [x, row] of the pass's samples.
  ///
  /// - Parameters:
  ///   - x: Samples of `inputShape`.
  ///   - y: Samples of `outputShape`, overwritten.
  ///   - pass: What runs.
  ///   - row: The row of a sample, by its number among those of the shard; nil for zeros.
  func append(
    to x: Tensor, into y: Tensor, _ pass: Pass,
    _ row: (_ shard: Int, _ sample: Int, _ thread: Int) -> FloatBuffer?
  ) {
    let (inputs, outputs) = (inputShape.elementCount, outputShape.elementCount)
    context.forEachShard { shard, thread in
      let (source, target) = (x.read(pass, shard: shard), y.values(pass, shard: shard))
      for sample in 0..<pass.groups.count * pass.samples(inShard: shard) {
        let input = FloatBuffer(rebasing: source[sample * inputs..<(sample + 1) * inputs])
        let output = MutableFloatBuffer(
          rebasing: target[sample * outputs..<(sample + 1) * outputs])
        if let row = row(shard, sample, thread) {
          Rearrangement.append(row, to: input, rows: inputShape.pixels, into: output)
        } else {
          output.update(repeating: 0)
          Rearrangement.place(
            input, inColumns: 0..<inputShape.channels, of: output, width: outputShape.channels)
        }
      }
    }
  }

  /// dx = x's channels of dy, for the groups whose input gradient is asked for.
  func drop(from dy: Tensor, into dx: Tensor, _ pass: Pass) {
    let groups = pass.inputGroups
    context.forEachShard { shard, _ in
      Rearrangement.dropColumns(
        count, of: dy.read(pass, shard: shard, groups: groups),
        rows: groups.count * pass.samples(inShard: shard) * inputShape.pixels,
        into: dx.values(pass, shard: shard, groups: groups))
    }
  }
}

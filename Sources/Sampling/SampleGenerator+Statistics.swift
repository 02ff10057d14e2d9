import Base
import Collectives
import Networks
import Recipe
import Training

/// What batch norm normalizes with where that is no matter of one sample.
extension SampleGenerator {
  /// The stream's step of standing statistics' noise; 0 is the samples', 1 chooses reals, 2 is the
  /// noise of a fixed generator.
  private static let standingStep = 3

  /// Calls `body` when samples may be drawn as the statistics say, and puts the running statistics
  /// back behind it, bit for bit.
  ///
  /// All ranks call it together: standing statistics are of whole batches over all of them.
  ///
  /// - Parameter body: Draws samples.
  /// - Returns: What `body` gives.
  /// - Throws: What a pass or `body` throws.
  package func withStatistics<Result>(_ body: () throws -> Result) throws -> Result {
    guard statistics != .running else { return try body() }
    let buffers = model.generator.layers.flatMap(\.buffers)
    let copies = buffers.map { buffer in
      let copy = StateBuffer(like: buffer)
      copy.copy(from: buffer)
      return copy
    }
    defer { for (buffer, copy) in zip(buffers, copies) { buffer.copy(from: copy) } }
    if statistics == .standing { try takeStandingStatistics() }
    return try body()
  }

  /// Makes the running statistics the mean of those of many batches.
  private func takeStandingStatistics() throws {
    guard let average else { return try accumulateStatistics() }
    try average.withAverage { try accumulateStatistics() }
  }

  private func accumulateStatistics() throws {
    let norms = model.generator.runningNorms
    let momenta = norms.map(\.momentum)
    defer { for (norm, momentum) in zip(norms, momenta) { norm.momentum = momentum } }
    let stream = RandomStream(seed: seed, purpose: .sampleNoise, step: Self.standingStep)
    let plain = try plainConditions(standingBatches * model.batch)
    let conditions = plain.isEmpty ? [ConditionValues()] : plain
    for batch in 0..<standingBatches {
      // The mean so far moves by a share of what is new.
      for norm in norms { norm.momentum = 1 / Double(batch + 1) }
      _ = try forwardBatch(batch, conditions: conditions) { [noise] index, buffer in
        noise.fill(buffer, sample: index, of: stream)
      }
    }
  }

  /// Sends a whole batch through the generator as in training; all ranks call it together.
  private func forwardBatch(
    _ batch: Int, conditions: [ConditionValues],
    noise: (_ index: Int, _ buffer: MutableFloatBuffer) -> Void
  ) throws -> Pass {
    let generator = model.generator
    let context = model.context
    let pass = Pass(
      .global(batch: model.batch), groups: 0..<1, mode: .training,
      draw: PassDraw(seed: seed, number: batch), plan: context.plan)
    context.forEachSample(pass) { sample, position, shard in
      let index = batch * model.batch + sample
      noise(index, generator.input.sample(position, group: 0, pass, shard: shard))
      if let place = generator.conditions?.sample(position, group: 0, pass, shard: shard) {
        conditions[index % conditions.count].copy(to: place)
      }
    }
    try generator.forward(pass)
    return pass
  }

  /// Samples in whole batches with their own statistics, on all ranks, which call it together.
  ///
  /// Moves the running statistics, which `withStatistics` puts back.
  ///
  /// - Parameters:
  ///   - count: Samples; the last batch is whole all the same.
  ///   - conditions: What they are asked to be, in turn.
  ///   - noise: Overwrites its buffer with the noise of a sample.
  /// - Returns: All samples.
  /// - Throws: What a pass throws.
  func batchImages(
    count: Int, conditions: [ConditionValues],
    noise: (_ index: Int, _ buffer: MutableFloatBuffer) -> Void
  ) throws -> [Float] {
    let (plan, output) = (model.context.plan, model.generator.output)
    let size = output.shape.elementCount
    let batches = (count + model.batch - 1) / model.batch
    var images = [Float](repeating: 0, count: batches * model.batch * size)
    for batch in 0..<batches {
      let pass = try forwardBatch(batch, conditions: conditions, noise: noise)
      try images.withUnsafeMutableBufferPointer { images in
        let place = { (sample: Int) in (batch * model.batch + sample) * size }
        for shard in 0..<plan.localShards {
          let values = output.read(pass, shard: shard)
          let first = place(pass.firstSample(inShard: shard))
          _ = images[first..<first + values.count].update(fromContentsOf: values)
        }
        guard plan.ranks > 1 else { return }
        for rank in 0..<plan.ranks {
          let other = try ShardPlan(shards: plan.shards, rank: rank, ranks: plan.ranks)
          let start = other.samples(localShard: 0, batch: model.batch).lowerBound
          let end = other.samples(localShard: other.localShards - 1, batch: model.batch).upperBound
          try model.context.communicator.broadcast(
            UnsafeMutableRawBufferPointer(
              UnsafeMutableBufferPointer(rebasing: images[place(start)..<place(end)])), from: rank)
        }
      }
    }
    images.removeLast(images.count - count * size)
    return images
  }
}

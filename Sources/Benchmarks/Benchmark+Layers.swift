import Base
import Collectives
import Foundation
import LinearAlgebra
import Networks

/// What `bench --layers` measured of one layer that has matrix products.
package struct LayerTiming: Codable, Sendable {
  /// `critic.2`, or `critic.3.main.1` inside a layer made of others.
  package var name: String
  package var kind: String
  /// Input and output, channels x height x width.
  package var shapes: String
  /// How a convolution is computed; `gemm` for other layers.
  package var algorithm: String
  /// The fastest of several passes over this rank's shards.
  package var forwardSeconds: Double
  package var backwardSeconds: Double
  /// Floating-point operations of the direct algorithm / those seconds, of one rank.
  package var forwardGFLOPPerSecond: Double
  package var backwardGFLOPPerSecond: Double
  /// Floating-point operations a second of OpenBLAS, on one thread, in a product of matrices of the
  /// layer's sizes.
  package var openBLASGFLOPPerSecond: Double
}

extension Benchmark {
  /// Times each layer with matrix products by itself, on tensors of noise: the forward pass of all
  /// groups of a step, and the backward pass with the gradients a critic step asks for: of the
  /// parameters for reals and fakes (which training may leave to a later pass), of the input for
  /// all groups.
  ///
  /// Times are of rank 0; all ranks must call this.
  ///
  /// - Parameter repetitions: Passes, the fastest of which counts.
  /// - Returns: A timing a layer.
  /// - Throws: On all ranks, where one of them has no OpenBLAS or a layer fails.
  package func layers(repetitions: Int) throws -> [LayerTiming] {
    let blas = try communicator.agree { try OpenBLAS.load() }
    let networks = [
      (model.generator, 1, model.batch),
      (model.critic, model.objective.criticGroups, model.batch / model.packing.members),
    ]
    return try networks.flatMap { network, groups, batch in
      try network.layers.enumerated().flatMap { index, layer in
        try timings(
          layer, of: network, name: "\(network.name).\(index)", groups: groups, batch: batch, blas,
          repetitions)
      }
    }
  }

  private func timings(
    _ layer: any Layer, of network: Network, name: String, groups: Int, batch: Int,
    _ blas: OpenBLAS, _ repetitions: Int
  ) throws -> [LayerTiming] {
    guard layer.children.isEmpty else {
      return try layer.children.flatMap {
        try timings(
          $0.layer, of: network, name: "\(name).\($0.path)", groups: groups, batch: batch, blas,
          repetitions)
      }
    }
    guard layer.operations > 0 else { return [] }
    let plan = model.context.plan
    let random = RandomStream(seed: 0, purpose: .drawing)
    var tensors = 0
    let pass = Pass(
      .global(batch: batch), groups: 0..<groups, parameterGroups: 0..<min(2, groups),
      plan: plan)
    let noise = { (shape: Shape) in
      let tensor = Tensor(
        shape: shape, shards: plan.localShards,
        shardCapacity: groups * plan.capacity(batch: batch))
      for shard in 0..<plan.localShards {
        random.normals(sample: tensors * 64 + shard, into: tensor.values(pass, shard: shard))
      }
      tensors += 1
      return tensor
    }
    let (x, y) = (noise(layer.inputShape), noise(layer.outputShape))
    let (dy, dx) = (noise(layer.outputShape), noise(layer.inputShape))
    let forward = try fastest(repetitions) { try layer.forward(x, into: y, pass) }
    let backward = try fastest(repetitions) {
      network.arena.clearGradient()
      try layer.backward(dy, input: x, output: y, into: dx, pass)
    }
    let samples = (0..<plan.localShards).reduce(0) { $0 + pass.samples(inShard: $1) }
    let operations = Double(layer.operations * samples) * 1e-9
    return [
      LayerTiming(
        name: name, kind: layer.kind, shapes: "\(layer.inputShape) -> \(layer.outputShape)",
        algorithm: layer.algorithm ?? "",
        forwardSeconds: forward, backwardSeconds: backward,
        forwardGFLOPPerSecond: operations * Double(groups) / forward,
        backwardGFLOPPerSecond: operations * Double(groups + pass.parameterGroups.count)
          / backward,
        openBLASGFLOPPerSecond: speed(
          of: blas, layer, samples: pass.samples(inShard: 0) * groups, repetitions))
    ]
  }

  /// Rows from which on a product's speed does not change any more.
  private static let mostRows = 4096

  /// The speed of OpenBLAS's product of what the direct algorithm multiplies for a shard: rows of
  /// patches (of a linear layer's inputs) and the filter.
  ///
  /// - Parameters:
  ///   - blas: OpenBLAS.
  ///   - layer: A layer with matrix products.
  ///   - samples: Of a shard, all groups together.
  ///   - repetitions: Products, the fastest of which counts.
  /// - Returns: GFLOP/s.
  private func speed(
    of blas: OpenBLAS, _ layer: any Layer, samples: Int, _ repetitions: Int
  ) -> Double {
    let geometry = (layer as? any PlannedConvolution)?.plan.geometry
    let inner = geometry?.patchCount ?? layer.inputShape.elementCount
    let columns = geometry?.outputChannels ?? layer.outputShape.elementCount
    let rows = min(samples * (geometry?.outputPixels ?? 1), Self.mostRows)
    let random = RandomStream(seed: 0, purpose: .drawing)
    let (a, b) = (FloatStorage(count: rows * inner), FloatStorage(count: inner * columns))
    random.normals(sample: 0, into: a.buffer)
    random.normals(sample: 1, into: b.buffer)
    let c = FloatStorage(count: rows * columns)
    let seconds = fastest(repetitions) {
      blas.multiply(
        rows: rows, columns: columns, inner: inner, a.pointer, b.pointer, into: c.pointer)
    }
    return 2e-9 * Double(rows * columns * inner) / seconds
  }

  private func fastest(_ repetitions: Int, _ body: () throws -> Void) rethrows -> Double {
    try body()
    var best = Double.infinity
    for _ in 0..<repetitions {
      best = min(best, try secondsTaken(by: body))
    }
    return best
  }
}

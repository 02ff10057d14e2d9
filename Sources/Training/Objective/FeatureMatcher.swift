import Base
import Collectives
import Kernels
import Networks

/// The feature-matching term of a generator step: D = |E f(x) - E f(y)|^2, y = G(z), and its
/// derivative 2/B (E f(y) - E f(x)) with respect to each f(y_i).
///
/// Expectations are means over the global batch, summed in tree order in Double.
final class FeatureMatcher {
  private let settings: Objective.FeatureMatching
  private let model: Model
  private let sums: ShardSums
  private let count: Int
  /// The derivative with respect to the fakes' features, group 1.
  private let gradient: Tensor

  init(_ settings: Objective.FeatureMatching, model: Model) {
    self.settings = settings
    self.model = model
    let shape: Shape
    switch settings.features {
    case .critic(let layer): shape = model.critic.layers[layer].outputShape
    case .network:
      guard let network = model.features else { preconditionFailure("no feature network") }
      shape = network.outputShape
    }
    count = shape.elementCount
    sums = ShardSums(
      capacity: 2 * count, plan: model.context.plan, communicator: model.context.communicator)
    gradient = Tensor(
      shape: shape, shards: model.context.plan.localShards,
      shardCapacity: model.critic.memory.groupCapacity, firstGroup: Group.fakes)
  }

  /// After the critic's forward pass over reals and fakes.
  ///
  /// - Returns: D, and the term's gradient for the critic's backward pass; nil where the features
  ///   are another network's.
  func matchCritic(
    _ pass: Pass, _ fakes: Pass
  ) throws -> (distance: Double, gradient: InnerGradient)? {
    guard case .critic(let layer) = settings.features else { return nil }
    let critic = model.critic
    let distance = try match(
      critic.sequence.activation(behind: layer, output: critic.output), pass, fakes)
    return (distance, InnerGradient(behind: layer, gradient))
  }

  /// Sends reals and fakes through the feature network and adds the term's gradient to the
  /// generator's output gradient.
  ///
  /// - Returns: D; 0 where the features are the critic's.
  func matchNetwork(_ pass: Pass, _ fakes: Pass) throws -> Double {
    guard case .network = settings.features, let network = model.features else { return 0 }
    let context = model.context
    // Its parameters and statistics stand still.
    let (pass, fakes) = (pass.with(.evaluation), fakes.with(.evaluation))
    context.copy(model.critic.input, to: network.input, pass)
    try network.forward(pass)
    let distance = try match(network.output, pass, fakes)
    context.copy(gradient, to: network.outputGradient, fakes)
    try network.backward(fakes, inputGroups: fakes.groups)
    context.add(
      network.inputGradient, groups: fakes.groups, to: model.generator.outputGradient,
      groups: 0..<1, fakes)
    return distance
  }

  private func match(_ values: Tensor, _ pass: Pass, _ fakes: Pass) throws -> Double {
    let context = model.context
    context.forEachShard { shard, _ in
      for group in [Group.reals, Group.fakes] {
        let sums = self.sums.shard(shard, from: group * self.count, count: self.count)
        sums.update(repeating: 0)
        Elementwise.addColumnSums(
          values.read(pass, shard: shard, groups: group..<group + 1),
          rows: pass.samples(inShard: shard), to: sums)
      }
    }
    let total = try sums.total(count: 2 * count)
    let batch = Double(pass.batch)
    var distance = 0.0
    for index in 0..<count {
      let difference = (total[count + index] - total[index]) / batch
      distance += difference * difference
    }
    context.forEachShard { shard, _ in
      let gradient = self.gradient.values(fakes, shard: shard)
      for index in gradient.indices {
        let feature = index % self.count
        let difference = (total[self.count + feature] - total[feature]) / batch
        gradient[index] = Float(self.settings.weight * 2 / batch * difference)
      }
    }
    return distance
  }
}

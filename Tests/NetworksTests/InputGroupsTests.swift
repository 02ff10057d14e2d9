import Base
import Networks
import Testing

/// For which groups a sequence asks its layers for the gradient of their input.
@Suite struct InputGroupsTests {
  private final class Probe: Layer {
    let kind = "probe"
    let inputShape = Shape(channels: 2)
    var outputShape: Shape { inputShape }
    let traits: LayerTraits
    let parameters: [Parameter]
    private(set) var asked: Range<Int>?

    init(_ traits: LayerTraits, isTrained: Bool) {
      self.traits = traits
      parameters =
        isTrained ? [Parameter(name: "weight", shape: [1], initializer: .constant(0))] : []
    }

    func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {}

    func backward(
      _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
    ) {
      asked = pass.inputGroups
    }

    func doubleBackward(
      _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
      share: Tensor?, _ pass: Pass
    ) {}
  }

  /// What goes back from the first layer with parameters is nobody's but the caller's.
  @Test func areTheCallersUpToTheFirstParameter() throws {
    let harness = try Harness(
      "- linear: {outputs: 2}", input: Shape(channels: 2), batch: 2, groups: 3, shards: 1)
    let traits = harness.network.layers[0].traits
    let layers = [false, true, false, true].map { Probe(traits, isTrained: $0) }
    let sequence = try LayerSequence(
      layers, name: "probes", memory: MemoryPlan(shardCapacity: 6, groups: 3),
      context: harness.context)
    let tensor = harness.tensor(Shape(channels: 2))
    try sequence.backward(
      tensor, input: tensor, output: tensor, into: tensor, harness.pass.with(inputGroups: 2..<3))
    #expect(layers.map(\.asked) == [2..<3, 2..<3, 0..<3, 0..<3])
  }
}

import Base
import Kernels

/// Appends the sample's class to its channels: channels x height x width become
/// (channels + n) x height x width, the added channels being constant over the pixels.
///
/// They are the class's row of a table: of the identity (one-hot labels, n = classes), or of a
/// trained embedding, PyTorch's `Embedding(classes, n)`.
///
/// dx = the input's part of dy, and the embedding's row gets the sum of the other part over the
/// pixels. J t = [t, 0]: a direction in x-space does not move the labels. Not curved, and <dx, t>
/// does not depend on the embedding.
package final class LabelConcat: Layer {
  package let kind = "labelConcat"
  package let inputShape: Shape
  package let outputShape: Shape
  package let traits = LayerTraits(needsConditions: true, isAffine: true)
  /// classes x n; nil for one-hot labels.
  package let embedding: Parameter?
  private let classes: Int
  private let added: Int
  /// The identity, where there is no embedding.
  private let oneHot: FloatStorage
  /// What a direction has in the added channels.
  private let zeros: FloatStorage
  private let context: ExecutionContext

  /// Makes the layer; `embedding` is the number of values n a class, or nil for one-hot labels.
  package init(inputShape: Shape, classes: Int, embedding: Int?, context: ExecutionContext) {
    precondition(classes > 0, "labelConcat of \(classes) classes")
    self.inputShape = inputShape
    self.classes = classes
    self.context = context
    added = embedding ?? classes
    outputShape = inputShape.with(channels: inputShape.channels + added)
    self.embedding = embedding.map {
      Parameter(
        name: "weight", shape: [classes, $0], initializer: .normal(mean: 0, deviation: 1))
    }
    oneHot = FloatStorage(count: embedding == nil ? classes * classes : 0)
    if embedding == nil {
      for label in 0..<classes { oneHot.buffer[label * classes + label] = 1 }
    }
    zeros = FloatStorage(count: added)
  }

  package var options: [LayerOption] {
    let facts = [LayerOption.derived("classes", classes), .derived("added", added)]
    return embedding == nil ? facts : [LayerOption("embedding", added)] + facts
  }
  package var parameters: [Parameter] { embedding.map { [$0] } ?? [] }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    append(to: x, into: y, pass) { shard, sample in
      self.row(self.label(sample, pass, shard, pass.groups), self.table)
    }
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) {
    let trained = pass.parameterGroups
    let wanted = pass.inputGroups
    let pixels = inputShape.pixels
    context.forEachShard { shard, _ in
      let samples = pass.samples(inShard: shard)
      if let embedding = self.embedding, !trained.isEmpty {
        let gradient = dy.read(pass, shard: shard, groups: trained)
        let count = self.outputShape.elementCount
        for sample in 0..<trained.count * samples {
          let label = self.label(sample, pass, shard, trained)
          Rearrangement.addLastColumnSums(
            FloatBuffer(rebasing: gradient[sample * count..<(sample + 1) * count]), rows: pixels,
            to: MutableFloatBuffer(
              rebasing: embedding.partial(shard: shard)[
                label * self.added..<(label + 1) * self.added]))
        }
      }
      if let dx {
        Rearrangement.dropColumns(
          self.added, of: dy.read(pass, shard: shard, groups: wanted),
          rows: wanted.count * samples * pixels,
          into: dx.values(pass, shard: shard, groups: wanted))
      }
    }
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    if let jt {
      append(to: t, into: jt, pass) { _, _ in FloatBuffer(self.zeros.buffer) }
    }
  }

  private var table: FloatBuffer { embedding?.values ?? FloatBuffer(oneHot.buffer) }

  private func row(_ label: Int, _ table: FloatBuffer) -> FloatBuffer {
    FloatBuffer(rebasing: table[label * added..<(label + 1) * added])
  }

  /// The class of a sample of some groups of a shard.
  private func label(_ sample: Int, _ pass: Pass, _ shard: Int, _ groups: Range<Int>) -> Int {
    guard let conditions = pass.conditions else {
      preconditionFailure("labelConcat in a pass that has no conditions")
    }
    let label = Int(conditions.labels(pass, shard: shard, groups: groups)[sample])
    precondition(0..<classes ~= label, "label \(label) of sample \(sample), classes \(classes)")
    return label
  }

  private func append(
    to x: Tensor, into y: Tensor, _ pass: Pass, _ row: (_ shard: Int, _ sample: Int) -> FloatBuffer
  ) {
    let (inputs, outputs) = (inputShape.elementCount, outputShape.elementCount)
    let pixels = inputShape.pixels
    context.forEachShard { shard, _ in
      let (source, target) = (x.read(pass, shard: shard), y.values(pass, shard: shard))
      for sample in 0..<pass.groups.count * pass.samples(inShard: shard) {
        Rearrangement.append(
          row(shard, sample),
          to: FloatBuffer(rebasing: source[sample * inputs..<(sample + 1) * inputs]), rows: pixels,
          into: MutableFloatBuffer(rebasing: target[sample * outputs..<(sample + 1) * outputs]))
      }
    }
  }
}

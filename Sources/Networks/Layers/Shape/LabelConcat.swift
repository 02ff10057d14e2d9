import Base
import Kernels

/// Appends the sample's class to its channels: channels x height x width become
/// (channels + n) x height x width, the added channels being constant over the pixels.
///
/// They are the class's row of a table: of the identity (one-hot labels, n = classes), or of a
/// trained embedding, PyTorch's `Embedding(classes, n)`; of packs the rows of all members, one
/// behind the other.
///
/// dx = the input's part of dy, and the embedding's row gets the sum of the other part over the
/// pixels. J t = [t, 0]: a direction in x-space does not move the labels. Not curved, and <dx, t>
/// does not depend on the embedding.
package final class LabelConcat: Layer {
  package let kind = "labelConcat"
  package var inputShape: Shape { appended.inputShape }
  package let outputShape: Shape
  package let traits = LayerTraits(needsConditions: true, isAffine: true)
  /// classes x n; nil for one-hot labels.
  package let embedding: Parameter?
  private let classes: Int
  /// Values of a row.
  private let row: Int
  /// Rows that are appended: samples side by side.
  private let members: Int
  private var added: Int { appended.count }
  /// The identity, where there is no embedding.
  private let oneHot: FloatStorage
  private let appended: AppendedChannels
  private let context: ExecutionContext

  /// Makes the layer; `embedding` is the number of values n a class, or nil for one-hot labels,
  /// `members` the samples side by side in an input.
  package init(
    inputShape: Shape, classes: Int, embedding: Int?, members: Int = 1, context: ExecutionContext
  ) {
    precondition(classes > 0 && members > 0, "labelConcat of \(classes) classes, \(members) times")
    self.classes = classes
    self.context = context
    row = embedding ?? classes
    self.members = members
    appended = AppendedChannels(inputShape: inputShape, count: row * members, context: context)
    outputShape = appended.outputShape
    self.embedding = embedding.map {
      Parameter(
        name: "weight", shape: [classes, $0], initializer: .normal(mean: 0, deviation: 1))
    }
    oneHot = FloatStorage(count: embedding == nil ? classes * classes : 0)
    if embedding == nil {
      for label in 0..<classes { oneHot.buffer[label * classes + label] = 1 }
    }
    context.reserveScratch(appended.count)
  }

  package var options: [LayerOption] {
    let facts = [LayerOption.derived("classes", classes), .derived("added", added)]
    return embedding == nil ? facts : [LayerOption("embedding", row)] + facts
  }
  package var parameters: [Parameter] { embedding.map { [$0] } ?? [] }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    appended.append(to: x, into: y, pass) { shard, sample, thread in
      self.rows(sample, pass, shard, thread)
    }
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) {
    let trained = pass.parameterGroups
    if let embedding, !trained.isEmpty {
      let count = outputShape.elementCount
      context.forEachShard { shard, thread in
        let gradient = dy.read(pass, shard: shard, groups: trained)
        for sample in 0..<trained.count * pass.samples(inShard: shard) {
          self.addSums(
            FloatBuffer(rebasing: gradient[sample * count..<(sample + 1) * count]), to: embedding,
            shard, thread
          ) { self.label(sample, member: $0, pass, shard, trained) }
        }
      }
    }
    if let dx { appended.drop(from: dy, into: dx, pass) }
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    if let jt { appended.append(to: t, into: jt, pass) { _, _, _ in nil } }
  }

  private var table: FloatBuffer { embedding?.values ?? FloatBuffer(oneHot.buffer) }

  private func places(_ label: Int) -> Range<Int> { label * row..<(label + 1) * row }

  /// What is appended to a sample; of a pack written into the thread's scratch.
  private func rows(_ sample: Int, _ pass: Pass, _ shard: Int, _ thread: Int) -> FloatBuffer {
    let table = table
    if members == 1 {
      return FloatBuffer(rebasing: table[places(label(sample, pass, shard, pass.groups))])
    }
    let rows = MutableFloatBuffer(rebasing: context.scratch(thread: thread)[..<added])
    for member in 0..<members {
      let label = label(sample, member: member, pass, shard, pass.groups)
      _ = MutableFloatBuffer(rebasing: rows[places(member)])
        .update(fromContentsOf: table[places(label)])
    }
    return FloatBuffer(rows)
  }

  /// Adds the sums over the pixels of a sample's appended channels to the rows of its classes.
  private func addSums(
    _ gradient: FloatBuffer, to embedding: Parameter, _ shard: Int, _ thread: Int,
    label: (_ member: Int) -> Int
  ) {
    let (pixels, partial) = (inputShape.pixels, embedding.partial(shard: shard))
    if members == 1 {
      return Rearrangement.addLastColumnSums(
        gradient, rows: pixels, to: MutableFloatBuffer(rebasing: partial[places(label(0))]))
    }
    let sums = MutableFloatBuffer(rebasing: context.scratch(thread: thread)[..<added])
    sums.update(repeating: 0)
    Rearrangement.addLastColumnSums(gradient, rows: pixels, to: sums)
    for member in 0..<members {
      Elementwise.add(
        FloatBuffer(rebasing: sums[places(member)]),
        to: MutableFloatBuffer(rebasing: partial[places(label(member))]))
    }
  }

  /// The class of a sample of some groups of a shard; of packs, that of a member of theirs.
  private func label(
    _ sample: Int, member: Int = 0, _ pass: Pass, _ shard: Int, _ groups: Range<Int>
  ) -> Int {
    guard let conditions = pass.conditions, conditions.shape.members == members else {
      preconditionFailure("labelConcat in a pass that has no such conditions")
    }
    let labels = conditions.labels(pass, shard: shard, groups: groups)
    let label = Int(labels[sample * members + member])
    precondition(0..<classes ~= label, "label \(label) of sample \(sample), classes \(classes)")
    return label
  }
}

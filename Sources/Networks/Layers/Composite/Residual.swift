import Base
import Kernels

/// y = main(x) + shortcut(x); without shortcut layers y = main(x) + x.
///
/// He et al. 2016, arXiv:1512.03385.
/// dx = dmain/dx + dshortcut/dx, and so for J t. Parameters are called `main.1.weight`,
/// `shortcut.0.weight`.
package final class Residual: CompositeLayer {
  package let kind = "residual"
  package let inputShape: Shape
  package let outputShape: Shape
  private let mainLayers: [any Layer]
  private let shortcutLayers: [any Layer]
  private let context: ExecutionContext
  private var branches: Branches?

  /// What `prepare` makes.
  private struct Branches {
    let main: LayerSequence
    /// nil where x itself is added.
    let shortcut: LayerSequence?
    /// The output of main where its last layer's backward pass needs it: y is the sum.
    let mainOutput: Tensor?
    /// The output of the shortcut, its input gradient and its J t.
    let shortcutOutput: Tensor
    let shortcutGradient: Tensor
    let shortcutDirection: Tensor?
  }

  /// - Throws: `Fault` where the branches do not give the same shape.
  package init(
    main: [any Layer], shortcut: [any Layer], inputShape: Shape, context: ExecutionContext
  ) throws {
    self.inputShape = inputShape
    self.context = context
    mainLayers = main
    shortcutLayers = shortcut
    outputShape = main.last?.outputShape ?? inputShape
    let other = shortcut.last?.outputShape ?? inputShape
    guard !main.isEmpty else { throw Fault("residual: main: expected at least one layer") }
    guard other == outputShape else {
      throw Fault("residual: main gives \(outputShape), but shortcut gives \(other)")
    }
  }

  package var children: [(path: String, layer: any Layer)] {
    mainLayers.enumerated().map { ("main.\($0)", $1) }
      + shortcutLayers.enumerated().map { ("shortcut.\($0)", $1) }
  }

  package var traits: LayerTraits {
    let layers = mainLayers + shortcutLayers
    return LayerTraits(
      isCurved: layers.contains(where: \.traits.isCurved),
      couplesSamples: layers.contains(where: \.traits.couplesSamples),
      needsConditions: layers.contains(where: \.traits.needsConditions))
  }

  package var operations: Int { (mainLayers + shortcutLayers).reduce(0) { $0 + $1.operations } }

  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) throws {
    let shards = context.plan.localShards
    let tensor = { (shape: Shape) in
      Tensor(
        shape: shape, shards: shards, shardCapacity: plan.shardCapacity, in: context.valueMemory)
    }
    branches = Branches(
      main: try LayerSequence(mainLayers, name: "main", memory: plan, context: context),
      shortcut: shortcutLayers.isEmpty
        ? nil
        : try LayerSequence(shortcutLayers, name: "shortcut", memory: plan, context: context),
      mainOutput: mainLayers[mainLayers.count - 1].traits.needsOutput ? tensor(outputShape) : nil,
      shortcutOutput: tensor(shortcutLayers.isEmpty ? Shape(channels: 0) : outputShape),
      shortcutGradient: tensor(shortcutLayers.isEmpty ? Shape(channels: 0) : inputShape),
      shortcutDirection: plan.secondOrderGroup.map {
        Tensor(
          shape: shortcutLayers.isEmpty ? Shape(channels: 0) : outputShape, shards: shards,
          shardCapacity: plan.groupCapacity, firstGroup: $0, in: context.valueMemory)
      })
  }

  private var prepared: Branches {
    guard let branches else { preconditionFailure("residual is used before it is prepared") }
    return branches
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) throws {
    let branches = prepared
    try branches.main.forward(x, into: branches.mainOutput ?? y, pass)
    try branches.shortcut?.forward(x, into: branches.shortcutOutput, pass)
    if let output = branches.mainOutput { context.copy(output, to: y, pass) }
    context.add(branches.shortcut == nil ? x : branches.shortcutOutput, to: y, pass)
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) throws {
    let branches = prepared
    try branches.main.backward(
      dy, input: x, output: branches.mainOutput ?? y, into: dx, pass)
    let wanted = dx == nil ? nil : branches.shortcutGradient
    try branches.shortcut?.backward(
      dy, input: x, output: branches.shortcutOutput, into: wanted, pass)
    guard let dx else { return }
    context.add(
      branches.shortcut == nil ? dy : branches.shortcutGradient, groups: pass.inputGroups, to: dx,
      pass)
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) throws {
    let branches = prepared
    try branches.main.doubleBackward(
      t, outputGradient: dy, input: x, output: branches.mainOutput ?? y, into: jt, pass)
    let wanted = jt == nil ? nil : branches.shortcutDirection
    try branches.shortcut?.doubleBackward(
      t, outputGradient: dy, input: x, output: branches.shortcutOutput, into: wanted, pass)
    guard let jt else { return }
    let other = branches.shortcut == nil ? t : branches.shortcutDirection
    if let other { context.add(other, to: jt, pass) }
  }

  package func backwardShares(
    arriving: Tensor?, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) throws -> Bool {
    let branches = prepared
    let fromMain = try branches.main.backwardShares(
      arriving: arriving, input: x, output: branches.mainOutput ?? y, into: dx, pass)
    let fromShortcut: Bool
    let other: Tensor?
    if let shortcut = branches.shortcut {
      fromShortcut = try shortcut.backwardShares(
        arriving: arriving, input: x, output: branches.shortcutOutput,
        into: dx == nil ? nil : branches.shortcutGradient, pass)
      other = branches.shortcutGradient
    } else {
      fromShortcut = arriving != nil
      other = arriving
    }
    guard let dx else { return false }
    if fromShortcut, let other {
      if fromMain {
        context.add(other, to: dx, pass)
      } else {
        context.copy(other, to: dx, pass)
      }
    }
    return fromMain || fromShortcut
  }
}

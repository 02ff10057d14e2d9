import Base

/// Samples or reals: item i is a function of i, drawn by the rank that has use for it.
package final class SampleSet {
  /// Items.
  package let count: Int
  /// Of an item.
  package let shape: Shape
  /// The values that stand for bytes 0 and 255 of an image.
  package let range: ClosedRange<Float>
  /// Items that are drawn at once.
  private let sliceLength: Int
  private let draw: (Range<Int>) throws -> [Float]
  private var drawn: [Float]?
  private var extracted: [String: Extracted] = [:]

  /// - Parameters:
  ///   - count: Items.
  ///   - shape: Of an item.
  ///   - range: The values that stand for bytes 0 and 255.
  ///   - unit: What is drawn begins at multiples of it, and so does what is handed to a network;
  ///     for items that are not drawn one by one.
  ///   - draw: Gives the items of a range, channels last; called by the main thread of any rank,
  ///     for other ranges on each.
  package init(
    count: Int, shape: Shape, range: ClosedRange<Float> = -1...1, unit: Int = 1,
    draw: @escaping (Range<Int>) throws -> [Float]
  ) {
    precondition(count > 0 && unit > 0, "\(count) items in units of \(unit)")
    self.count = count
    self.shape = shape
    self.range = range
    // A few hundred: a pass of a network takes fewer, and their images are small beside it.
    sliceLength = unit * max(1, 256 / unit)
    self.draw = draw
  }

  /// Items that are there already, the same ones on all ranks.
  package convenience init(
    _ values: [Float], shape: Shape, range: ClosedRange<Float> = -1...1
  ) {
    let size = shape.elementCount
    precondition(values.count.isMultiple(of: size), "\(values.count) values are no \(shape)")
    self.init(count: values.count / size, shape: shape, range: range) {
      Array(values[$0.lowerBound * size..<$0.upperBound * size])
    }
    drawn = values
  }

  private var slices: [Range<Int>] { ScoreTeam.ranges(count, length: sliceLength) }

  /// The items of a range, drawn by this rank alone, as no one else may have use for them.
  package func items(_ range: Range<Int>) throws -> [Float] {
    let size = shape.elementCount
    if let drawn { return Array(drawn[range.lowerBound * size..<range.upperBound * size]) }
    let items = try draw(range)
    precondition(items.count == range.count * size, "\(items.count) values for items \(range)")
    return items
  }

  /// All items, channels last, on all ranks; each draws its part, once.
  ///
  /// - Parameter team: All ranks, which call this together.
  /// - Returns: `count` x the shape's elements.
  /// - Throws: On all ranks, what drawing throws on one.
  package func values(_ team: ScoreTeam) throws -> [Float] {
    if let drawn { return drawn }
    let slices = slices
    let values: [Float] = try team.gatherInTurn(slices.map { $0.count * shape.elementCount }) {
      _ = $1.update(fromContentsOf: try items(slices[$0]))
    }
    drawn = values
    return values
  }

  /// Features and logits of all items, on all ranks: extracted by the rank that drew the item, and
  /// kept.
  ///
  /// - Parameters:
  ///   - extractor: The network.
  ///   - team: All ranks, which call this together.
  /// - Returns: Those of each item.
  /// - Throws: On all ranks, what drawing and extracting throw on one.
  package func extracted(by extractor: any FeatureExtractor, _ team: ScoreTeam) throws -> Extracted
  {
    if let known = extracted[extractor.name] { return known }
    let (features, classes) = (extractor.featureCount, extractor.classCount)
    let slices = slices
    let values: [Float] = try team.gatherInTurn(slices.map { $0.count * (features + classes) }) {
      slice, values in
      let found = try extract(slices[slice], extractor)
      let count = slices[slice].count
      guard found.features.count == count * features, found.logits.count == count * classes else {
        throw Fault(
          "\(extractor.name): gave \(found.features.count) features and \(found.logits.count) "
            + "logits of \(count) images, expected \(features) and \(classes) of each")
      }
      _ = values.update(fromContentsOf: found.features + found.logits)
    }
    var all = Extracted()
    var first = 0
    for slice in slices {
      let middle = first + slice.count * features
      all.features += values[first..<middle]
      first = middle + slice.count * classes
      all.logits += values[middle..<first]
    }
    extracted[extractor.name] = all
    return all
  }

  private func extract(_ range: Range<Int>, _ extractor: any FeatureExtractor) throws -> Extracted {
    guard shape.dimensions == 2 else {
      throw Fault("\(extractor.name): takes pictures, found samples of shape \(shape)")
    }
    let images = try pixels(items(range), white: extractor.white)
    return try images.withUnsafeBufferPointer {
      try extractor.extract(
        $0, count: range.count, height: shape.height, width: shape.width, channels: shape.channels)
    }
  }

  /// Values of images as pixels from 0 to `white`, neither rounded nor cut off.
  private func pixels(_ values: [Float], white: Float) -> [Float] {
    let (low, scale) = (range.lowerBound, white / (range.upperBound - range.lowerBound))
    return values.map { ($0 - low) * scale }
  }
}

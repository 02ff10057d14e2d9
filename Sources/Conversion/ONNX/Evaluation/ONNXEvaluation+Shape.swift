import Base

/// Operators that move elements.
extension ONNXEvaluation {
  static let shapeOperators: [String: Operator] = [
    "Reshape": reshape, "Transpose": transpose, "Concat": concat, "Split": split, "Slice": slice,
    "Gather": gather, "Expand": expand, "Resize": resize, "DepthToSpace": depthToSpace,
  ]

  /// Elements of the first input, taken in the order of the places that steps lead to.
  ///
  /// - Parameters:
  ///   - call: The node.
  ///   - sizes: Of the result.
  ///   - steps: Elements of the input from one place of each axis to the next; 0 repeats.
  /// - Returns: The result, as the node's only output.
  /// - Throws: `Fault` where it would be too large, or the input has integers.
  private static func taken(_ call: Call, _ sizes: [Int], steps: [Int]) throws -> [ONNXArray] {
    let values = try call.floats(0)
    var result: [Float] = []
    result.reserveCapacity(try call.count(sizes))
    forEachPlace(sizes, [steps]) { result.append(values[$0[0]]) }
    return [ONNXArray(sizes, result)]
  }

  /// The same elements with other sizes: 0 keeps a size, one -1 takes what is left.
  private static func reshape(_ call: Call) throws -> [ONNXArray] {
    let x = try call.array(0)
    var sizes = try call.integers(1)
    for index in sizes.indices where sizes[index] == 0 {
      try call.require(index < x.sizes.count, "a size to keep at \(index) of \(x.sizes)")
      sizes[index] = x.sizes[index]
    }
    if let free = sizes.firstIndex(of: -1) {
      sizes[free] = 1
      let others = try call.count(sizes)
      try call.require(
        others > 0 && x.count.isMultiple(of: others), "\(x.count) elements, found \(sizes)")
      sizes[free] = x.count / others
    }
    try call.require(
      sizes.allSatisfy { $0 >= 0 } && checkedProduct(sizes) == x.count,
      "\(x.count) elements, found \(sizes)")
    return [ONNXArray(sizes, try x.floats())]
  }

  /// Axes in another order: axis i of the result is axis perm[i] of the input.
  private static func transpose(_ call: Call) throws -> [ONNXArray] {
    let x = try call.array(0)
    let order = call.numbers("perm")
    try call.require(
      order.sorted() == Array(x.sizes.indices), "an order of \(x.sizes.count) axes, found \(order)")
    let steps = spread(x.sizes, over: x.sizes)
    return try taken(call, order.map { x.sizes[$0] }, steps: order.map { steps[$0] })
  }

  /// A value repeated along its axes of size 1, and along new ones in front.
  private static func expand(_ call: Call) throws -> [ONNXArray] {
    let x = try call.array(0)
    let asked = try call.integers(1)
    try call.require(asked.allSatisfy { $0 > 0 }, "positive sizes, found \(asked)")
    let sizes = try broadcast(x.sizes, asked, call)
    return try taken(call, sizes, steps: spread(x.sizes, over: sizes))
  }

  /// Values side by side along an axis.
  private static func concat(_ call: Call) throws -> [ONNXArray] {
    let parts = try call.inputs.indices.map { try call.array($0) }
    try call.require(!parts.isEmpty, "an input")
    var sizes = parts[0].sizes
    let axis = try call.axis(call.integer("axis", default: 0), of: sizes)
    for part in parts {
      var other = part.sizes
      try call.require(other.count == sizes.count, "values of as many axes")
      other[axis] = sizes[axis]
      try call.require(other == sizes, "values that fit, found \(sizes) and \(part.sizes)")
    }
    sizes[axis] = parts.reduce(0) { $0 + $1.sizes[axis] }
    var result: [Float] = []
    result.reserveCapacity(try call.count(sizes))
    let runs = try parts.map { part in
      (values: try part.floats(), size: part.sizes[axis...].reduce(1, *))
    }
    for outer in 0..<sizes[..<axis].reduce(1, *) {
      for run in runs { result += run.values[outer * run.size..<(outer + 1) * run.size] }
    }
    return [ONNXArray(sizes, result)]
  }

  /// Parts of a value one behind the other along an axis: the inverse of `concat`.
  private static func split(_ call: Call) throws -> [ONNXArray] {
    let x = try call.array(0)
    let parts = try call.integers(1)
    let axis = try call.axis(call.integer("axis", default: 0), of: x.sizes)
    try call.require(
      parts.allSatisfy { (0...x.sizes[axis]).contains($0) }
        && parts.count <= x.sizes[axis] && parts.reduce(0, +) == x.sizes[axis],
      "parts of \(x.sizes[axis]), found \(parts.prefix(8))")
    var first = 0
    return try parts.map { part in
      defer { first += part }
      return try cut(x, axis: axis, first..<first + part)
    }
  }

  /// Part of a value along axes.
  private static func slice(_ call: Call) throws -> [ONNXArray] {
    var x = try call.array(0)
    let (starts, ends, axes) = (
      try call.integers(1), try call.integers(2), try call.integers(3)
    )
    try call.require(
      starts.count == axes.count && ends.count == axes.count, "as many starts, ends and axes")
    for (index, axis) in axes.enumerated() {
      let axis = try call.axis(axis, of: x.sizes)
      try call.require(
        0 <= starts[index] && starts[index] <= ends[index] && ends[index] <= x.sizes[axis],
        "a part of \(x.sizes[axis]), found \(starts[index]) to \(ends[index])")
      x = try cut(x, axis: axis, starts[index]..<ends[index])
    }
    return [x]
  }

  /// The places of a range along one axis, whose bounds have been checked.
  private static func cut(_ x: ONNXArray, axis: Int, _ range: Range<Int>) throws -> ONNXArray {
    let values = try x.floats()
    let inner = x.sizes[(axis + 1)...].reduce(1, *)
    var result: [Float] = []
    for outer in 0..<x.sizes[..<axis].reduce(1, *) {
      let first = outer * x.sizes[axis]
      result += values[(first + range.lowerBound) * inner..<(first + range.upperBound) * inner]
    }
    var sizes = x.sizes
    sizes[axis] = range.count
    return ONNXArray(sizes, result)
  }

  /// Rows of an axis by their numbers: the axis becomes those of the numbers.
  private static func gather(_ call: Call) throws -> [ONNXArray] {
    let (x, places) = (try call.array(0), try call.array(1))
    let (values, rows) = (try x.floats(), try places.integers())
    let axis = try call.axis(call.integer("axis", default: 0), of: x.sizes)
    let count = x.sizes[axis]
    try call.require(
      rows.allSatisfy { (0..<count).contains($0) }, "numbers below \(count)")
    let inner = x.sizes[(axis + 1)...].reduce(1, *)
    let sizes = Array(x.sizes[..<axis]) + places.sizes + Array(x.sizes[(axis + 1)...])
    var result: [Float] = []
    result.reserveCapacity(try call.count(sizes))
    for outer in 0..<x.sizes[..<axis].reduce(1, *) {
      for row in rows {
        let first = (outer * count + row) * inner
        result += values[first..<first + inner]
      }
    }
    return [ONNXArray(sizes, result)]
  }

  /// Each pixel as often as whole factors say.
  private static func resize(_ call: Call) throws -> [ONNXArray] {
    let x = try call.array(0)
    let values = try x.floats()
    let scales = try call.floats(2)
    try call.require(
      scales.count == x.sizes.count
        && scales.allSatisfy { (1...65536).contains($0) && $0 == $0.rounded() }
        && call.word("mode", default: "nearest") == "nearest"
        && call.word("nearest_mode", default: "") == "floor"
        && call.word("coordinate_transformation_mode", default: "") == "asymmetric",
      "nearest pixels by whole factors, found \(scales.prefix(8))")
    let factors = scales.map { Int($0) }
    let sizes = zip(x.sizes, factors).map { $0 * $1 }
    let count = try call.count(sizes)
    let steps = spread(x.sizes, over: x.sizes)
    let result = (0..<count).map { index in
      var (rest, place) = (index, 0)
      for axis in sizes.indices.reversed() {
        place += rest % sizes[axis] / factors[axis] * steps[axis]
        rest /= sizes[axis]
      }
      return values[place]
    }
    return [ONNXArray(sizes, result)]
  }

  /// Channels as blocks of pixels, in PyTorch's order.
  private static func depthToSpace(_ call: Call) throws -> [ONNXArray] {
    let x = try call.array(0)
    let block = call.integer("blocksize", default: 0)
    try call.require(
      x.sizes.count == 4 && (1...1024).contains(block)
        && x.sizes[1].isMultiple(of: block * block)
        && call.word("mode", default: "DCR") == "CRD", "images whose channels make blocks")
    let (height, width) = (x.sizes[2], x.sizes[3])
    let channels = x.sizes[1] / (block * block)
    let sizes = [x.sizes[0], channels, height, block, width, block]
    let pixels = height * width
    let steps = [x.sizes[1] * pixels, block * block * pixels, width, block * pixels, 1, pixels]
    let moved = try taken(call, sizes, steps: steps)[0]
    return [
      ONNXArray([sizes[0], channels, height * block, width * block], try moved.floats())
    ]
  }
}

import Base
import Foundation

extension ONNXEvaluation {
  static let elementwiseOperators: [String: Operator] = {
    var table: [String: Operator] = [:]
    table["Add"] = { try pairs($0, +) }
    table["Sub"] = { try pairs($0, -) }
    table["Mul"] = { try pairs($0, *) }
    table["Div"] = { try pairs($0, /) }
    table["Identity"] = { [try $0.array(0)] }
    table["Sqrt"] = { try each($0) { $0.squareRoot() } }
    table["Relu"] = { try each($0) { max($0, 0) } }
    table["Tanh"] = { try each($0) { tanh($0) } }
    table["Erf"] = { try each($0) { erf($0) } }
    table["Sigmoid"] = { try each($0, sigmoid) }
    table["Softplus"] = { try each($0) { max($0, 0) + log1p(exp(-abs($0))) } }
    table["LeakyRelu"] = { call in
      let slope = call.number("alpha", default: 0.01)
      return try each(call) { $0 < 0 ? slope * $0 : $0 }
    }
    table["Elu"] = { call in
      let alpha = call.number("alpha", default: 1)
      return try each(call) { $0 < 0 ? alpha * expm1($0) : $0 }
    }
    table["Softmax"] = softmax
    return table
  }()

  /// 1 / (1 + e^-x), without an overflow.
  private static func sigmoid(_ x: Float) -> Float {
    let power = exp(-abs(x))
    return x < 0 ? power / (1 + power) : 1 / (1 + power)
  }

  /// A function of each element of the first input.
  private static func each(_ call: Call, _ body: (Float) -> Float) throws -> [ONNXArray] {
    [ONNXArray(try call.array(0).sizes, try call.floats(0).map(body))]
  }

  /// Two values, each spread over the sizes that the other has and it has not.
  private static func pairs(
    _ call: Call, _ body: (Float, Float) -> Float
  ) throws -> [ONNXArray] {
    let (a, b) = (try call.array(0), try call.array(1))
    let (left, right) = (try a.floats(), try b.floats())
    if a.sizes == b.sizes { return [ONNXArray(a.sizes, zip(left, right).map(body))] }
    let sizes = try broadcast(a.sizes, b.sizes, call)
    let (first, second) = (spread(a.sizes, over: sizes), spread(b.sizes, over: sizes))
    var values: [Float] = []
    values.reserveCapacity(try call.count(sizes))
    forEachPlace(sizes, [first, second]) { values.append(body(left[$0[0]], right[$0[1]])) }
    return [ONNXArray(sizes, values)]
  }

  /// e^(x - max) over its sum, along one axis; the largest is taken off so that nothing overflows.
  private static func softmax(_ call: Call) throws -> [ONNXArray] {
    let x = try call.array(0)
    var values = try x.floats()
    let axis = try call.axis(call.integer("axis", default: -1), of: x.sizes)
    let inner = x.sizes[(axis + 1)...].reduce(1, *)
    let count = x.sizes[axis]
    guard !values.isEmpty else { return [x] }
    for outer in 0..<values.count / (count * inner) {
      for place in 0..<inner {
        let places = (0..<count).map { (outer * count + $0) * inner + place }
        let largest = places.reduce(-Float.infinity) { max($0, values[$1]) }
        for index in places { values[index] = exp(values[index] - largest) }
        let sum = places.reduce(Float(0)) { $0 + values[$1] }
        for index in places { values[index] /= sum }
      }
    }
    return [ONNXArray(x.sizes, values)]
  }

  // MARK: - Sizes

  /// The sizes of two values that are spread over each other, the last axes on one another.
  ///
  /// - Parameters:
  ///   - a: Sizes of one.
  ///   - b: Sizes of the other.
  ///   - call: The node, for its limit.
  /// - Returns: Sizes of the result: of each axis the one that is not 1.
  /// - Throws: `Fault` where they do not fit, or the result would be too large.
  static func broadcast(_ a: [Int], _ b: [Int], _ call: Call) throws -> [Int] {
    let rank = max(a.count, b.count)
    let left = Array(repeating: 1, count: rank - a.count) + a
    let right = Array(repeating: 1, count: rank - b.count) + b
    for (one, other) in zip(left, right) where one != other && one != 1 && other != 1 {
      throw Fault("values of \(a) and \(b), which do not fit each other")
    }
    let sizes = zip(left, right).map { $0 == 1 ? $1 : $0 }
    try call.count(sizes)
    return sizes
  }

  /// The steps through a value's elements, for each size of what it is spread over.
  static func spread(_ sizes: [Int], over whole: [Int]) -> [Int] {
    var steps = Array(repeating: 0, count: whole.count)
    var step = 1
    for (place, size) in sizes.enumerated().reversed() {
      steps[whole.count - sizes.count + place] = size == 1 ? 0 : step
      step *= size
    }
    return steps
  }

  /// Calls `body` for each place of a value, in order, with the places that steps lead to.
  static func forEachPlace(_ sizes: [Int], _ steps: [[Int]], _ body: ([Int]) -> Void) {
    guard !sizes.contains(0) else { return }
    var counters = Array(repeating: 0, count: sizes.count)
    var places = Array(repeating: 0, count: steps.count)
    while true {
      body(places)
      var axis = sizes.count - 1
      while axis >= 0 {
        counters[axis] += 1
        for index in steps.indices { places[index] += steps[index][axis] }
        if counters[axis] < sizes[axis] { break }
        for index in steps.indices { places[index] -= steps[index][axis] * sizes[axis] }
        counters[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}

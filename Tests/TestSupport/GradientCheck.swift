import Testing

/// Expects `gradient` to be that of `function` at `point`.
///
/// Compared by differences along directions that are half the gradient's own and half random.
///
/// - Parameters:
///   - gradient: As many values as the point has.
///   - point: Where it is taken.
///   - tolerance: How far off a directional derivative may be, relative to the gradient's length.
///   - floor: Added to that length, for gradients that are next to nothing.
///   - step: Of the differences, of directions twice as long as 1.
///   - what: What is compared, for the message.
///   - sourceLocation: Where the message points.
///   - function: What is derived.
/// - Throws: What `function` throws.
package func expectGradient(
  _ gradient: [Float], at point: [Float], tolerance: Double = 1e-3, floor: Double = 1e-3,
  step: Float = 0x1p-4, _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
  of function: ([Float]) throws -> Double
) throws {
  guard !point.isEmpty else { return }
  guard gradient.count == point.count, gradient.allSatisfy({ $0.isFinite }) else {
    Issue.record(
      "\(what): \(gradient.count) values for \(point.count), or not finite",
      sourceLocation: sourceLocation)
    return
  }
  let length = dot(gradient, gradient).squareRoot()
  var data = TestData(seed: 99)
  for number in 0..<3 {
    let random = data.normals(point.count)
    let randomLength = dot(random, random).squareRoot()
    let direction = zip(gradient, random).map { own, random in
      Float((length > 0 ? Double(own) / length : 0) + Double(random) / randomLength)
    }
    let expected = try directionalDerivative(
      at: point, along: direction, step: step, of: function)
    expectClose(
      dot(gradient, direction), expected, absolute: tolerance * (length + floor),
      "\(what), direction \(number)", sourceLocation: sourceLocation)
  }
}

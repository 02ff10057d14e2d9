import TestSupport
import Testing

@Suite struct TestSupportTests {
  @Test func mismatchIsReported() {
    withKnownIssue {
      expectClose([1, 2, 3] as [Float], [1, 2.1, 3] as [Float], absolute: 0.05)
    } matching: {
      "\($0)".contains("index 1: got 2.0, expected 2.0999")
    }
    withKnownIssue { expectClose(1.0, 1.1, absolute: 0.01, relative: 0.01) }
    withKnownIssue { expectSameBits([0] as [Float], [-0.0] as [Float]) }
  }

  @Test func nanIsReported() {
    withKnownIssue { expectClose([1, .nan] as [Float], [1, 1] as [Float], absolute: 1e9) }
    withKnownIssue { expectClose([1, 1] as [Float], [.nan, 1] as [Float], absolute: 1e9) }
    withKnownIssue {
      expectClose([.nan] as [Double], [.nan] as [Double], absolute: 1e9, relative: 1e9)
    }
  }

  @Test func infinityIsOnlyCloseToItself() {
    withKnownIssue {
      expectClose([1] as [Double], [.infinity] as [Double], absolute: 1, relative: 1)
    }
    withKnownIssue {
      expectClose([.infinity] as [Double], [1] as [Double], absolute: 1, relative: 1)
    }
    withKnownIssue {
      expectClose([-.infinity] as [Double], [.infinity] as [Double], absolute: 1, relative: 1)
    }
    expectClose([.infinity] as [Double], [.infinity] as [Double], absolute: 0)
  }

  @Test func countIsReportedFirst() {
    withKnownIssue {
      expectClose([] as [Float], [.nan] as [Float], absolute: 1)
    } matching: {
      "\($0)".contains("got 0 values, expected 1")
    }
    withKnownIssue { expectSameBits([1, 2] as [Float], [1] as [Float]) }
  }

  @Test func theWorstElementIsNamed() {
    let text = difference([0, 10.5, 1.2], [0, 10, 1] as [Double], absolute: 0, relative: 0.01)
    #expect(text?.contains("2 of 3 values differ; worst at index 2") == true)
    #expect(text?.contains("largest error is 0.5") == true)
  }

  @Test func toleranceIsAbsolutePlusRelative() {
    expectClose([102.9] as [Double], [100] as [Double], absolute: 1, relative: 0.02)
    withKnownIssue {
      expectClose([103.1] as [Double], [100] as [Double], absolute: 1, relative: 0.02)
    }
  }

  @Test func derivativesOfKnownFunctions() {
    let cube = { (x: [Double]) in x[0] * x[0] * x[0] + 2 * x[1] }
    let exact = 3 * 0.25 * 2 + 2 * -3
    expectClose(
      directionalDerivative(at: [0.5, 1], along: [2, -3], step: 1e-2, of: cube), exact,
      absolute: 1e-10)
    let single = directionalDerivative(
      at: [0.5, 1] as [Float], along: [2, -3] as [Float], step: 0.01
    ) { Double($0[0]) * Double($0[0]) * Double($0[0]) + 2 * Double($0[1]) }
    expectClose(single, exact, absolute: 1e-4)
  }

  @Test func gradientsAreCompared() throws {
    let point: [Float] = [0.5, 1, -2]
    let square = { (x: [Float]) in dot(x, x) }
    try expectGradient(point.map { 2 * $0 }, at: point, "square", of: square)
    try withKnownIssue {
      try expectGradient(point.map { 2.01 * $0 }, at: point, "square", of: square)
    } matching: {
      "\($0)".contains("square, direction ")
    }
    withKnownIssue { try expectGradient([1, 2], at: point, "square", of: square) }
    withKnownIssue { try expectGradient([1, 2, .nan], at: point, "square", of: square) }
    // A floor is for gradients of nearly nothing.
    try expectGradient([1e-6, 0, 0], at: point, floor: 1, "constant") { _ in 0 }
    withKnownIssue { try expectGradient([1e-6, 0, 0], at: point, floor: 0, "constant") { _ in 0 } }
  }

  @Test func dataIsSeeded() {
    var (one, same, other) = (TestData(seed: 1), TestData(seed: 1), TestData(seed: 2))
    let first = one.normals(100)
    #expect(first == same.normals(100))
    #expect(first != other.normals(100))
    #expect(first != one.normals(100))
    #expect(one.normals(200, awayFromZero: 0.25).allSatisfy { abs($0) >= 0.25 })
    let sensitive = one.orderSensitive(1000)
    #expect(sensitive.reduce(0, +) != sensitive.reversed().reduce(0, +))
    let untouched = withOutput(3) { _ in }
    #expect(untouched.count == 3 && untouched.allSatisfy { $0.isNaN })
  }
}

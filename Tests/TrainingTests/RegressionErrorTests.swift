import Base
import TestSupport
import Testing
import Training

/// Errors by hand.
@Suite struct RegressionErrorTests {
  private func evaluate(
    _ error: RegressionError, _ estimates: [Float], _ numbers: [Float]
  ) -> (value: Double, gradient: [Float]) {
    var value = 0.0
    let gradient = withOutput(estimates.count) { gradient in
      value = estimates.withUnsafeBufferPointer { estimates in
        numbers.withUnsafeBufferPointer {
          error.evaluate(estimates, $0, weight: 2, gradient: gradient)
        }
      }
    }
    return (value, gradient)
  }

  @Test func byHand() {
    let (estimates, numbers): ([Float], [Float]) = ([3, -1, 4, 1], [1, 1, 4, -4])
    let squared = evaluate(.squared, estimates, numbers)
    #expect(squared.value == 33.0 / 4)
    #expect(squared.gradient == [2, -2, 0, 5])
    let absolute = evaluate(.absolute, estimates, numbers)
    #expect(absolute.value == 9.0 / 4)
    #expect(absolute.gradient == [0.5, -0.5, 0, 0.5])
    let percentage = evaluate(.absolutePercentage, estimates, numbers)
    #expect(percentage.value == 525.0 / 4)
    #expect(percentage.gradient == [50, -50, 0, 12.5])
    // As Keras has it, a number of 0 stands for 1e-7.
    #expect(evaluate(.absolutePercentage, [1], [0]).value == 100 / 1e-7)
  }
}

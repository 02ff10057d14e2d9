import Base
import Networks
import Training

/// The inputs of a recorded step.
struct RecordedBatch: Batch {
  let count: Int
  /// Of a real.
  let shape: Shape
  let noise: [Float]
  /// Empty for samples without classes.
  let labels: [Int]
  /// A vector a sample; empty for samples without numbers.
  let numbers: [Float]
  /// Channels, height, width; empty in a generator step.
  var reals: [Float] = []
  var weights: [Float] = []
  /// As the reals, for points with noise.
  var perturbations: [Float] = []

  func copyReal(_ sample: Int, into output: MutableFloatBuffer) {
    copyImage(sample, of: reals, into: output)
  }

  func copyNoise(_ sample: Int, into output: MutableFloatBuffer) {
    for index in 0..<output.count { output[index] = noise[sample * output.count + index] }
  }

  func copyCondition(_ sample: Int, into condition: Condition) {
    if !labels.isEmpty { condition.label = labels[sample] }
    let count = condition.numbers.count
    for index in 0..<count { condition.numbers[index] = numbers[sample * count + index] }
  }

  func interpolationWeight(_ sample: Int) -> Float { weights[sample] }

  /// Recordings have no smoothed targets.
  func target(_ sample: Int) -> Float { 0 }

  func copyPerturbation(_ sample: Int, into output: MutableFloatBuffer) {
    copyImage(sample, of: perturbations, into: output)
  }

  /// Recorded images have their channels first.
  private func copyImage(_ sample: Int, of values: [Float], into output: MutableFloatBuffer) {
    let first = sample * shape.elementCount
    for pixel in 0..<shape.pixels {
      for channel in 0..<shape.channels {
        output[pixel * shape.channels + channel] = values[first + channel * shape.pixels + pixel]
      }
    }
  }
}

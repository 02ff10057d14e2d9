import Base
import Datasets

/// Made-up samples whose conditions have numbers too, uniform in [0, 1).
///
/// Numbers that are all 0 would make `conditionScale` give nothing but zeros.
struct NoiseDataset: Dataset {
  private let samples: any Dataset
  let condition: ConditionShape
  private let stream: RandomStream

  /// - Parameters:
  ///   - samples: With classes, or without.
  ///   - numbers: How many a condition has.
  ///   - seed: Of the numbers.
  init(_ samples: any Dataset, numbers: Int, seed: UInt64) {
    self.samples = samples
    condition = ConditionShape(classes: samples.condition.classes, numbers: numbers)
    stream = RandomStream(seed: seed, purpose: .drawing, step: 1)
  }

  var name: String { samples.name }
  var count: Int { samples.count }
  var shape: Shape { samples.shape }

  func copyCondition(at index: Int, into condition: Condition) {
    samples.copyCondition(at: index, into: condition)
    stream.uniforms(sample: index, into: condition.numbers)
  }

  func copySample(
    at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>
  ) {
    samples.copySample(at: index, draw: draw, into: output)
  }
}

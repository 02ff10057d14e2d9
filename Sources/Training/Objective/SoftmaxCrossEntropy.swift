import Base
import Foundation

/// Cross-entropy of class logits z with class k: log(sum_j exp z_j) - z_k.
///
/// The derivative with respect to z_j is softmax(z)_j - [j = k]. Computed in Double, the largest
/// logit taken out first.
enum SoftmaxCrossEntropy {
  /// Computes the loss of one sample, and its derivative.
  ///
  /// - Parameters:
  ///   - logits: z, a value a class.
  ///   - label: The class k of the sample, from 0.
  ///   - weight: A factor on the derivative only, not on the returned loss.
  ///   - gradient: Overwritten with `weight` times the derivative; as many values as logits.
  /// - Returns: The loss, not weighted, and whether k has the largest logit (the first of equals).
  static func evaluate(
    _ logits: FloatBuffer, label: Int, weight: Double, gradient: MutableFloatBuffer
  ) -> (loss: Double, isRight: Bool) {
    precondition(
      logits.indices.contains(label) && gradient.count == logits.count,
      "class \(label) of \(logits.count) logits, \(gradient.count) derivatives")
    var best = 0
    for index in logits.indices where logits[index] > logits[best] { best = index }
    let largest = Double(logits[best])
    var sum = 0.0
    for logit in logits { sum += exp(Double(logit) - largest) }
    for index in logits.indices {
      let probability = exp(Double(logits[index]) - largest) / sum
      gradient[index] = Float(weight * (probability - (index == label ? 1 : 0)))
    }
    return (log(sum) + largest - Double(logits[label]), best == label)
  }
}

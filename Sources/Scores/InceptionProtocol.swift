import Base

/// How an Inception Score was measured: all that changes its digits beside the samples.
///
/// | | `paddlescience` | `original` |
/// |---|---|---|
/// | network | torchvision's Inception-v3, 1,000 classes | TensorFlow's of 2015, 1,008 outputs |
/// | pixels | (x + 1) 255.99 / 2, not rounded | the same, cut to integers |
/// | to 299 x 299 | bilinear with pixel centres | TensorFlow 1's bilinear, in the graph |
/// | then | / 255, less ImageNet's mean, by its deviation | (v - 128) / 128, in the graph |
/// | logits | the last layer's bias left out | the same: pool3 times the weights |
/// | samples, splits | 50,000 in 10 | the same |
/// | labels | those of the training set, in its order | drawn, all alike |
/// | published | the mean | mean and standard deviation |
///
/// `paddlescience` is PaddleScience's examples/wgangp, which names 5.2 for CIFAR-10; `original` the
/// code of Gulrajani et al. 2017 (gan_cifar_resnet.py, tflib/inception_score.py), whose paper has
/// 7.86 and with labels 8.42. Neither adds anything to the probabilities: PaddleScience's
/// configuration sets its epsilon to 0, and a probability of 0 makes its score NaN; here it adds 0.
package struct InceptionProtocol: Sendable, Equatable {
  /// What a conditional generator is asked for.
  package enum Labels: Sendable {
    /// Sample i has the label of the training set's image i, which begins again at its end.
    case trainingSet
    /// Each class as likely as another.
    case random
  }

  package let name: String
  /// The file that describes the network and names its weights.
  package let network: String
  /// What the protocol has other than that file.
  package let overrides: [String]
  package let samples: Int
  package let splits: Int
  package let labels: Labels

  package static let paddlescience = InceptionProtocol(
    name: "paddlescience", network: "configs/features/inception-torchvision.yaml",
    overrides: [
      "input.white=255.99", "input.rounding=none", "input.resize=pytorch", "input.divisor=255",
      "input.mean=[0.485, 0.456, 0.406]", "input.deviation=[0.229, 0.224, 0.225]",
      "logits.bias=false",
    ], samples: 50_000, splits: 10, labels: .trainingSet)

  package static let original = InceptionProtocol(
    name: "original", network: "configs/features/inception-fid.yaml",
    overrides: [
      "input.white=255.99", "input.rounding=down", "input.resize=tensorflow1", "input.divisor=1",
      "input.mean=128", "input.deviation=128", "logits.bias=false",
    ], samples: 50_000, splits: 10, labels: .random)

  package static let all = [paddlescience, original]

  /// The protocol of a name; nil where there is none.
  package static func named(_ name: String) -> InceptionProtocol? {
    all.first { $0.name == name }
  }

  /// The classes that a conditional generator is asked for, one a sample.
  ///
  /// - Parameters:
  ///   - count: Samples.
  ///   - classes: How many there are; 1 or more.
  ///   - seed: Of drawn labels.
  ///   - trainingLabels: The labels of the training set, in its order.
  /// - Returns: The classes of samples 0 and on; fewer than `count` begin again at their end.
  /// - Throws: What `trainingLabels` throws.
  package func labels(
    count: Int, classes: Int, seed: UInt64, trainingLabels: () throws -> [Int]
  ) rethrows -> [Int] {
    switch labels {
    case .trainingSet: return Array(try trainingLabels().prefix(count))
    case .random:
      // Steps 0 to 3 are the samples' noise, reals, fixed fakes and standing statistics.
      let stream = RandomStream(seed: seed, purpose: .sampleNoise, step: 4)
      return (0..<count).map { stream.integer(below: classes, sample: $0, element: 0) }
    }
  }
}

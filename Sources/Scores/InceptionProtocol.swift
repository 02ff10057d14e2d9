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
/// | told | the mean | mean and standard deviation |
///
/// `paddlescience` is PaddleScience's examples/wgangp, which names 5.2 for CIFAR-10; `original` the
/// code of Gulrajani et al. 2017 (gan_cifar_resnet.py, tflib/inception_score.py), whose paper has
/// 7.86 and with labels 8.42. Neither adds anything to the probabilities: PaddleScience's
/// configuration sets its epsilon to 0, and a probability of 0 makes its score NaN, here it adds 0.
package struct InceptionProtocol: Sendable, Equatable {
  /// The form of Inception-v3.
  package enum Network: String, Sendable {
    case torchvision
    case tensorflow2015
  }

  /// How an image comes to the network's size.
  package enum Resizing: String, Sendable {
    /// Pixels have centres: PyTorch's and Paddle's bilinear without `align_corners`.
    case pixelCentres
    /// Pixel i of n lies at i m / n of m: `tf.image.resize_bilinear` of TensorFlow 1.
    case tensorflow1
  }

  /// What a conditional generator is asked for.
  package enum Labels: String, Sendable {
    /// Sample i has the label of the training set's image i.
    case trainingSet
    /// Each class as likely as another.
    case random
  }

  package let name: String
  package let network: Network
  /// Whether pixels are cut to integers before they are resized.
  package let truncatesPixels: Bool
  package let resizing: Resizing
  /// Subtracted from a pixel v / scale, and what it is divided by, of red, green and blue.
  package let scale: Float
  package let means: [Float]
  package let deviations: [Float]
  /// Whether the last layer's bias counts.
  package let hasBias: Bool
  package let samples: Int
  package let splits: Int
  package let labels: Labels
  /// Added to each probability.
  package let epsilon: Double
  /// Whether the deviation over the splits is part of what was published.
  package let tellsDeviation: Bool

  /// Height and width that the network takes.
  package static let imageSize = 299

  package static let paddlescience = InceptionProtocol(
    name: "paddlescience", network: .torchvision, truncatesPixels: false, resizing: .pixelCentres,
    scale: 255, means: [0.485, 0.456, 0.406], deviations: [0.229, 0.224, 0.225], hasBias: false,
    samples: 50_000, splits: 10, labels: .trainingSet, epsilon: 0, tellsDeviation: false)

  package static let original = InceptionProtocol(
    name: "original", network: .tensorflow2015, truncatesPixels: true, resizing: .tensorflow1,
    scale: 1, means: [128, 128, 128], deviations: [128, 128, 128], hasBias: false, samples: 50_000,
    splits: 10, labels: .random, epsilon: 0, tellsDeviation: true)

  package static let all = [paddlescience, original]

  /// The protocol of a name.
  ///
  /// - Throws: `Fault` naming those that there are.
  package static func named(_ name: String) throws -> InceptionProtocol {
    guard let found = all.first(where: { $0.name == name }) else {
      throw Fault(
        "--protocol: found '\(name)', expected \(all.map(\.name).joined(separator: " or "))")
    }
    return found
  }

  /// A sample's value as a pixel, 0 to 255.99.
  ///
  /// - Parameters:
  ///   - value: As the generator gives it.
  ///   - range: The values that stand for black and white: both protocols have -1 and 1.
  /// - Returns: (x + 1) 255.99 / 2 for x from -1 to 1, in the protocol's rounding.
  package func pixel(_ value: Float, range: ClosedRange<Float> = -1...1) -> Float {
    let unit =
      range == -1...1
      ? value : (value - range.lowerBound) * 2 / (range.upperBound - range.lowerBound) - 1
    let pixel = (unit + 1) * (255.99 / 2)
    return truncatesPixels ? pixel.rounded(.towardZero) : pixel
  }

  /// A resized pixel as the network's first layer takes it.
  ///
  /// - Parameters:
  ///   - pixel: From `pixel`, resized.
  ///   - channel: 0 for red, 1 for green, 2 for blue.
  /// - Returns: Scaled, less the mean, by the deviation.
  package func input(_ pixel: Float, channel: Int) -> Float {
    (pixel / scale - means[channel]) / deviations[channel]
  }

  /// The class that a conditional generator is asked for as sample `index`.
  ///
  /// - Parameters:
  ///   - index: The sample, from 0.
  ///   - classes: How many there are.
  ///   - seed: Of drawn labels.
  ///   - trainingLabel: The label of an image of the training set, which begins again at its end.
  /// - Returns: The class.
  package func label(
    _ index: Int, classes: Int, seed: UInt64, trainingLabel: (_ index: Int) -> Int
  ) -> Int {
    switch labels {
    case .trainingSet: trainingLabel(index)
    case .random:
      // Steps 0 to 2 are the samples' noise, reals, and fixed fakes.
      RandomStream(seed: seed, purpose: .sampleNoise, step: 3)
        .integer(below: classes, sample: index, element: 0)
    }
  }
}

/// A network that turns images into feature vectors and class logits: what the scores on features
/// compare.
///
/// An extraction is a function of the image alone: not of the images beside it, nor of the rank and
/// thread, so that scores are the same on any number of ranks.
package protocol FeatureExtractor: AnyObject {
  /// Its name, said beside each score: the network, and where its weights come from.
  var name: String { get }

  /// Values of a feature vector.
  var featureCount: Int { get }

  /// Logits of an image; 0 where the network has none.
  var classCount: Int { get }

  /// What black is 0 to: 255, or what a published evaluation has instead.
  var white: Float { get }

  /// Extracts the features of images.
  ///
  /// - Parameters:
  ///   - images: `count` x `height` x `width` x `channels` values in 0 ... `white`, channels last,
  ///     not rounded: the network's description says how it rounds, resizes and scales.
  ///   - count: Images.
  ///   - height: Of an image.
  ///   - width: Of an image.
  ///   - channels: Of an image: 1 for grey, 3 for red, green and blue.
  /// - Returns: Features and logits of each.
  /// - Throws: Where the network does not take such images, and what a pass throws.
  func extract(
    _ images: UnsafeBufferPointer<Float>, count: Int, height: Int, width: Int, channels: Int
  ) throws -> Extracted
}

extension FeatureExtractor {
  package var white: Float { 255 }
}

/// What a feature network makes of images.
package struct Extracted: Sendable, Equatable {
  /// Images x `featureCount` values, one image after the other.
  package var features: [Float]
  /// Images x `classCount` values.
  package var logits: [Float]

  package init(features: [Float] = [], logits: [Float] = []) {
    self.features = features
    self.logits = logits
  }
}

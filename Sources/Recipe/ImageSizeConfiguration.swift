import Configuration

extension ConfigurationDocument {
  /// The side lengths of images that `imageSize` has networks for, pixels.
  package static func allowsImageSize(_ pixels: Int) -> Bool {
    (8...512).contains(pixels) && pixels % 8 == 0
  }

  /// A convolutional WGAN-GP for images of any size, to time what an image's size costs: the layers
  /// of a configuration fit one size only.
  ///
  /// The shape of the Fashion-MNIST system without norm in the critic: three halvings of the image,
  /// then one product over what is left. Operations grow with the pixels.
  ///
  /// - Parameter pixels: Height and width, a multiple of 8.
  /// - Returns: The configuration, as if it had been read from a file.
  /// - Throws: `ConfigurationError` where the text is no configuration.
  package static func imageSize(_ pixels: Int) throws -> ConfigurationDocument {
    precondition(allowsImageSize(pixels), "images of \(pixels) x \(pixels) pixels")
    let side = pixels / 8
    return try ConfigurationDocument(
      text: """
        name: image-size
        width: 32
        data: {source: glyphs, range: [-1, 1]}
        generator:
          latent: 128
          input: [128, 1, 1]
          layers:
          - convTranspose2d: {channels: 4*width, kernel: \(side), stride: 1, bias: false}
          - batchNorm
          - relu
          - convTranspose2d: {channels: 2*width, kernel: 4, stride: 2, padding: 1, bias: false}
          - batchNorm
          - relu
          - convTranspose2d: {channels: width, kernel: 4, stride: 2, padding: 1, bias: false}
          - batchNorm
          - relu
          - convTranspose2d: {channels: 3, kernel: 4, stride: 2, padding: 1}
          - tanh
        critic:
          layers:
          - conv2d: {channels: width, kernel: 4, stride: 2, padding: 1}
          - leakyReLU: {slope: 0.2}
          - conv2d: {channels: 2*width, kernel: 4, stride: 2, padding: 1}
          - leakyReLU: {slope: 0.2}
          - conv2d: {channels: 4*width, kernel: 4, stride: 2, padding: 1}
          - leakyReLU: {slope: 0.2}
          - conv2d: {channels: 1, kernel: \(side), stride: 1}
        objective: {loss: wasserstein, gradientPenalty: {weight: 10}}
        optimizer:
          generator: {adam: {learningRate: 1.0e-4, beta1: 0, beta2: 0.9}}
          critic: {adam: {learningRate: 1.0e-4, beta1: 0, beta2: 0.9}}
        training: {batch: 64, shards: 8, criticSteps: 5, iterations: 1}
        """, name: "image-size configuration")
  }
}

import Configuration

extension ConfigurationDocument {
  /// The document of a file, or the built-in default.
  package static func named(_ path: String?) throws -> ConfigurationDocument {
    guard let path else {
      return try ConfigurationDocument(text: defaultConfiguration, name: "built-in default")
    }
    return try ConfigurationDocument(path: path)
  }

  /// Applies `key=value` assignments in order.
  ///
  /// Setting one of epochs and iterations takes back the other.
  package mutating func apply(_ overrides: [String]) throws {
    for assignment in overrides {
      try override(assignment)
      if assignment.hasPrefix("training.epochs=") { try override("training.iterations=null") }
      if assignment.hasPrefix("training.iterations=") { try override("training.epochs=null") }
    }
  }

  /// Whether sizes are multiples of a `width`.
  package var hasWidth: Bool { root().contains("width") }
}

/// What `train` runs without `--config`: the same text as configs/glyphs.yaml.
package let defaultConfiguration = """
  # The built-in default: what `wgangp-dist train` runs without --config. About a minute on two
  # cores.
  #
  # A small convolutional WGAN-GP (Gulrajani et al. 2017, arXiv:1704.00028) on digits that the
  # program draws, so nothing has to be downloaded. No norm in the critic, as the paper recommends:
  # batch norm would couple the samples and void the penalty.
  name: glyphs
  seed: 0
  width: 16                       # channels of the narrowest hidden layer

  data:
    source: glyphs                # 28x28 drawn digits, ten classes
    count: 10000
    range: [-1, 1]

  generator:
    latent: 64
    input: [64, 1, 1]
    initialization: dcgan
    layers:
    - convTranspose2d: {channels: 8*width, kernel: 4, stride: 1, padding: 0, bias: false}   # 4x4
    - batchNorm
    - relu
    - convTranspose2d: {channels: 4*width, kernel: 4, stride: 2, padding: 1, bias: false}   # 8x8
    - batchNorm
    - relu
    - convTranspose2d: {channels: 2*width, kernel: 4, stride: 2, padding: 1, bias: false}   # 16x16
    - batchNorm
    - relu
    - convTranspose2d: {channels: 1, kernel: 4, stride: 2, padding: 3}                      # 28x28
    - tanh

  critic:
    initialization: pytorch
    layers:
    - conv2d: {channels: 2*width, kernel: 4, stride: 2, padding: 1}                         # 14x14
    - leakyReLU: {slope: 0.2}
    - conv2d: {channels: 4*width, kernel: 4, stride: 2, padding: 1}                         # 7x7
    - leakyReLU: {slope: 0.2}
    - conv2d: {channels: 8*width, kernel: 3, stride: 2, padding: 1}                         # 4x4
    - leakyReLU: {slope: 0.2}
    - conv2d: {channels: 1, kernel: 4, stride: 1, padding: 0}                               # score

  objective:
    loss: wasserstein
    gradientPenalty: {weight: 10}

  optimizer:
    generator: {adam: {learningRate: 5.0e-4, beta1: 0.5, beta2: 0.9}}
    critic: {adam: {learningRate: 5.0e-4, beta1: 0.5, beta2: 0.9}}

  training:
    batch: 64
    shards: 8
    criticSteps: 3
    realBatch: fresh
    lastBatch: drop
    iterations: 300

  output:
    checkpointEvery: 100 iterations
    keep: 3
    sampleEvery: 100 iterations
    samples: 64
    columns: 8
    scale: 2
  """

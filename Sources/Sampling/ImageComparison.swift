import Base
import Collectives
import Configuration
import Datasets
import Scores

/// Scores of images of any program, compared with reals.
package struct ImageComparison {
  /// What a folder or file is compared with.
  package let reals: any Dataset
  package let samples: any Dataset
  private let scores: [any Score]
  private let networks: FeatureNetworks?

  /// Reads both sets.
  ///
  /// A grey set beside one in colour counts as colour, its three channels alike.
  ///
  /// - Parameters:
  ///   - reals: A folder of pictures, or a `.npy` or `.npz` file.
  ///   - samples: Likewise.
  ///   - options: How arrays are to be understood.
  ///   - names: Which scores; nil for all that apply.
  ///   - features: The feature network that they compare by, where they need one.
  /// - Throws: `Fault` where a set cannot be read, their images are of different sizes, or a score
  ///   is unknown or does not apply.
  package init(
    reals: String, samples: String, _ options: ImageFiles.Options = .init(),
    scores names: [String]? = nil, features: String? = nil
  ) throws {
    let sets = try [reals, samples].map { try ImageFiles.open($0, options) }
    try ImageFiles.requireUse(of: options, in: [reals, samples])
    let (first, second) = (sets[0].shape, sets[1].shape)
    guard first.height == second.height, first.width == second.width else {
      throw Fault(
        "\(sets[1].name): images of \(second.height) x \(second.width) pixels, but \(sets[0].name) "
          + "has some of \(first.height) x \(first.width): expected one size",
        advice: "resize one of them")
    }
    let channels = max(first.channels, second.channels)
    self.reals = sets[0].coloured(channels)
    self.samples = sets[1].coloured(channels)
    // What decides is that they are images.
    let subject = ScoreSubject(
      name: samples,
      source: .imageFolder(
        ImageFolderSettings(
          path: samples, size: ImageSize(height: second.height, width: second.width))),
      networks: .available(standard: features))
    networks = subject.networks
    let chosen = names ?? ScoreCatalog.defaults(of: subject)
    guard !chosen.isEmpty else {
      throw Fault("evaluate: \(ScoreCatalog.refusal(of: subject) ?? "no scores")")
    }
    if let twice = chosen.indices.first(where: { chosen[..<$0].contains(chosen[$0]) }) {
      throw Fault("--scores: \(chosen[twice]) is there twice")
    }
    scores = try chosen.map {
      try ScoreCatalog.score(ConfigurationItem(name: $0, source: "--scores"), subject)
    }
  }

  /// Measures; all ranks call it together.
  ///
  /// - Parameters:
  ///   - seed: Of what scores choose at random.
  ///   - communicator: All ranks, each with the same sets.
  /// - Returns: What was measured, on as many samples as there are reals at most.
  /// - Throws: Where a score cannot be measured.
  package func evaluate(
    seed: UInt64 = 0, communicator: any Communicator = SoloCommunicator()
  ) throws -> Evaluation.Result {
    let begin = monotonicSeconds()
    let count = min(samples.count, reals.count)
    let team = try communicator.agree { try ScoreTeam(communicator) }
    let input = ScoreInput(
      samples: samples.set(count), reals: reals.set(count), seed: seed,
      trainingSet: { [reals] in reals.set(reals.count) }, networks: networks, team: team)
    return try Evaluation(scores: scores, samples: count).measure(input, since: begin)
  }
}

extension Dataset {
  /// The first samples.
  fileprivate func set(_ count: Int) -> SampleSet {
    SampleSet(count: count, shape: shape) { samples(Array($0)) }
  }

  /// The set with so many channels: grey becomes colour.
  fileprivate func coloured(_ channels: Int) -> any Dataset {
    channels == shape.channels ? self : ColouredDataset(self, channels: channels)
  }
}

/// Grey images as ones in colour.
private struct ColouredDataset: Dataset {
  private let grey: any Dataset
  let shape: Shape
  let condition = ConditionShape.none
  var name: String { grey.name }
  var count: Int { grey.count }

  init(_ grey: any Dataset, channels: Int) {
    precondition(grey.shape.channels == 1, "\(grey.shape) is no grey image")
    self.grey = grey
    shape = Shape(channels: channels, height: grey.shape.height, width: grey.shape.width)
  }

  func copyCondition(at index: Int, into condition: Condition) {}

  func copySample(
    at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>
  ) {
    let pixels = shape.pixels
    // In place, from the end: what is written lies behind what is still to be read.
    grey.copySample(
      at: index, draw: draw, into: UnsafeMutableBufferPointer(rebasing: output[..<pixels]))
    for pixel in (0..<pixels).reversed() {
      let value = output[pixel]
      for channel in 0..<shape.channels { output[pixel * shape.channels + channel] = value }
    }
  }
}

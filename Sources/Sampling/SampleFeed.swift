import Base
import Collectives

/// Draws samples by all ranks, for rank 0 to write in their order.
final class SampleFeed {
  private let generator: SampleGenerator
  private let layout: SampleGenerator.Layout
  private let communicator: any Communicator
  private var hasBegun = false

  /// - Parameters:
  ///   - generator: Of this rank, all ranks' with the same weights.
  ///   - layout: What is drawn.
  ///   - communicator: All ranks.
  init(
    _ generator: SampleGenerator, _ layout: SampleGenerator.Layout,
    _ communicator: any Communicator
  ) {
    self.generator = generator
    self.layout = layout
    self.communicator = communicator
  }

  /// Whether this rank gets the samples.
  var isWriter: Bool { communicator.rank == 0 }

  /// Calls `body` on rank 0 with each part of the samples, in their order; all ranks call it, once.
  ///
  /// In each round a rank draws a part: as many samples as a pass has, from a multiple of them on,
  /// so that the bits are those of one rank.
  ///
  /// - Parameter body: Takes samples, channels last.
  /// - Throws: On all ranks, what a pass or `body` throws.
  func forEachPart(_ body: (_ rows: Range<Int>, _ images: [Float]) throws -> Void) throws {
    hasBegun = true
    let (count, isDivided) = (layout.count, generator.partSize != nil)
    let size = generator.partSize ?? max(count, 1)
    let ranks = isDivided ? communicator.size : 1
    var failure: String?
    for round in stride(from: 0, to: count, by: size * ranks) {
      let parts = (0..<ranks).map { rank in
        min(round + rank * size, count)..<min(round + (rank + 1) * size, count)
      }
      var images: [Float] = []
      if failure == nil, communicator.rank < ranks {
        do { images = try draw(parts[communicator.rank]) } catch { failure = "\(error)" }
      }
      try communicator.agree(failure, of: [0])
      for (rank, part) in parts.enumerated() where !part.isEmpty {
        let values = isDivided ? try send(images, of: part, from: rank) : images
        guard isWriter, failure == nil else { continue }
        do { try body(part, values) } catch { failure = "\(error)" }
      }
    }
    try communicator.agree(failure, of: [0])
  }

  /// Tells the ranks that wait for the first part that there is none; nothing where all have begun,
  /// who have been told.
  func fail(_ error: any Error) throws {
    guard !hasBegun else { return }
    hasBegun = true
    try communicator.agree("\(error)", of: [0])
  }

  /// Samples of a range, the same ones as if all had been drawn at once.
  private func draw(_ range: Range<Int>) throws -> [Float] {
    guard !range.isEmpty else { return [] }
    let all = layout.conditions
    // As many as a pass takes, those that only fill it included: there may be one a sample.
    let conditions = (0..<min(all.count, generator.partSize ?? all.count)).map {
      all[(range.lowerBound + $0) % all.count]
    }
    return try generator.images(count: range.count, conditions: conditions) {
      generator.fillNoise(range.lowerBound + $0, $1)
    }
  }

  /// The samples of a rank, on all.
  private func send(_ images: [Float], of part: Range<Int>, from rank: Int) throws -> [Float] {
    guard communicator.size > 1 else { return images }
    var values = images
    let count = part.count * generator.shape.elementCount
    if communicator.rank != rank { values = [Float](repeating: 0, count: count) }
    // MPI counts bytes in 31 bits.
    let largest = 1 << 28
    try values.withUnsafeMutableBytes { bytes in
      for first in stride(from: 0, to: bytes.count, by: largest) {
        let last = min(first + largest, bytes.count)
        try communicator.broadcast(.init(rebasing: bytes[first..<last]), from: rank)
      }
    }
    return values
  }
}

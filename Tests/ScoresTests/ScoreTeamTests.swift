import Base
import Foundation
import Scores
import TestSupport
import Testing

@Suite struct ScoreTeamTests {
  @Test func slicesStandInTheirOrder() throws {
    let lengths = [3, 0, 5, 1, 4]
    let expected = lengths.enumerated().flatMap { slice, length in
      (0..<length).map { Double(100 * slice + $0) }
    }
    @Sendable func gathered(_ team: ScoreTeam) throws -> [Double] {
      try team.gather(lengths) { slice, values in
        for index in values.indices { values[index] = Double(100 * slice + index) }
      }
    }
    #expect(try gathered(alone()) == expected)
    // Also more ranks than slices.
    for ranks in [2, 3, 7] {
      let found = try ThreadedCommunicator.run(ranks: ranks) {
        try gathered(ScoreTeam($0, threads: 2))
      }
      #expect(found.allSatisfy { $0 == expected }, "\(ranks) ranks")
    }
  }

  /// A slice is computed once, by one rank; the calling thread computes those in turn.
  @Test func everySliceOnce() throws {
    let counts = try ThreadedCommunicator.run(ranks: 3) { communicator in
      let team = try ScoreTeam(communicator, threads: 2)
      let thread = pthread_self()
      var mine = [Int](repeating: 0, count: 8)
      let all: [Float] = try team.gatherInTurn(Array(repeating: 1, count: 8)) { slice, values in
        #expect(pthread_equal(thread, pthread_self()) != 0)
        mine[slice] += 1
        values[0] = Float(slice)
      }
      #expect(all == (0..<8).map(Float.init))
      let one: [Double] = try team.once(2) { $0[1] = Double(communicator.rank + 5) }
      #expect(one == [0, 5])
      return mine
    }
    #expect((0..<8).allSatisfy { slice in counts.reduce(0) { $0 + $1[slice] } == 1 })
    #expect(counts.allSatisfy { $0.contains(1) })
  }

  /// What fails on one rank fails on all, with the first slice's words; nobody waits.
  @Test func failuresAreEveryones() throws {
    let found = ThreadedCommunicator.results(ranks: 3) { communicator in
      let team = try ScoreTeam(communicator, threads: 2)
      let _: [Double] = try team.gather(Array(repeating: 1, count: 9)) { slice, values in
        if slice == 4 || slice == 5 { throw Fault("slice \(slice) is bad") }
      }
    }
    for result in found {
      #expect(message { try result.get() } == "rank 1: slice 4 is bad")
    }
  }

  @Test func rangesAreOfTheWorkAlone() {
    #expect(ScoreTeam.ranges(10, length: 4) == [0..<4, 4..<8, 8..<10])
    #expect(ScoreTeam.ranges(10, parts: 3) == [0..<4, 4..<8, 8..<10])
    #expect(ScoreTeam.ranges(10, parts: 5, shortest: 6) == [0..<6, 6..<10])
    #expect(ScoreTeam.ranges(0, length: 4).isEmpty)
  }
}

/// Features of an image: its mean, and the byte of its first value; logits beside them.
final class MeanExtractor: FeatureExtractor {
  let name = "means"
  let featureCount = 2
  let classCount = 3
  private(set) var images = 0

  func extract(
    _ images: UnsafeBufferPointer<Float>, count: Int, height: Int, width: Int, channels: Int
  ) throws -> Extracted {
    self.images += count
    let size = height * width * channels
    return (0..<count).reduce(into: Extracted()) { all, image in
      let values = images[image * size..<(image + 1) * size]
      let mean = values.reduce(0, +) / Float(size)
      all.features += [mean, images[image * size]]
      all.logits += [mean / 100, 1, -1]
    }
  }
}

@Suite struct SampleSetTests {
  private static let shape = Shape(channels: 1, height: 2, width: 2)

  /// Items of which each rank draws its part, from multiples of the unit on.
  private static func set(_ count: Int, _ drawn: @escaping (Range<Int>) -> Void) -> SampleSet {
    SampleSet(count: count, shape: shape, unit: 12) { range in
      drawn(range)
      #expect(range.lowerBound % 12 == 0)
      return range.flatMap { item in (0..<4).map { Float(item) / 1000 - Float($0) / 10 } }
    }
  }

  @Test func ranksDrawTheirParts() throws {
    let whole = try Self.set(700) { _ in }.values(alone())
    #expect(whole.count == 2800 && whole[4 * 699] == 0.699)
    let parts = try ThreadedCommunicator.run(ranks: 2) { communicator in
      let team = try ScoreTeam(communicator)
      var drawn = 0
      let set = Self.set(700) { drawn += $0.count }
      expectSameBits(try set.values(team), whole, "rank \(communicator.rank)")
      _ = try set.values(team)
      return drawn
    }
    #expect(parts.reduce(0, +) == 700 && parts.allSatisfy { $0 > 0 })
  }

  /// On the scale of bytes, by the rank that drew the item, and once.
  @Test func featuresAreExtractedWhereItemsAreDrawn() throws {
    let alone = try alone()
    let (set, network) = (Self.set(700) { _ in }, MeanExtractor())
    let expected = try set.extracted(by: network, alone)
    #expect(expected.features.count == 1400 && expected.logits.count == 2100)
    // -1 ... 1 becomes 0 ... 255; item 699 begins with 0.699.
    expectClose(expected.features[2 * 699 + 1], (0.699 + 1) * 127.5, absolute: 1e-4)
    #expect(try set.extracted(by: network, alone) == expected && network.images == 700)
    let counts = try ThreadedCommunicator.run(ranks: 3) { communicator in
      let network = MeanExtractor()
      let found = try Self.set(700) { _ in }.extracted(
        by: network, ScoreTeam(communicator, threads: 2))
      #expect(found == expected)
      return network.images
    }
    #expect(counts.reduce(0, +) == 700)
  }

  @Test func featuresOfAWrongSizeAreRefused() throws {
    final class Short: FeatureExtractor {
      let (name, featureCount, classCount) = ("short", 3, 0)
      func extract(
        _ images: UnsafeBufferPointer<Float>, count: Int, height: Int, width: Int, channels: Int
      ) throws -> Extracted { Extracted(features: [1]) }
    }
    let found = message { try Self.set(2) { _ in }.extracted(by: Short(), alone()) }
    #expect(
      found
        == "short: gave 1 features and 0 logits of 2 images, expected 3 and 0 of each")
  }
}

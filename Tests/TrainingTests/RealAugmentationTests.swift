import Base
import Collectives
import Datasets
import Foundation
import Recipe
import RunSupport
import TestSupport
import Testing
import Training

/// Random crops and mirror images of the reals.
@Suite struct RealAugmentationTests {
  private let shape = Shape(channels: 2, height: 3, width: 4)
  /// 100 row + 10 column + channel.
  private var picture: [Float] {
    (0..<24).map { (place: Int) -> Float in
      let (row, column, channel) = (place / 8, place % 8 / 2, place % 2)
      return Float(100 * row + 10 * column + channel)
    }
  }

  private func augmented(_ augmentation: RealAugmentation, batch: Int, position: Int) -> [Float] {
    var picture = picture
    picture.withUnsafeMutableBufferPointer {
      augmentation.apply(to: $0, shape, SampleDraw(seed: 5, batch: batch, position: position))
    }
    return picture
  }

  /// What a window at (row, column) of the picture with black around it shows, mirrored or not.
  private func window(row: Int, column: Int, isMirrored: Bool, black: Float) -> [Float] {
    (0..<24).map { place in
      let x = place % 8 / 2
      let (r, c) = (place / 8 + row, (isMirrored ? 3 - x : x) + column)
      guard (0..<3).contains(r), (0..<4).contains(c) else { return black }
      return Float(100 * r + 10 * c + place % 2)
    }
  }

  /// Every picture is one of all windows, each as often as the others; half are mirrored.
  @Test func windowsOfThePicture() {
    let augmentation = RealAugmentation(flips: true, crop: 2, black: -1)
    var counts: [[Float]: Int] = [:]
    for batch in 0..<40 {
      for position in 0..<50 {
        counts[augmented(augmentation, batch: batch, position: position), default: 0] += 1
      }
    }
    var windows: Set<[Float]> = []
    for row in -2...2 {
      for column in -2...2 {
        for isMirrored in [false, true] {
          windows.insert(window(row: row, column: column, isMirrored: isMirrored, black: -1))
        }
      }
    }
    #expect(windows.count == 50)
    #expect(Set(counts.keys) == windows)
    #expect(counts.values.allSatisfy { (15...70).contains($0) }, "\(counts.values.sorted())")
    let plain = augmented(RealAugmentation(flips: true, crop: 0, black: 0), batch: 1, position: 3)
    #expect([picture, window(row: 0, column: 0, isMirrored: true, black: 0)].contains(plain))
  }

  /// A crop wider than the picture may leave nothing of it.
  @Test func largeCrops() {
    let all = (0..<200).map {
      augmented(RealAugmentation(flips: false, crop: 9, black: 7), batch: 0, position: $0)
    }
    #expect(all.contains { $0.allSatisfy { $0 == 7 } })
    #expect(all.allSatisfy { $0.allSatisfy { $0 == 7 || picture.contains($0) } })
  }

  /// Reals of a step are the data's, changed as their batch and place say; those of one batch that
  /// critic steps share are alike, and without the key nothing is done.
  @Test func realsOfASession() throws {
    let overrides = ["training.realBatch=reused", "data.range=[0.25, 1]"]
    let session = try Session(overrides + ["data.augment={flip: true, crop: 3}"])
    let plain = try Session(overrides)
    let augmentation = try #require(session.configuration.data.augmentation)
    #expect(augmentation == RealAugmentation(flips: true, crop: 3, black: 0.25))
    #expect(plain.configuration.data.augmentation == nil)
    let shape = Shape(channels: 1, height: 28, width: 28)
    var changed = 0
    for step in 0..<2 {
      let batch = session.inputs.criticBatch(step, ofIteration: 1)
      for sample in 0..<batch.count {
        let found = withOutput(784) { batch.copyReal(sample, into: $0) }
        let original = withOutput(784) {
          plain.inputs.criticBatch(step, ofIteration: 1).copyReal(sample, into: $0)
        }
        let expected = withOutput(784) { output in
          for index in original.indices { output[index] = original[index] }
          augmentation.apply(
            to: output, shape, SampleDraw(seed: 3, batch: 1, position: sample))
        }
        expectSameBits(found, expected, "real \(sample)")
        changed += found == original ? 0 : 1
      }
    }
    #expect(changed > 15)
  }

  @Test func threadsAndRanksDoNotShow() throws {
    let state = try expectThreadsAndRanksDoNotShow(["data.augment={flip: true, crop: 2}"])
    #expect(try trainedState(["data.augment={crop: 2}"]) != state)
  }

  @Test(arguments: [
    ("data.augment={}", "expected flip: true, crop: PIXELS or both, found neither"),
    ("data.augment={crop: -1}", "data.augment.crop"),
    ("data.augment={mirror: true}", "mirror"),
  ])
  func refused(override: String, expected: String) {
    let found = message { _ = try configuration([override]) }
    #expect(found?.contains(expected) == true, "\(found ?? "no error")")
  }

  @Test func pointsHaveNone() {
    let found = message {
      _ = try configuration(
        ["data.augment={flip: true}"], text: ConditionedTrainingTests.text)
    }
    #expect(found?.contains("data.augment") == true, "\(found ?? "no error")")
  }
}

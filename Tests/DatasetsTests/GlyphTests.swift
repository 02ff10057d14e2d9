import Base
import Datasets
import TestSupport
import Testing

@Suite struct GlyphTests {
  private let size = GlyphDataset.side * GlyphDataset.side

  @Test func knownAnswer() {
    // Every machine draws these bytes; a change to the drawing changes everyone's results.
    let dataset = GlyphDataset.make(count: 40, seed: 0)
    #expect(crc32(dataset.pixels) == 0x89A2_AA63)
    #expect(
      Array(dataset.pixels[(14 * 28 + 4)..<(14 * 28 + 24)])
        == [37, 255, 255, 173, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 220, 255, 181, 0])
  }

  @Test func aSampleIsAFunctionOfSeedAndIndex() {
    let few = GlyphDataset.make(count: 13, seed: 5)
    let many = GlyphDataset.make(count: 31, seed: 5)
    #expect(few.pixels == Array(many.pixels[..<few.pixels.count]))
    #expect(many.shape == Shape(channels: 1, height: 28, width: 28))
    #expect(many.classCount == 10)
    #expect(many.labels == (0..<31).map { UInt8($0 % 10) })
    #expect(GlyphDataset.make(count: 13, seed: 6).pixels != few.pixels)
    // Not the same ten drawings over and over.
    let images = Set((0..<31).map { Array(many.pixels[$0 * size..<($0 + 1) * size]) })
    #expect(images.count == 31)
    #expect(GlyphDataset.make(count: 0).count == 0)
  }

  @Test func inkIsWhiteOnBlackInTheMiddle() {
    let dataset = GlyphDataset.make(count: 300, seed: 2)
    for index in 0..<300 {
      let image = dataset.pixels[index * size..<(index + 1) * size]
      let mean = image.reduce(0.0) { $0 + Double($1) } / Double(size) / 255
      #expect((0.02...0.3).contains(mean), "sample \(index): mean \(mean)")
      #expect(image.max() == 255, "sample \(index) has no white pixel")
      let ink = image.indices.filter { image[$0] > 0 }.map { $0 - index * size }
      let columns = ink.map { $0 % 28 }
      let rows = ink.map { $0 / 28 }
      #expect((14...25).contains((rows.max() ?? 0) - (rows.min() ?? 0) + 1), "sample \(index)")
      // A black rim of a pixel: nothing is cut off.
      for edges in [rows, columns] {
        #expect((edges.min() ?? 0) > 0 && (edges.max() ?? 27) < 27, "sample \(index)")
      }
    }
  }

  @Test func classesAreDistinct() {
    // The mean image of each class, from other samples than those it judges.
    let training = GlyphDataset.make(count: 600, seed: 0)
    var means = [Float](repeating: 0, count: 10 * size)
    for index in 0..<training.count {
      for pixel in 0..<size {
        means[index % 10 * size + pixel] += Float(training.pixels[index * size + pixel]) / 60
      }
    }
    let judged = GlyphDataset.make(count: 400, seed: 1)
    var correct = 0
    for index in 0..<judged.count {
      let image = judged.pixels[index * size..<(index + 1) * size]
      let distances = (0..<10).map { digit in
        zip(image, means[digit * size..<(digit + 1) * size]).reduce(Float(0)) {
          $0 + (Float($1.0) - $1.1) * (Float($1.0) - $1.1)
        }
      }
      let nearest = distances.indices.min { distances[$0] < distances[$1] }
      if nearest == Int(judged.labels[index]) { correct += 1 }
    }
    #expect(correct > 340, "nearest class mean names \(correct) of 400")
  }
}

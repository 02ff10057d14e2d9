import Base
import Scores
import TestSupport
import Testing

/// What two published evaluations do to a sample before their networks see it.
@Suite struct InceptionProtocolTests {
  @Test func pixelsAreMapped() {
    let (paddle, original) = (InceptionProtocol.paddlescience, InceptionProtocol.original)
    // numpy: (x + 1) * (255.99 / 2) in float32, and .astype(int32) of it.
    for (value, exact, integer) in [
      (-1, 0, 0), (1, 255.99, 255), (0, 127.995, 127), (0.5, 191.9925, 191),
      (-0.99, 1.27995, 1), (0.999, 255.862, 255),
    ] as [(Float, Float, Float)] {
      #expect(abs(paddle.pixel(value) - exact) < 1e-3, "\(value)")
      #expect(original.pixel(value) == integer, "\(value)")
    }
    // Samples of another range are brought to -1 ... 1 first.
    #expect(abs(paddle.pixel(0.5, range: 0...1) - 127.995) < 1e-4)
    #expect(original.pixel(1, range: 0...1) == 255)
  }

  @Test func inputsAreNormalized() {
    let (paddle, original) = (InceptionProtocol.paddlescience, InceptionProtocol.original)
    // torchvision's Normalize of 255.99 / 255 and of 0, and TensorFlow's (v - 128) / 128.
    #expect(abs(paddle.input(255.99, channel: 0) - 2.265862) < 1e-5)
    #expect(abs(paddle.input(0, channel: 1) + 2.0357144) < 1e-5)
    #expect(abs(paddle.input(127.995, channel: 2) - 0.4264052) < 1e-5)
    #expect(original.input(255, channel: 2) == 0.9921875)
    #expect(original.input(0, channel: 0) == -1)
  }

  @Test func samplesAndLabels() throws {
    let (paddle, original) = (InceptionProtocol.paddlescience, InceptionProtocol.original)
    for found in [paddle, original] {
      #expect(found.samples == 50_000 && found.splits == 10 && found.epsilon == 0)
      #expect(!found.hasBias)
      #expect(try InceptionProtocol.named(found.name) == found)
    }
    #expect(!paddle.tellsDeviation && original.tellsDeviation)
    #expect(paddle.label(7, classes: 10, seed: 1) { $0 % 5 } == 2)
    var counts = [Int](repeating: 0, count: 10)
    for index in 0..<5000 {
      counts[original.label(index, classes: 10, seed: 1) { _ in 99 }] += 1
    }
    #expect(counts.allSatisfy { (400...600).contains($0) }, "\(counts)")
    #expect(
      message { try InceptionProtocol.named("mine") }
        == "--protocol: found 'mine', expected paddlescience or original")
  }
}

import Base
import Datasets
import TestSupport
import Testing

@Suite struct DequantizationTests {
  /// Two images of 16 x 16 that hold every byte once, up and down.
  private let everyByte = ByteImages(
    name: "bytes", shape: Shape(channels: 1, height: 16, width: 16),
    pixels: (0..<256).map { UInt8($0) } + (0..<256).map { UInt8(255 - $0) })

  private func dataset(
    _ noise: Dequantization.Noise, levels: Int = 256, range: ClosedRange<Float> = -1...1
  ) -> ByteImageDataset {
    ByteImageDataset(
      everyByte, range: range, dequantization: Dequantization(levels: levels, noise: noise))
  }

  private func values(
    _ set: ByteImageDataset, _ index: Int, batch: Int = 0, position: Int = 0, seed: UInt64 = 1
  ) -> [Float] {
    withOutput(256) {
      set.copySample(
        at: index, draw: SampleDraw(seed: seed, batch: batch, position: position), into: $0)
    }
  }

  @Test func valuesAreThePublishedFormula() {
    // 2 (x / 256 - 0.5) + U[0, 1/128), gan_cifar_resnet.py.
    let got = values(dataset(.step), 0, batch: 9, position: 4)
    let noise = withOutput(256) {
      RandomStream(seed: 1, purpose: .dequantization, step: 9).uniforms(sample: 4, into: $0)
    }
    for byte in 0..<256 {
      let expected = 2 * (Float(byte) / 256 - 0.5) + noise[byte] / 128
      #expect(got[byte] == expected, "byte \(byte)")
    }
    #expect(Set(noise).count > 250)
  }

  @Test func noiseByStepIsNewAtEveryUse() {
    let set = dataset(.step)
    let first = values(set, 0, batch: 3, position: 5)
    #expect(values(set, 0, batch: 3, position: 5) == first)
    #expect(values(set, 0, batch: 4, position: 5) != first)
    #expect(values(set, 0, batch: 3, position: 6) != first)
    #expect(values(set, 0, batch: 3, position: 5, seed: 2) != first)
  }

  @Test func noiseOnceStaysWithTheSample() {
    let set = dataset(.once)
    let first = values(set, 0, batch: 3, position: 5)
    #expect(values(set, 0, batch: 4, position: 7) == first)
    #expect(values(set, 0, batch: 3, position: 5, seed: 2) != first)
    // Another image has another noise, not the same one turned round.
    let other = values(set, 1, batch: 3, position: 5)
    let noises = { (values: [Float], byte: (Int) -> Int) in
      (0..<256).map { values[$0] - (2 * Float(byte($0)) / 256 - 1) }
    }
    #expect(zip(noises(first) { $0 }, noises(other) { 255 - $0 }).allSatisfy { $0 != $1 })
  }

  @Test func fewerLevelsDropLowBits() {
    let got = values(dataset(.none, levels: 8, range: 0...2), 0)
    for byte in 0..<256 { #expect(got[byte] == Float(byte / 32) / 4) }
    let noisy = values(dataset(.step, levels: 8, range: 0...2), 0)
    for byte in 0..<256 {
      #expect(noisy[byte] >= got[byte] && noisy[byte] <= got[byte] + 0.25, "byte \(byte)")
    }
    #expect(Set(noisy[..<32].map { Int($0 * 64) }).count > 8)
  }

  @Test func withoutNoiseABytesShareIsOf256() {
    let got = values(dataset(.none, range: 0...1), 1)
    for byte in 0..<256 { #expect(got[255 - byte] == Float(byte) / 256) }
  }
}

import Base
import Datasets
import Testing

@Suite struct ByteImageDatasetTests {
  /// One image of 16 x 16 that holds every byte once, in descending order.
  private func everyByte(range: ClosedRange<Float>) -> ByteImageDataset {
    ByteImageDataset(
      ByteImages(
        name: "bytes", shape: Shape(channels: 1, height: 16, width: 16),
        pixels: (0..<256).map { UInt8(255 - $0) }, labels: [3], classCount: 4),
      range: range)
  }

  private func sample(_ dataset: some Dataset, _ index: Int) -> [Float] {
    let size = dataset.shape.elementCount
    return [Float](unsafeUninitializedCapacity: size) { buffer, initialized in
      buffer.initialize(repeating: .nan)
      dataset.copySample(at: index, into: UnsafeMutableBufferPointer(rebasing: buffer[..<size]))
      initialized = size
    }
  }

  @Test func minusOneToOneIsToTensorAndNormalize() {
    let got = sample(everyByte(range: -1...1), 0)
    for (index, value) in got.enumerated() {
      let scaled = Float(255 - index) / 255
      #expect(value == (scaled - 0.5) / 0.5, "byte \(255 - index)")
    }
    // Float32 division, subtraction and division in numpy 2.4.6.
    let table = ByteConversion(range: -1...1).table
    #expect(
      [1, 100, 128, 254].map { table[$0].bitPattern } == [
        0xBF7D_FDFE, 0xBE5C_DCDC, 0x3B80_8100, 0x3F7D_FDFE,
      ])
    #expect(table[0] == -1)
    #expect(table[255] == 1)
  }

  @Test func zeroToOneIsToTensor() {
    let got = sample(everyByte(range: 0...1), 0)
    for (index, value) in got.enumerated() { #expect(value == Float(255 - index) / 255) }
  }

  @Test func anotherRangeReachesItsEnds() {
    let got = sample(everyByte(range: -2...6), 0)
    #expect(got[255] == -2)
    #expect(got[0] == 6)
    #expect(got[255 - 51] == -2 + 8 * Float(51) / 255)
    #expect(zip(got, got.dropFirst()).allSatisfy { $0 > $1 })
  }

  @Test func samplesLieOneAfterTheOtherChannelsLast() {
    let dataset = ByteImageDataset(
      ByteImages(
        name: "colour", shape: Shape(channels: 3, height: 1, width: 2),
        pixels: (0..<18).map { UInt8($0) }, labels: [2, 0, 1], classCount: 3),
      range: 0...255)
    #expect(dataset.count == 3)
    #expect(dataset.shape.elementCount == 6)
    #expect(sample(dataset, 0) == [0, 1, 2, 3, 4, 5])
    #expect(sample(dataset, 2) == [12, 13, 14, 15, 16, 17])
    #expect((0..<3).map(dataset.label) == [2, 0, 1])
  }
}

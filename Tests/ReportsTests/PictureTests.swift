import Foundation
import Pictures
import Reports
import TestSupport
import Testing

@Suite struct PictureTests {
  @Test(arguments: [1, 3], [(1, 1), (5, 3), (64, 64)])
  func pngRoundTrip(channels: Int, size: (Int, Int)) throws {
    let (width, height) = size
    // Noise does not compress: the encoder's bound on its output is put to the test.
    var state: UInt64 = 7
    let pixels = (0..<width * height * channels).map { _ -> UInt8 in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 33)
    }
    let image = Picture(width: width, height: height, channels: channels, pixels: pixels)
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.png"
      try PNG.write(image, to: path)
      #expect(try PNG.read(path) == image)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.png"])
    }
  }

  @Test func pngErrorsNameThePath() throws {
    try withTemporaryFolder { folder in
      let image = Picture(width: 1, height: 1, channels: 1, pixels: [0])
      let text = message { try PNG.write(image, to: "\(folder)/none/x.png") }
      #expect(text == "\(folder)/none/x.png: cannot open for writing: No such file or directory")
      try Data("no picture".utf8).write(to: URL(fileURLWithPath: "\(folder)/y.png"))
      let other = message { _ = try PNG.read("\(folder)/y.png") }
      #expect(other?.hasPrefix("\(folder)/y.png: not a readable PNG file: ") == true)
    }
  }

  static func render(
    _ grid: SampleGrid, _ samples: [Float], count: Int, height: Int, width: Int, channels: Int
  ) -> Picture {
    samples.withUnsafeBufferPointer {
      grid.render($0, count: count, height: height, width: width, channels: channels)
    }
  }

  @Test func sixtyFourDigitsGiveTorchvisionsSize() {
    let image = Self.render(
      SampleGrid(), [Float](repeating: 1, count: 64 * 784), count: 64, height: 28, width: 28,
      channels: 1)
    #expect(image.width == 242 && image.height == 242 && image.channels == 1)
    #expect(image.pixels.filter { $0 == 255 }.count == 64 * 784)
    #expect(image.pixels.filter { $0 == 128 }.count == 242 * 242 - 64 * 784)
    // The second sample of the second row begins at (2 + 30, 2 + 30).
    #expect(image.pixels[32 * 242 + 32] == 255)
    #expect(image.pixels[31 * 242 + 32] == 128 && image.pixels[32 * 242 + 31] == 128)
  }

  @Test func everyPixelIsInItsPlace() {
    // Three samples of 1 x 2 in two columns, one pixel of padding: the last place stays empty.
    let grid = SampleGrid(columns: 2, padding: 1, range: 0...1)
    let grey = Self.render(
      grid, [0.2, 0.4, 0.6, 0.8, 1, 0.5], count: 3, height: 1, width: 2, channels: 1)
    #expect(grey.width == 7 && grey.height == 5)
    #expect(
      grey.pixels == [
        0, 0, 0, 0, 0, 0, 0,
        0, 51, 102, 0, 153, 204, 0,
        0, 0, 0, 0, 0, 0, 0,
        0, 255, 128, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0,
      ])
    // Channels last, and an enlargement of two.
    var large = SampleGrid(columns: 8, padding: 0, range: 0...255)
    large.scale = 2
    let colour = Self.render(
      large, [1, 2, 3, 4, 5, 6], count: 2, height: 1, width: 1, channels: 3)
    #expect(colour.width == 4 && colour.height == 2)
    let row: [UInt8] = [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]
    #expect(colour.pixels == row + row)
  }

  @Test func valuesBeyondTheRangeAreCut() {
    let values: [Float] = [-1, -3, 1, 9, .infinity, -.infinity, .nan, 0, -0.5]
    let grid = SampleGrid(columns: 1, padding: 0)
    let image = Self.render(grid, values, count: 1, height: 1, width: 9, channels: 1)
    #expect(image.pixels == [0, 0, 255, 255, 255, 0, 0, 128, 64])
  }
}

import Pictures
import Reports
import Testing

/// Grids with words, and pictures beside each other.
@Suite struct SheetTests {
  static func grid(
    _ columns: Int, count: Int, headings: [String], rows: [String] = [], side: Int = 16
  ) -> Picture {
    let samples = (0..<count).flatMap {
      [Float](repeating: Float($0 % 2) * 2 - 1, count: side * side)
    }
    return samples.withUnsafeBufferPointer {
      SampleGrid(columns: columns).draw(
        $0, count: count, height: side, width: side, channels: 1, columnHeadings: headings,
        rowLabels: rows
      ).picture
    }
  }

  /// Whether the grey or RGB picture has the part at a place.
  static func holds(_ part: Picture, in image: Picture, left: Int, top: Int) -> Bool {
    (0..<part.height).allSatisfy { y in
      (0..<part.width).allSatisfy { x in
        let value = part.pixels[(y * part.width + x) * part.channels]
        return image.pixels[((top + y) * image.width + left + x) * image.channels] == value
      }
    }
  }

  /// Columns with ink in a part of a picture.
  static func inked(_ image: Picture, _ x: Range<Int>, _ y: Range<Int>) -> [Int] {
    x.filter { x in y.contains { image.pixels[($0 * image.width + x) * 3] < 128 } }
  }

  @Test func headingsStandOverTheirColumns() {
    let plain = Self.grid(3, count: 6, headings: [])
    #expect(plain.channels == 1 && plain.width == 3 * 18 + 2)
    let image = Self.grid(3, count: 6, headings: ["0", "1", "2"])
    #expect(image.channels == 3)
    let top = image.height - plain.height - 8
    #expect(Self.holds(plain, in: image, left: 8, top: top))
    for column in 0..<3 {
      let left = 8 + 2 + 18 * column
      let inked = Self.inked(image, left..<left + 16, 0..<top - 1)
      let (first, last) = (inked.first ?? 0, inked.last ?? 0)
      #expect(!inked.isEmpty && abs((first + last) / 2 - (left + 8)) <= 2, "\(column): \(inked)")
    }
    // Nothing but white around.
    #expect(Self.inked(image, 0..<image.width, image.height - 8..<image.height).isEmpty)
  }

  @Test func wideHeadingsStandUpright() {
    let image = Self.grid(2, count: 4, headings: ["automobile", "frog"])
    let plain = Self.grid(2, count: 4, headings: [])
    let top = image.height - plain.height - 8
    #expect(image.width == plain.width + 16 && top > 80)
    #expect(Self.holds(plain, in: image, left: 8, top: top))
    // The longer word reaches higher.
    let long = Self.inked(image, 10..<26, 0..<top / 2)
    let short = Self.inked(image, 28..<44, 0..<top / 2)
    #expect(!long.isEmpty && short.isEmpty)
  }

  @Test func rowLabelsStandLeftOfTheirRows() {
    let plain = Self.grid(2, count: 4, headings: [])
    let image = Self.grid(2, count: 4, headings: [], rows: ["a", "bcd", "too many"])
    let left = image.width - plain.width - 8
    #expect(Self.holds(plain, in: image, left: left, top: 8))
    #expect(!Self.inked(image, 0..<left, 10..<26).isEmpty)
    #expect(!Self.inked(image, 0..<left, 28..<44).isEmpty)
  }

  @Test func enlarging() {
    let image = Picture(width: 2, height: 1, channels: 3, pixels: [1, 2, 3, 4, 5, 6])
    #expect(image.enlarged(by: 1) == image)
    let row: [UInt8] = [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]
    #expect(
      image.enlarged(by: 2) == Picture(width: 4, height: 2, channels: 3, pixels: row + row))
  }

  @Test func picturesStandSideBySide() {
    func image(_ width: Int, _ height: Int, _ value: UInt8, channels: Int = 1) -> Picture {
      Picture(
        width: width, height: height, channels: channels,
        pixels: [UInt8](repeating: value, count: width * height * channels))
    }
    let parts = [
      PictureSheet.Part(heading: "reals", image: image(60, 30, 40)),
      .init(heading: "samples", image: image(90, 20, 90, channels: 3)),
      .init(heading: "", image: image(10, 10, 140)),
    ]
    let row = PictureSheet.draw(parts).picture
    #expect(row.channels == 3)
    #expect(row.width == 12 + 60 + 12 + 90 + 12 + 10 + 12 && row.height == 28 + 30 + 12)
    #expect(Self.holds(parts[0].image.picture, in: row, left: 12, top: 28))
    #expect(Self.holds(parts[1].image.picture, in: row, left: 84, top: 28))
    #expect(Self.holds(parts[2].image.picture, in: row, left: 186, top: 28))
    #expect(!Self.inked(row, 12..<72, 0..<28).isEmpty && !Self.inked(row, 84..<174, 0..<28).isEmpty)
    let two = PictureSheet.draw(parts, columns: 2).picture
    #expect(two.width == 12 + 60 + 12 + 90 + 12 && two.height == 28 + 30 + 12 + 28 + 10 + 12)
    #expect(Self.holds(parts[2].image.picture, in: two, left: 12 + 25, top: 70 + 28))
    // A heading wider than its picture, set small, makes room.
    let wide = PictureSheet.draw([.init(heading: "a long heading", image: image(10, 10, 0))])
    #expect(wide.width > 24 + 60 && wide.width < 24 + 140)
  }

  /// What a page shows beside the samples is cut out of the sheet that a run writes.
  @Test func theFirstOfTwoPicturesIsCutOut() {
    func image(_ first: UInt8) -> Picture {
      Picture(width: 40, height: 3, channels: 3, pixels: (0..<360).map { UInt8($0 % 200) + first })
    }
    let sheet = PictureSheet.draw([
      .init(heading: "reals", image: image(1)), .init(heading: "samples", image: image(9)),
    ]).picture
    #expect(PictureSheet.first(of: sheet, width: 40, height: 3) == image(1))
    #expect(PictureSheet.first(of: sheet, width: 41, height: 3) == nil)
    #expect(PictureSheet.first(of: sheet, width: 40, height: 4) == nil)
  }
}

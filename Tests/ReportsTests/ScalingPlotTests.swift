import Pictures
import Reports
import Testing

/// The picture of `bench --scaling`.
@Suite struct ScalingPlotTests {
  static func point(_ value: Int, _ seconds: Double, _ shares: [Double] = []) -> ScalingPlot.Point {
    .init(value: value, seconds: seconds, range: seconds * 0.9...seconds * 1.1, shares: shares)
  }

  static let row = ScalingPlot.Row(
    title: "Ranks", xLabel: "ranks",
    series: [
      .init(
        name: "measured",
        points: [
          point(1, 2, [1, 0, 0]), point(2, 1.2, [0.5, 0.25, 0.25]), point(8, 1, [0, 1, 0]),
        ])
    ],
    ideal: .init(name: "ideal", points: [point(1, 2), point(2, 1), point(8, 1)]))

  /// Pixels of a colour in a part of the picture.
  static func count(
    _ colour: (UInt8, UInt8, UInt8), in image: Picture, _ x: Range<Int>, _ y: Range<Int>
  ) -> Int {
    y.reduce(0) { sum, y in
      sum
        + x.count { x in
          let at = (y * image.width + x) * 3
          return image.pixels[at] == colour.0 && image.pixels[at + 1] == colour.1
            && image.pixels[at + 2] == colour.2
        }
    }
  }

  @Test func rowsStandBelowEachOther() {
    let one = ScalingPlot.render([Self.row], width: 900, rowHeight: 300)
    let two = ScalingPlot.render([Self.row, Self.row], width: 900, rowHeight: 300)
    #expect(one.width == 900 && one.height == 300 && two.height == 600)
    #expect(Array(two.pixels[..<one.pixels.count]) == one.pixels)
    #expect(Array(two.pixels[one.pixels.count...]) == one.pixels)
  }

  @Test func barsHaveTheirSharesOfTheHeight() {
    let image = ScalingPlot.render([Self.row], width: 900, rowHeight: 300)
    let (blue, red, grey): ((UInt8, UInt8, UInt8), (UInt8, UInt8, UInt8), (UInt8, UInt8, UInt8)) =
      ((0x56, 0xB4, 0xE9), (0xD5, 0x5E, 0x00), (0xC8, 0xC8, 0xC8))
    // Below the legend, whose squares have the same colours; three bars of one width and height.
    let (x, y) = (540..<900, 60..<300)
    let counts = [blue, red, grey].map { Double(Self.count($0, in: image, x, y)) }
    let bar = counts.reduce(0, +) / 3
    // 1 + 0.5, 0.25 + 1 and 0.25 bars, but for the numbers written on them.
    for (found, expected) in zip(counts, [1.5, 1.25, 0.25]) {
      #expect(abs(found / bar - expected) < 0.12, "\(found / bar), expected \(expected)")
    }
  }

  @Test func missingSharesLeaveTheRightSideEmpty() {
    var row = Self.row
    row.series[0].points = row.series[0].points.map { Self.point($0.value, $0.seconds) }
    let image = ScalingPlot.render([row], width: 900, rowHeight: 300)
    let ink = (0..<300).contains { y in
      (545..<900).contains { x in image.pixels[(y * 900 + x) * 3] < 250 }
    }
    #expect(!ink)
  }

  @Test func slowerIsHigher() {
    // Dots of a series in its colour: the first point's is above the second's.
    var row = Self.row
    row.ideal = nil
    row.series[0].points = [Self.point(1, 4), Self.point(64, 1)]
    let image = ScalingPlot.render([row], width: 900, rowHeight: 300)
    func height(_ x: Range<Int>) -> Int? {
      (60..<300).first { Self.count((0x00, 0x72, 0xB2), in: image, x, $0..<$0 + 1) >= 5 }
    }
    let (left, right) = (height(60..<200), height(430..<540))
    #expect(
      left != nil && right != nil && (left ?? 0) + 80 < (right ?? 0),
      "\(left as Any) \(right as Any)")
  }

  @Test func hopelessInputIsDrawnToo() {
    for seconds in [0, 1e-300, .nan, 1e300, 5] as [Double] {
      let point = ScalingPlot.Point(
        value: 1, seconds: seconds, range: seconds.isNaN ? 0...0 : seconds...seconds,
        shares: [.infinity, -1, 0].map { $0.isFinite ? $0 : 2 })
      let row = ScalingPlot.Row(
        title: "", xLabel: "", series: [.init(name: "", points: [point])])
      #expect(ScalingPlot.render([row], width: 600, rowHeight: 200).pixels.count == 600 * 200 * 3)
    }
  }
}

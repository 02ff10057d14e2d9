import Pictures
import Reports
import Testing

@Suite struct CurvePlotTests {
  static let blue: [UInt8] = [0x00, 0x72, 0xB2]
  static let vermillion: [UInt8] = [0xD5, 0x5E, 0x00]

  static func panel(
    _ y: [Double]..., title: String = "", names: Bool = false, yScale: PlotScale = .linear
  ) -> CurvePlot.Panel {
    .init(
      title: title, xLabel: "", yLabel: "",
      series: y.enumerated().map { index, y in
        .init(name: names ? "s\(index)" : "", x: y.indices.map(Double.init), y: y)
      }, yScale: yScale)
  }

  static func colour(_ image: Picture, _ x: Int, _ y: Int) -> [UInt8] {
    Array(image.pixels[(y * image.width + x) * 3..<(y * image.width + x) * 3 + 3])
  }

  /// Rows and columns of the pixels of a colour.
  static func places(of colour: [UInt8], in image: Picture) -> [(x: Int, y: Int)] {
    (0..<image.width * image.height).map { ($0 % image.width, $0 / image.width) }
      .filter { Self.colour(image, $0.0, $0.1) == colour }
  }

  @Test func aPictureOfTheSizeAskedForTheSameEveryTime() {
    let panels = [Self.panel([1, 3, 2], [2, 2, .nan], title: "T", names: true), Self.panel([5])]
    let image = CurvePlot.render(panels, width: 401, height: 323)
    #expect(image.width == 401 && image.height == 323 && image.channels == 3)
    #expect(image == CurvePlot.render(panels, width: 401, height: 323))
    let blue = Self.places(of: Self.blue, in: image)
    // The first panel's curve and the second one's dot, each in its half.
    #expect(blue.contains { $0.y < 161 } && blue.contains { $0.y > 161 })
    let other = Self.places(of: Self.vermillion, in: image)
    #expect(!other.isEmpty && other.allSatisfy { $0.y < 161 })
  }

  @Test func aCurveRisesFromLeftToRight() throws {
    let image = CurvePlot.render([Self.panel([0, 1])], width: 400, height: 300)
    let places = Self.places(of: Self.blue, in: image)
    let left = try #require(places.min { $0.x < $1.x })
    let right = try #require(places.max { $0.x < $1.x })
    #expect(left.y > 250 && right.y < 50)
    // Half way in between lies on the line; antialiasing leaves shades beside it.
    #expect(places.contains { abs($0.x - (left.x + right.x) / 2) <= 1 && abs($0.y - 142) < 12 })
    #expect(Set(stride(from: 0, to: image.pixels.count, by: 3).map { image.pixels[$0] }).count > 20)
  }

  @Test func notANumberIsAGap() throws {
    let y = (0..<101).map { (40...60).contains($0) ? Double.nan : 1 }
    let image = CurvePlot.render([Self.panel(y)], width: 400, height: 200)
    let columns = Set(Self.places(of: Self.blue, in: image).map(\.x))
    let (first, last) = (try #require(columns.min()), try #require(columns.max()))
    func column(_ share: Double) -> Int { first + Int(share * Double(last - first)) }
    #expect(columns.contains(column(0.2)) && columns.contains(column(0.8)))
    #expect(columns.isDisjoint(with: column(0.42)...column(0.58)))
  }

  @Test func manyPointsGiveABandAndTheirMean() {
    let y = (0..<50_000).map { $0 % 2 == 0 ? -1.0 : 1 }
    let image = CurvePlot.render([Self.panel(y)], width: 400, height: 200)
    let rows = Set(Self.places(of: Self.blue, in: image).map(\.y))
    // The line is the mean: a few rows in the middle, while the pale band takes most of the height.
    #expect(!rows.isEmpty && rows.count <= 6)
    let pale = (0..<200).filter { row in
      let colour = Self.colour(image, 203, row)
      return colour[0] < 230 && colour[2] > colour[0] + 15
    }
    #expect(pale.count > 100)
  }

  @Test func hopelessInputIsDrawnToo() {
    let values: [[Double]] = [
      [], [.nan, .nan], [.infinity], [0, 0], [1e300, -1e300], [1e-300, 2e-300], [-1, -2],
      [5, 5.0000000000001],
    ]
    for y in values {
      for scale in [PlotScale.linear, .log, .symlog(linearUpTo: 0.5)] {
        let image = CurvePlot.render([Self.panel(y, yScale: scale)], width: 320, height: 160)
        // The axes are always there, the curve where it has a point that the scale can show.
        #expect(!Self.places(of: [0x22, 0x22, 0x22], in: image).isEmpty)
        let isShown = y.contains { $0.isFinite && (scale != .log || $0 > 0) }
        #expect(Self.places(of: Self.blue, in: image).isEmpty != isShown, "\(y), \(scale)")
      }
    }
  }

  static func labels(_ low: Double, _ high: Double, _ scale: PlotScale, _ count: Int) -> [String] {
    PlotAxis(values: [low, high], scale: scale, margin: 0).ticks(count: count).map(\.label)
  }

  @Test func ticksAreRound() {
    #expect(Self.labels(0, 10, .linear, 5) == ["0", "2", "4", "6", "8", "10"])
    #expect(Self.labels(-0.13, 0.31, .linear, 5) == ["-0.1", "0.0", "0.1", "0.2", "0.3"])
    #expect(Self.labels(0, 46900, .linear, 5) == ["0", "10000", "20000", "30000", "40000"])
    #expect(Self.labels(0, 2e6, .linear, 4) == ["0", "5e5", "1e6", "1.5e6", "2e6"])
    #expect(Self.labels(0, 3e-6, .linear, 3) == ["0", "1e-6", "2e-6", "3e-6"])
    #expect(Self.labels(0.02, 300, .log, 8) == ["10^-1", "10^0", "10^1", "10^2"])
    #expect(Self.labels(2, 60, .log, 8) == ["2", "5", "10", "20", "50"])
    let wide = Self.labels(-20, 300, .symlog(linearUpTo: 1), 9)
    #expect(wide == ["-10^1", "-10^0", "0", "10^0", "10^1", "10^2"])
    let small = Self.labels(-0.2, 0.2, .symlog(linearUpTo: 1), 5)
    #expect(small == ["-0.2", "-0.1", "0.0", "0.1", "0.2"])
  }

  @Test func scalesPlaceValues() throws {
    let log = PlotAxis(values: [0.01, 100], scale: .log, margin: 0)
    #expect(abs(try #require(log.place(1)) - 0.5) < 1e-12)
    #expect(log.place(0) == nil && log.place(-1) == nil && log.place(.nan) == nil)
    let symlog = PlotAxis(values: [-100, 100], scale: .symlog(linearUpTo: 1), margin: 0)
    // Three units each side: one up to 1, one a decade.
    for (value, sixths) in [(-10.0, 1.0), (-1, 2), (0, 3), (0.5, 3.5), (10, 5)] {
      #expect(abs(try #require(symlog.place(value)) - sixths / 6) < 1e-12)
    }
  }

  @Test func everyPrintableCharacterHasStrokes() {
    for code in UInt8(33)..<127 {
      let (strokes, width) = StrokeFont.layout(String(UnicodeScalar(code)))
      #expect(!strokes.isEmpty && width <= 4)
    }
    #expect(StrokeFont.layout(" ").strokes.isEmpty)
    #expect(StrokeFont.layout("\u{E9}").strokes.count == StrokeFont.layout("?").strokes.count)
    // The exponent of 10^2 is raised: no part of it reaches the base line.
    let power = StrokeFont.layout("10^2").strokes.dropFirst(StrokeFont.layout("10").strokes.count)
    #expect(!power.isEmpty && power.allSatisfy { $0.y1 <= 3.01 })
  }
}

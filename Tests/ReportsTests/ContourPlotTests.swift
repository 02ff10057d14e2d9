import Foundation
import Reports
import Testing

@Suite struct ContourPlotTests {
  static let orange: [UInt8] = [0xE6, 0x51, 0x00]
  static let green: [UInt8] = [0x00, 0x70, 0x3C]

  /// Values of a function on the places of a grid.
  static func values(_ gridSize: Int, _ function: (Double, Double) -> Double) -> [Float] {
    PlotPoint.pairs(ContourPlot.places(gridSize: gridSize)).map { Float(function($0.x, $0.y)) }
  }

  static func length(_ segment: Segment) -> Double {
    let (dx, dy) = (segment.x1 - segment.x0, segment.y1 - segment.y0)
    return (dx * dx + dy * dy).squareRoot()
  }

  @Test func placesGoByRowsOverTheRange() {
    let places = ContourPlot.places(range: -1...2, gridSize: 4)
    #expect(places.count == 32)
    #expect(Array(places[0..<6]) == [-1, -1, 0, -1, 1, -1])
    #expect(Array(places[8..<10]) == [-1, 0] && Array(places[30...]) == [2, 2])
  }

  @Test func aPlanesLineIsStraightAndWhole() {
    // x + 2 y on a grid of 5 columns and 4 rows, cut at 3.3.
    let values = (0..<4).flatMap { y in (0..<5).map { x in Float(x + 2 * y) } }
    let lines = ContourLines.segments(values, columns: 5, rows: 4, level: 3.3)
    for line in lines {
      #expect(abs(line.x0 + 2 * line.y0 - 3.3) < 1e-5 && abs(line.x1 + 2 * line.y1 - 3.3) < 1e-5)
    }
    // From (3.3, 0) to (0, 1.65).
    let expected = (3.3 * 3.3 + 1.65 * 1.65).squareRoot()
    #expect(abs(lines.reduce(0) { $0 + Self.length($1) } - expected) < 1e-5)
  }

  /// The distance from the cone's top.
  static func radius(_ x: Double, _ y: Double) -> Double {
    let (dx, dy) = (x - 45.3, y - 30.7)
    return (dx * dx + dy * dy).squareRoot()
  }

  @Test func aConesLineIsACircle() {
    // Off the grid's middle and on another number of rows, so that a transposed index shows.
    let (columns, rows) = (81, 61)
    let values = (0..<rows).flatMap { y in
      (0..<columns).map { x in Float(Self.radius(Double(x), Double(y))) }
    }
    let lines = ContourLines.segments(values, columns: columns, rows: rows, level: 20.5)
    let length = lines.reduce(0) { $0 + Self.length($1) }
    #expect(abs(length - 2 * .pi * 20.5) < 0.2)
    for line in lines { #expect(abs(Self.radius(line.x0, line.y0) - 20.5) < 0.05) }
  }

  @Test func everyCellOfSignsIsCutBetweenItsSides() {
    // All 16 cells: the line's strokes part the corners at or above the level from those below.
    for signs in 0..<16 {
      let values = (0..<4).map { Float(signs >> $0 & 1) }
      let lines = ContourLines.segments(values, columns: 2, rows: 2, level: 0.25)
      let above = signs.nonzeroBitCount
      // Corners 0 and 3, and 1 and 2, are the diagonals in rows of two.
      let isSaddle = signs == 0b1001 || signs == 0b0110
      #expect(lines.count == (above == 0 || above == 4 ? 0 : isSaddle ? 2 : 1))
      // The mean of a saddle, 0.5, is above the level: its strokes cut off the corners below.
      guard isSaddle else { continue }
      for line in lines {
        let low = (0..<4).filter { values[$0] < 0.25 }.map {
          (x: Double($0 % 2), y: Double($0 / 2))
        }
        let middle = (x: (line.x0 + line.x1) / 2, y: (line.y0 + line.y1) / 2)
        #expect(low.contains { abs($0.x - middle.x) < 0.3 && abs($0.y - middle.y) < 0.3 })
      }
    }
    #expect(ContourLines.segments([0, 1, .nan, 1], columns: 2, rows: 2, level: 0.5).isEmpty)
  }

  @Test func crossesStandWhereThePointsAre() throws {
    let plot = ContourPlot(
      title: "", values: Self.values(9) { $0 + $1 }, gridSize: 9,
      reals: [PlotPoint(x: -2, y: 2)], samples: [PlotPoint(x: 2, y: -1)])
    let image = plot.render(width: 600)
    #expect(image.width == 600 && image == plot.render(width: 600))
    // The plane fills the square between the axes: the first crosses are those of the legend, on
    // top.
    func middle(_ colour: [UInt8]) throws -> (x: Double, y: Double) {
      let places = CurvePlotTests.places(of: colour, in: image).filter { $0.y > 45 }
      try #require(!places.isEmpty)
      return (
        Double(places.map(\.x).reduce(0, +)) / Double(places.count),
        Double(places.map(\.y).reduce(0, +)) / Double(places.count)
      )
    }
    let (real, sample) = (try middle(Self.orange), try middle(Self.green))
    // Four sixths of the plane's side to the right, three sixths down.
    let side = (sample.x - real.x) / 4 * 6
    #expect(side > 400 && side < 560)
    #expect(abs((sample.y - real.y) - side / 2) < 1.5)
  }

  /// Seven ticks from -3 to 3 below the box and to its left; those at the upper ends of both axes
  /// are its sides' continuation or next to it.
  @Test func ticksStandAlongTheBox() throws {
    let image = ContourPlot(
      title: "", values: Self.values(9) { $0 + $1 }, gridSize: 9, reals: [], samples: []
    ).render(width: 600)
    let ink = CurvePlotTests.places(of: [0x22, 0x22, 0x22], in: image)
    let rows = Dictionary(grouping: ink, by: \.y).mapValues { $0.map(\.x) }
    let columns = Dictionary(grouping: ink, by: \.x).mapValues { $0.map(\.y) }
    // The box is the square whose sides are the longest runs of ink.
    let bottom = try #require(rows.filter { $0.value.count > 350 }.keys.max())
    let left = try #require(columns.filter { $0.value.count > 350 }.keys.min())
    let below = try #require(rows[bottom + 2]).sorted()
    let beside = try #require(columns[left - 2]).filter { $0 <= bottom }.sorted()
    #expect(below.count == 7 && beside.count == 7)
    let side = Double(try #require(below.last) - below[0]) / 6
    for (index, x) in below.enumerated() {
      #expect(abs(Double(x - left - 1) - Double(index) * side) <= 1)
      #expect(abs(Double(bottom - beside[6 - index]) - Double(index) * side) <= 1)
    }
    #expect(columns[below[6]].map { $0.count > 350 } == true)
  }

  @Test func valuesGrowDarkerUpwards() {
    // y alone: the top of the plane is high. The sequence's red falls from 0xF7 to 0x6B.
    let image = ContourPlot(
      title: "t", values: Self.values(16) { _, y in y }, gridSize: 16, reals: [], samples: []
    ).render(width: 500)
    let column = (0..<image.height).map { CurvePlotTests.colour(image, 250, $0) }
    let blues = column.enumerated().filter { Int($0.element[2]) > Int($0.element[0]) + 3 }
    #expect(blues.count > 200)
    let dark = blues.filter { $0.element[0] < 0x80 && $0.element[0] > 0x60 }.map(\.offset)
    let pale = blues.filter { $0.element[0] > 0xE8 }.map(\.offset)
    #expect((dark.max() ?? .max) < (pale.min() ?? .min))
  }

  @Test func hopelessLandscapesAreDrawnToo() {
    for value in [0, 5, Float.nan, .infinity, 1e30, -1e-30] {
      var values = [Float](repeating: value, count: 16)
      for change in [value, 1, .nan] {
        values[5] = change
        let image = ContourPlot(
          title: "a very long title that would go on beyond the end of the picture, and further on",
          values: values, gridSize: 4,
          reals: [PlotPoint(x: .nan, y: 0), PlotPoint(x: 9e9, y: -9e9)],
          samples: [PlotPoint(x: .infinity, y: 0)]
        ).render(width: 320)
        #expect(image.width == 320)
      }
    }
  }
}

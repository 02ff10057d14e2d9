import Base

/// Draws digits with the irregularities of a hand: size, slant, rotation, place, stroke width and a
/// smooth warp that bends the strokes without tearing them apart.
///
/// Owns its scratch buffers: one pen for many digits, on one thread.
final class GlyphPen {
  private typealias Point = GlyphTemplate.Point

  /// Straight pieces between two neighbouring points of a curve.
  private static let piecesPerSpan = 6
  /// Lattice points of the warp, in each direction.
  private static let lattice = 3

  // Lengths in pixels, slant and rotation as tangents.
  private static let height = 15.2...18.6
  private static let widthVariation = 0.84...1.18
  private static let radius = 0.85...1.55
  private static let slant = -0.1...0.34
  private static let rotation = -0.09...0.09
  private static let shift = -1.2...1.2
  /// As a share of the box.
  private static let warp = -0.06...0.06

  private let stream: RandomStream
  /// Uniform numbers of one sample, in [0, 1).
  private let numbers = UnsafeMutableBufferPointer<Float>.allocate(
    capacity: 8 + 2 * lattice * lattice)
  /// Squared distance of every pixel's centre from the nearest stroke, in pixels^2.
  private let distances = UnsafeMutableBufferPointer<Double>.allocate(
    capacity: GlyphDataset.side * GlyphDataset.side)
  /// The points of a template one stroke after the other, on the page.
  private var points: [Point] = []

  init(seed: UInt64) {
    stream = RandomStream(seed: seed, purpose: .drawing)
    numbers.initialize(repeating: 0)
    distances.initialize(repeating: 0)
  }

  deinit {
    numbers.deallocate()
    distances.deallocate()
  }

  /// Overwrites `image` (28 x 28) with `digit`, written as sample `sample` has it.
  func draw(sample: Int, digit: Int, into image: UnsafeMutableBufferPointer<UInt8>) {
    precondition(image.count == distances.count, "image has \(image.count) pixels")
    stream.uniforms(sample: sample, into: numbers)
    let ways = GlyphTemplate.digits[digit]
    // The numbers are below 1 and exact in Double, so the product is below the count.
    let template = ways[Int(Double(numbers[0]) * Double(ways.count))]
    let radius = number(1, in: Self.radius)
    place(template)

    // Anything farther than the stroke's soft edge stays black.
    let reach = radius + 0.5
    distances.update(repeating: reach * reach)
    var first = 0
    for stroke in template.strokes {
      trace(points: first..<first + stroke.points.count, isClosed: stroke.isClosed, reach: reach)
      first += stroke.points.count
    }
    for index in 0..<image.count {
      let squared = distances[index]
      guard squared < reach * reach else {
        image[index] = 0
        continue
      }
      // The share of the pixel that a straight edge at this distance covers, as a ramp 1 pixel
      // wide.
      let coverage = min(1, reach - squared.squareRoot())
      image[index] = UInt8((255 * coverage).rounded())
    }
  }

  /// Random number `index` of the sample, spread over `range`.
  private func number(_ index: Int, in range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * Double(numbers[index])
  }

  /// Puts the template's points on the page, warped, scaled, slanted, turned and moved.
  private func place(_ template: GlyphTemplate) {
    let height = number(2, in: Self.height)
    let width = height * template.aspect * number(3, in: Self.widthVariation)
    let slant = number(4, in: Self.slant)
    // The half-angle formulas give an exact rotation from the tangent of half the angle.
    let tangent = number(5, in: Self.rotation)
    let cosine = (1 - tangent * tangent) / (1 + tangent * tangent)
    let sine = 2 * tangent / (1 + tangent * tangent)
    points.removeAll(keepingCapacity: true)
    var low = Point(x: .infinity, y: .infinity)
    var high = Point(x: -.infinity, y: -.infinity)
    for stroke in template.strokes {
      for point in stroke.points {
        let bend = displacement(at: point)
        let y = height * (point.y + bend.y - 0.5)
        let x = width * (point.x + bend.x - 0.5) - slant * y
        let placed = Point(x: cosine * x - sine * y, y: sine * x + cosine * y)
        points.append(placed)
        low = Point(x: min(low.x, placed.x), y: min(low.y, placed.y))
        high = Point(x: max(high.x, placed.x), y: max(high.y, placed.y))
      }
    }
    // Centred by the ink's extent, so that no slant or warp drives a digit out of the page.
    let middle = Double(GlyphDataset.side) / 2
    let offset = Point(
      x: middle - (low.x + high.x) / 2 + number(6, in: Self.shift),
      y: middle - (low.y + high.y) / 2 + number(7, in: Self.shift))
    for index in points.indices {
      points[index].x += offset.x
      points[index].y += offset.y
    }
  }

  /// How far the warp moves a point of the unit box: random at the points of a lattice, bilinear in
  /// between, so that strokes that meet still meet.
  private func displacement(at point: Point) -> Point {
    let last = Self.lattice - 1
    let column = min(Int(point.x * Double(last)), last - 1)
    let row = min(Int(point.y * Double(last)), last - 1)
    let right = point.x * Double(last) - Double(column)
    let below = point.y * Double(last) - Double(row)
    func corner(_ dx: Int, _ dy: Int, _ axis: Int) -> Double {
      number(8 + 2 * ((row + dy) * Self.lattice + column + dx) + axis, in: Self.warp)
    }
    func blend(_ axis: Int) -> Double {
      let above = corner(0, 0, axis) * (1 - right) + corner(1, 0, axis) * right
      let beneath = corner(0, 1, axis) * (1 - right) + corner(1, 1, axis) * right
      return above * (1 - below) + beneath * below
    }
    return Point(x: blend(0), y: blend(1))
  }

  /// Lowers `distances` along the Catmull-Rom curve through `range` of the placed points; two
  /// points are a straight line.
  private func trace(points range: Range<Int>, isClosed: Bool, reach: Double) {
    let count = range.count
    func point(_ index: Int) -> Point {
      if isClosed { return points[range.lowerBound + (index + count) % count] }
      if index >= 0 && index < count { return points[range.lowerBound + index] }
      // Beyond an open end the curve goes on straight: the end's mirror image of its neighbour.
      let end = points[index < 0 ? range.lowerBound : range.upperBound - 1]
      let neighbour = points[index < 0 ? range.lowerBound + 1 : range.upperBound - 2]
      return Point(x: 2 * end.x - neighbour.x, y: 2 * end.y - neighbour.y)
    }
    let pieces = count == 2 ? 1 : Self.piecesPerSpan
    for span in 0..<(isClosed ? count : count - 1) {
      let p0 = point(span - 1)
      let p1 = point(span)
      let p2 = point(span + 1)
      let p3 = point(span + 2)
      var from = p1
      for piece in 1...pieces {
        let t = Double(piece) / Double(pieces)
        let to = Point(
          x: Self.curve(p0.x, p1.x, p2.x, p3.x, at: t), y: Self.curve(p0.y, p1.y, p2.y, p3.y, at: t)
        )
        stamp(from: from, to: to, reach: reach)
        from = to
      }
    }
  }

  /// The uniform Catmull-Rom cubic from b (t = 0) to c (t = 1), whose slope at b is (c - a) / 2.
  private static func curve(
    _ a: Double, _ b: Double, _ c: Double, _ d: Double, at t: Double
  ) -> Double {
    let linear = (c - a) / 2
    let quadratic = a - 2.5 * b + 2 * c - d / 2
    let cubic = (d - a) / 2 + 1.5 * (b - c)
    return b + t * (linear + t * (quadratic + t * cubic))
  }

  /// Lowers the squared distance of every pixel within `reach` of a straight piece.
  private func stamp(from: Point, to: Point, reach: Double) {
    let side = GlyphDataset.side
    // Pixel i covers i ..< i + 1, its centre is at i + 0.5. Only the page's pixels are visited.
    func pixels(_ a: Double, _ b: Double) -> Range<Int> {
      let low = min(max(min(a, b) - reach - 0.5, 0), Double(side)).rounded(.up)
      let high = min(max(max(a, b) + reach - 0.5, -1), Double(side - 1)).rounded(.down)
      return Int(low)..<max(Int(low), Int(high) + 1)
    }
    let columns = pixels(from.x, to.x)
    let dx = to.x - from.x
    let dy = to.y - from.y
    let length = dx * dx + dy * dy
    // A piece of no length is its point.
    let scale = length > 0 ? 1 / length : 0
    for row in pixels(from.y, to.y) {
      let y = Double(row) + 0.5 - from.y
      for column in columns {
        let x = Double(column) + 0.5 - from.x
        let along = min(max((x * dx + y * dy) * scale, 0), 1)
        let awayX = x - along * dx
        let awayY = y - along * dy
        let squared = awayX * awayX + awayY * awayY
        let index = row * side + column
        if squared < distances[index] { distances[index] = squared }
      }
    }
  }
}

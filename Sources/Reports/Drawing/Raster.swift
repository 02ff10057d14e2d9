import Pictures

/// The pixels of a drawing: RGB on white, strokes antialiased.
struct Raster {
  private let width: Int
  private let height: Int
  private var pixels: [UInt8]

  /// What has been drawn.
  var picture: Picture { Picture(width: width, height: height, channels: 3, pixels: pixels) }

  /// Draws all of a canvas.
  init(_ canvas: Canvas) {
    width = canvas.width
    height = canvas.height
    pixels = [UInt8](repeating: 255, count: width * height * 3)
    for element in canvas.elements {
      switch element {
      case .strokes(let strokes): stroke(strokes)
      case .fill(let rect, let colour): fill(rect, colour)
      case .image(let image, let left, let top): draw(image, left: left, top: top)
      case .text(let text): stroke(text.strokes)
      }
    }
  }

  /// Draws strokes with round ends as one shape.
  ///
  /// A pixel's coverage is `clamp(thickness / 2 + 1/2 - distance, 0, 1)` with the distance of its
  /// centre from the nearest stroke: as one shape, because strokes blended one after the other
  /// would show every joint.
  private mutating func stroke(_ strokes: Canvas.Strokes) {
    let (segments, colour) = (strokes.segments, strokes.colour)
    let reach = strokes.thickness / 2 + 0.5
    let clip = strokes.clip ?? PixelRect(left: 0, top: 0, right: width, bottom: height)
    // Only what the strokes can reach is held and blended.
    let box = PixelRect(
      left: max(clip.left, bound(segments.map { min($0.x0, $0.x1) - reach }.min())),
      top: max(clip.top, bound(segments.map { min($0.y0, $0.y1) - reach }.min())),
      right: min(clip.right, bound(segments.map { max($0.x0, $0.x1) + reach }.max()) + 1),
      bottom: min(clip.bottom, bound(segments.map { max($0.y0, $0.y1) + reach }.max()) + 1))
    guard box.width > 0, box.height > 0 else { return }

    var coverage = [Float](repeating: 0, count: box.width * box.height)
    coverage.withUnsafeMutableBufferPointer { coverage in
      for segment in segments {
        let (dx, dy) = (segment.x1 - segment.x0, segment.y1 - segment.y0)
        let squaredLength = dx * dx + dy * dy
        let top = max(box.top, bound(min(segment.y0, segment.y1) - reach))
        let bottom = min(box.bottom, bound(max(segment.y0, segment.y1) + reach) + 1)
        let left = max(box.left, bound(min(segment.x0, segment.x1) - reach))
        let right = min(box.right, bound(max(segment.x0, segment.x1) + reach) + 1)
        var y = top
        while y < bottom {
          var x = left
          while x < right {
            let (px, py) = (Double(x) + 0.5 - segment.x0, Double(y) + 0.5 - segment.y0)
            let along =
              squaredLength > 0 ? min(max((px * dx + py * dy) / squaredLength, 0), 1) : 0
            let (ex, ey) = (px - along * dx, py - along * dy)
            let value = Float(min(max(reach - (ex * ex + ey * ey).squareRoot(), 0), 1))
            let index = (y - box.top) * box.width + x - box.left
            if value > coverage[index] { coverage[index] = value }
            x += 1
          }
          y += 1
        }
      }
    }
    for y in box.top..<box.bottom {
      for x in box.left..<box.right {
        let share = coverage[(y - box.top) * box.width + x - box.left]
        if share > 0 { blend(x, y, colour, share * Float(strokes.opacity)) }
      }
    }
  }

  /// Fills whole pixels, those of the rectangle that the picture has.
  private mutating func fill(_ rect: PixelRect, _ colour: Colour) {
    let (left, right) = (max(0, rect.left), min(width, rect.right))
    guard left < right else { return }
    for y in max(0, rect.top)..<max(0, rect.top, min(height, rect.bottom)) {
      for x in left..<right { blend(x, y, colour, 1) }
    }
  }

  /// Puts a picture, grey or RGB, over what is there; what does not fit is cut off.
  private mutating func draw(_ image: Picture, left: Int, top: Int) {
    for y in max(0, -top)..<max(0, -top, min(image.height, height - top)) {
      for x in max(0, -left)..<max(0, -left, min(image.width, width - left)) {
        let source = (y * image.width + x) * image.channels
        let target = ((top + y) * width + left + x) * 3
        for channel in 0..<3 {
          pixels[target + channel] = image.pixels[source + min(channel, image.channels - 1)]
        }
      }
    }
  }

  private mutating func blend(_ x: Int, _ y: Int, _ colour: Colour, _ share: Float) {
    let index = (y * width + x) * 3
    func mix(_ old: UInt8, _ new: UInt8) -> UInt8 {
      UInt8(Float(old) + (Float(new) - Float(old)) * share + 0.5)
    }
    pixels[index] = mix(pixels[index], colour.red)
    pixels[index + 1] = mix(pixels[index + 1], colour.green)
    pixels[index + 2] = mix(pixels[index + 2], colour.blue)
  }

  /// A coordinate as a pixel's number, kept in a range that cannot overflow.
  private func bound(_ value: Double?) -> Int {
    guard let value, !value.isNaN else { return 0 }
    return Int(min(max(value.rounded(.down), -1e6), 1e6))
  }
}

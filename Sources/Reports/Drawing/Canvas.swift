import Pictures

/// A colour, 0...255 a channel.
struct Colour: Equatable {
  var red: UInt8
  var green: UInt8
  var blue: UInt8

  init(_ hex: UInt32) {
    red = UInt8(hex >> 16 & 255)
    green = UInt8(hex >> 8 & 255)
    blue = UInt8(hex & 255)
  }
}

/// A straight stroke; pixels, y downwards, (0, 0) the picture's top left corner.
package struct Segment {
  package var x0: Double
  package var y0: Double
  package var x1: Double
  package var y1: Double
}

/// A rectangle of whole pixels.
struct PixelRect: Equatable {
  var left: Int
  var top: Int
  var right: Int
  var bottom: Int

  var width: Int { right - left }
  var height: Int { bottom - top }
}

/// A white RGB picture to draw antialiased strokes on.
struct Canvas {
  let width: Int
  let height: Int
  private(set) var pixels: [UInt8]

  /// What has been drawn.
  var picture: Picture { Picture(width: width, height: height, channels: 3, pixels: pixels) }

  init(width: Int, height: Int) {
    self.width = width
    self.height = height
    pixels = [UInt8](repeating: 255, count: width * height * 3)
  }

  /// Draws strokes with round ends as one shape.
  ///
  /// A pixel's coverage is `clamp(thickness / 2 + 1/2 - distance, 0, 1)` with the distance of its
  /// centre from the nearest stroke: as one shape, because strokes blended one after the other
  /// would show every joint.
  ///
  /// - Parameters:
  ///   - segments: The strokes; parts outside `clip` are not drawn.
  ///   - thickness: Pixels.
  ///   - colour: The colour.
  ///   - opacity: 1 hides what is below, 0 leaves it.
  ///   - clip: Where drawing is allowed; the whole picture unless given.
  mutating func stroke(
    _ segments: [Segment], thickness: Double, colour: Colour, opacity: Double = 1,
    clip: PixelRect? = nil
  ) {
    let reach = thickness / 2 + 0.5
    let clip = clip ?? PixelRect(left: 0, top: 0, right: width, bottom: height)
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
        if share > 0 { blend(x, y, colour, share * Float(opacity)) }
      }
    }
  }

  /// Fills whole pixels, those of the rectangle that the picture has.
  mutating func fill(_ rect: PixelRect, _ colour: Colour) {
    let (left, right) = (max(0, rect.left), min(width, rect.right))
    guard left < right else { return }
    for y in max(0, rect.top)..<max(0, rect.top, min(height, rect.bottom)) {
      for x in left..<right { blend(x, y, colour, 1) }
    }
  }

  /// Puts a picture, grey or RGB, over what is there; what does not fit is cut off.
  mutating func draw(_ image: Picture, left: Int, top: Int) {
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

  /// Where a text's given point is put.
  enum Anchor {
    case left
    case centre
    case right
  }

  /// Draws a line of text.
  ///
  /// - Parameters:
  ///   - text: The line; `10^3` is set as a power.
  ///   - x: Where the anchor is, pixels.
  ///   - y: The middle of the capitals' height (for upright text: of the line's thickness), pixels.
  ///   - anchor: Which end of the text is at `x`; upright text, which runs upwards, at `y`.
  ///   - size: Pixels between the font's dots.
  ///   - colour: The colour.
  ///   - isUpright: Turned to the left by 90 degrees.
  ///   - isBold: Thicker strokes.
  mutating func text(
    _ text: String, x: Double, y: Double, anchor: Anchor, size: Double, colour: Colour,
    isUpright: Bool = false, isBold: Bool = false
  ) {
    let (strokes, width) = StrokeFont.layout(text)
    let shift =
      switch anchor {
      case .left: 0.0
      case .centre: width * size / 2
      case .right: width * size
      }
    let placed = strokes.map { stroke in
      func place(_ dotX: Double, _ dotY: Double) -> (x: Double, y: Double) {
        let along = dotX * size - shift
        let across = (dotY - StrokeFont.capHeight / 2) * size
        return isUpright ? (x + across, y - along) : (x + along, y + across)
      }
      let (start, end) = (place(stroke.x0, stroke.y0), place(stroke.x1, stroke.y1))
      return Segment(x0: start.x, y0: start.y, x1: end.x, y1: end.y)
    }
    self.stroke(placed, thickness: size * (isBold ? 1.15 : 0.75), colour: colour)
  }

  /// The width of a line of text, pixels.
  static func textWidth(_ text: String, size: Double) -> Double {
    StrokeFont.layout(text).width * size
  }

  /// A length in dots of the typeface, in whole pixels.
  static func dots(_ count: Double, size: Double) -> Int { Int((count * size).rounded()) }

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

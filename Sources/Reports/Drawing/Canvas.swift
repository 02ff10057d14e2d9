import Pictures

/// A drawing on white: strokes, rectangles, pictures and text, the later ones over the earlier.
///
/// Lengths are pixels, y downwards, (0, 0) the top left corner. `Raster` makes pixels of it,
/// `SVGWriter` and `PDFWriter` files whose lines and letters stay sharp at any size.
package struct Canvas: Sendable {
  package let width: Int
  package let height: Int
  private(set) var elements: [Element] = []

  /// One of the things that are drawn.
  enum Element: Sendable {
    case strokes(Strokes)
    case fill(PixelRect, Colour)
    case image(Picture, left: Int, top: Int)
    case text(Text)
  }

  /// Strokes with round ends, which are one shape.
  struct Strokes: Sendable {
    var segments: [Segment]
    var thickness: Double
    var colour: Colour
    /// 1 hides what is below, 0 leaves it.
    var opacity = 1.0
    /// Where drawing is allowed; the whole picture unless given.
    var clip: PixelRect?
  }

  /// Where a text's given point is put.
  package enum Anchor: Sendable {
    case left
    case centre
    case right
  }

  /// A line of text.
  struct Text: Sendable {
    /// `10^3` is set as a power.
    var text: String
    /// Where the anchor is.
    var x: Double
    /// The middle of the capitals' height; of upright text that of the line's thickness.
    var y: Double
    /// Which end of the text is at `x`; of upright text, which runs upwards, at `y`.
    var anchor: Anchor
    /// Pixels between the dots of `StrokeFont`.
    var size: Double
    var colour: Colour
    /// Turned to the left by 90 degrees.
    var isUpright = false
    var isBold = false
  }

  package init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  /// A drawing that is a picture and nothing else.
  package init(_ picture: Picture) {
    self.init(width: picture.width, height: picture.height)
    draw(picture, left: 0, top: 0)
  }

  /// The pixels: RGB, or the picture itself where nothing else has been drawn.
  package var picture: Picture {
    if elements.count == 1, case .image(let image, 0, 0) = elements[0], image.width == width,
      image.height == height
    {
      return image
    }
    return Raster(self).picture
  }

  // MARK: - Drawing

  /// Draws strokes with round ends as one shape.
  ///
  /// - Parameters:
  ///   - segments: The strokes; parts outside `clip` are not drawn.
  ///   - thickness: Pixels.
  ///   - colour: The colour.
  ///   - opacity: 1 hides what is below, 0 leaves it.
  ///   - clip: Where drawing is allowed; the whole picture unless given.
  package mutating func stroke(
    _ segments: [Segment], thickness: Double, colour: Colour, opacity: Double = 1,
    clip: PixelRect? = nil
  ) {
    guard !segments.isEmpty else { return }
    elements.append(
      .strokes(
        Strokes(
          segments: segments, thickness: thickness, colour: colour, opacity: opacity, clip: clip)))
  }

  /// Fills whole pixels, those of the rectangle that the picture has.
  package mutating func fill(_ rect: PixelRect, _ colour: Colour) {
    elements.append(.fill(rect, colour))
  }

  /// Puts a picture, grey or RGB, over what is there; what does not fit is cut off.
  package mutating func draw(_ image: Picture, left: Int, top: Int) {
    elements.append(.image(image, left: left, top: top))
  }

  /// Draws all of another drawing, its corner at a place.
  package mutating func draw(_ other: Canvas, left: Int, top: Int) {
    for element in other.elements { elements.append(element.moved(left, top)) }
  }

  /// Draws a line of text; the parameters are those of `Text`.
  package mutating func text(
    _ text: String, x: Double, y: Double, anchor: Anchor, size: Double, colour: Colour,
    isUpright: Bool = false, isBold: Bool = false
  ) {
    guard !text.isEmpty else { return }
    elements.append(
      .text(
        Text(
          text: text, x: x, y: y, anchor: anchor, size: size, colour: colour,
          isUpright: isUpright, isBold: isBold)))
  }

  // MARK: - Measures

  /// The width of a line of text, pixels.
  package static func textWidth(_ text: String, size: Double) -> Double {
    StrokeFont.layout(text).width * size
  }

  /// The size at which a text is no wider than its room: `size` where it fits so.
  static func size(_ size: Double, fitting text: String, in room: Double) -> Double {
    min(size, room / max(1, textWidth(text, size: 1)))
  }

  /// A length in dots of the typeface, in whole pixels.
  static func dots(_ count: Double, size: Double) -> Int { Int((count * size).rounded()) }
}

extension Canvas.Text {
  /// The letters of `StrokeFont`, in their places.
  var strokes: Canvas.Strokes {
    let (strokes, width) = StrokeFont.layout(text)
    let shift =
      switch anchor {
      case .left: 0.0
      case .centre: width * size / 2
      case .right: width * size
      }
    func place(_ dotX: Double, _ dotY: Double) -> (x: Double, y: Double) {
      let along = dotX * size - shift
      let across = (dotY - StrokeFont.capHeight / 2) * size
      return isUpright ? (x + across, y - along) : (x + along, y + across)
    }
    let placed = strokes.map { stroke in
      let (start, end) = (place(stroke.x0, stroke.y0), place(stroke.x1, stroke.y1))
      return Segment(x0: start.x, y0: start.y, x1: end.x, y1: end.y)
    }
    return Canvas.Strokes(
      segments: placed, thickness: size * (isBold ? 1.15 : 0.75), colour: colour)
  }
}

extension Canvas.Element {
  /// The same some pixels further to the right and down.
  fileprivate func moved(_ right: Int, _ down: Int) -> Canvas.Element {
    let (dx, dy) = (Double(right), Double(down))
    func moved(_ rect: PixelRect) -> PixelRect {
      PixelRect(
        left: rect.left + right, top: rect.top + down, right: rect.right + right,
        bottom: rect.bottom + down)
    }
    switch self {
    case .strokes(var strokes):
      strokes.segments = strokes.segments.map {
        Segment(x0: $0.x0 + dx, y0: $0.y0 + dy, x1: $0.x1 + dx, y1: $0.y1 + dy)
      }
      strokes.clip = strokes.clip.map(moved)
      return .strokes(strokes)
    case .fill(let rect, let colour): return .fill(moved(rect), colour)
    case .image(let image, let left, let top):
      return .image(image, left: left + right, top: top + down)
    case .text(var text):
      text.x += dx
      text.y += dy
      return .text(text)
    }
  }
}

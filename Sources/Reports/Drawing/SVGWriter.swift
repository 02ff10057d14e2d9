import Foundation
import Pictures

/// A drawing as SVG 1.1: letters are letters, pictures are in the file.
package struct SVGWriter {
  /// How colours are written.
  enum Palette {
    /// As they are, on white.
    case fixed
    /// By the variables of a page's style, which knows of light and dark: `var(--c0072b2)`.
    case ofPage
  }

  private let canvas: Canvas
  private let palette: Palette
  /// What makes names in the page unlike those of its other drawings.
  private let prefix: String
  private var clips: [PixelRect] = []
  private var body = ""
  /// What the group of strokes that is open says of all of them.
  private var group: String?

  /// Makes the file.
  ///
  /// - Parameters:
  ///   - canvas: The drawing.
  ///   - title: What the drawing is called, to readers that cannot see it.
  /// - Returns: Its text.
  /// - Throws: `Fault` where libpng refuses a picture.
  package static func file(_ canvas: Canvas, title: String = "") throws -> String {
    var writer = SVGWriter(canvas, .fixed, prefix: "")
    try writer.writeElements()
    let size = "width=\"\(canvas.width)\" height=\"\(canvas.height)\""
    return """
      <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" \
      \(size) viewBox="0 0 \(canvas.width) \(canvas.height)">
      \(title.isEmpty ? "" : "<title>\(Markup.escaped(title))</title>\n")\
      <rect width="100%" height="100%" fill="#ffffff"/>
      \(writer.definitions)\(writer.body)</svg>

      """
  }

  /// Makes the element of a page, which has a style for the colours; without a background.
  ///
  /// - Parameters:
  ///   - canvas: The drawing.
  ///   - title: What the drawing is called, to readers that cannot see it.
  ///   - name: Of the element, the only one in the page.
  /// - Returns: Its text.
  /// - Throws: `Fault` where libpng refuses a picture.
  package static func element(_ canvas: Canvas, title: String, name: String) throws -> String {
    var writer = SVGWriter(canvas, .ofPage, prefix: name)
    try writer.writeElements()
    return """
      <svg id="\(Markup.escaped(name))" role="img" aria-label="\(Markup.escaped(title))" \
      viewBox="0 0 \(canvas.width) \(canvas.height)">
      \(writer.definitions)\(writer.body)</svg>

      """
  }

  private init(_ canvas: Canvas, _ palette: Palette, prefix: String) {
    self.canvas = canvas
    self.palette = palette
    self.prefix = prefix
  }

  private var definitions: String {
    guard !clips.isEmpty else { return "" }
    let paths = clips.enumerated().map { index, clip in
      "<clipPath id=\"\(prefix)clip\(index)\">\(Self.rect(clip))/></clipPath>"
    }
    return "<defs>\(paths.joined())</defs>\n"
  }

  private mutating func writeElements() throws {
    for element in canvas.elements {
      if case .strokes(let strokes) = element {
        write(strokes)
        continue
      }
      endGroup()
      switch element {
      case .strokes: break
      case .fill(let rect, let colour) where rect.width > 0 && rect.height > 0:
        body += "\(Self.rect(rect)) fill=\"\(name(of: colour))\"/>\n"
      case .fill: break
      case .image(let image, let left, let top):
        let bytes = try PNG.encode(image)
        body +=
          "<image x=\"\(left)\" y=\"\(top)\" width=\"\(image.width)\" height=\"\(image.height)\" "
          + "style=\"image-rendering:pixelated\" xlink:href=\"data:image/png;base64,"
          + "\(Data(bytes).base64EncodedString())\"/>\n"
      case .text(let text): write(text)
      }
    }
    endGroup()
  }

  private mutating func endGroup() {
    if group != nil { body += "</g>\n" }
    group = nil
  }

  private mutating func write(_ strokes: Canvas.Strokes) {
    var path = ""
    for line in PathWriter.lines(strokes.segments) {
      for (index, point) in line.enumerated() {
        path +=
          "\(index == 0 ? "M" : "L")\(PathWriter.number(point.x)) "
          + PathWriter.number(point.y)
      }
    }
    guard !path.isEmpty else { return }
    var attributes =
      "fill=\"none\" stroke=\"\(name(of: strokes.colour))\" "
      + "stroke-width=\"\(PathWriter.number(strokes.thickness))\" "
      + "stroke-linecap=\"round\" stroke-linejoin=\"round\""
    if strokes.opacity < 1 {
      attributes += " stroke-opacity=\"\(PathWriter.number(strokes.opacity))\""
    }
    if let clip = strokes.clip {
      let known = clips.firstIndex(of: clip)
      if known == nil { clips.append(clip) }
      attributes += " clip-path=\"url(#\(prefix)clip\(known ?? clips.count - 1))\""
    }
    // Strokes that are alike, such as thousands of points, say it once.
    if group != attributes {
      endGroup()
      body += "<g \(attributes)>\n"
      group = attributes
    }
    body += "<path d=\"\(path)\"/>\n"
  }

  private mutating func write(_ text: Canvas.Text) {
    let line = Helvetica.line(text)
    let (x, y) = (PathWriter.number(line.x), PathWriter.number(line.y))
    var spans = ""
    var rise = 0.0
    for run in line.runs {
      let down = PathWriter.number(rise - run.rise)
      spans +=
        "<tspan font-size=\"\(PathWriter.number(run.size))\""
        + (down == "0" ? ">" : " dy=\"\(down)\">")
        + "\(Markup.escaped(run.text))</tspan>"
      rise = run.rise
    }
    body +=
      "<text x=\"\(x)\" y=\"\(y)\" font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\""
      + (text.isBold ? " font-weight=\"bold\"" : "")
      + (text.isUpright ? " transform=\"rotate(-90 \(x) \(y))\"" : "")
      + " fill=\"\(name(of: text.colour))\" xml:space=\"preserve\">\(spans)</text>\n"
  }

  /// The beginning of a rectangle's element.
  private static func rect(_ rect: PixelRect) -> String {
    "<rect x=\"\(rect.left)\" y=\"\(rect.top)\" width=\"\(rect.width)\" height=\"\(rect.height)\""
  }

  private func name(of colour: Colour) -> String {
    palette == .fixed ? "#\(colour.hex)" : "var(--c\(colour.hex))"
  }
}

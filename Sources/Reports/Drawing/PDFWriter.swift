import Pictures
import Storage

/// A drawing as a page of PDF 1.4: text in Helvetica, pictures packed by Flate.
///
/// A pixel is three quarters of a point, as at 96 pixels an inch. The same drawing gives the same
/// bytes.
package struct PDFWriter {
  private var content = ""
  /// Objects from number 1 on, each with its stream.
  private var objects: [(dictionary: String, stream: [UInt8]?)] = []
  private var images: [Int] = []
  private var opacities: [Double] = []

  /// Makes the file.
  ///
  /// - Parameter canvas: The drawing.
  /// - Returns: All of its bytes.
  /// - Throws: `Fault` where zlib has no memory.
  package static func file(_ canvas: Canvas) throws -> [UInt8] {
    var writer = PDFWriter()
    return try writer.write(canvas)
  }

  private mutating func write(_ canvas: Canvas) throws -> [UInt8] {
    let point = 0.75
    let (width, height) = (Double(canvas.width) * point, Double(canvas.height) * point)
    let number = PathWriter.number
    // From here on y goes down, and lengths are pixels.
    content = "\(number(point)) 0 0 \(number(-point)) 0 \(number(height)) cm\n1 J 1 j\n"
    for element in canvas.elements {
      switch element {
      case .strokes(let strokes): write(strokes)
      case .fill(let rect, let colour): write(rect, colour)
      case .image(let image, let left, let top): try write(image, left: left, top: top)
      case .text(let text): write(text)
      }
    }
    let stream = add("/Filter /FlateDecode", try Deflate.compressed(Array(content.utf8)))
    let fonts = ["Helvetica", "Helvetica-Bold"].map {
      add("/Type /Font /Subtype /Type1 /BaseFont /\($0) /Encoding /WinAnsiEncoding")
    }
    let states = opacities.enumerated().map { "/G\($0) << /CA \(number($1)) >>" }
    let pictures = images.enumerated().map { "/I\($0) \($1) 0 R" }
    let page = objects.count + 1
    _ = add(
      "/Type /Page /Parent \(page + 1) 0 R /MediaBox [0 0 \(number(width)) \(number(height))] "
        + "/Contents \(stream) 0 R /Resources << /Font << /F0 \(fonts[0]) 0 R /F1 \(fonts[1]) 0 R "
        + ">> /ExtGState << \(states.joined(separator: " ")) >> "
        + "/XObject << \(pictures.joined(separator: " ")) >> >>")
    let pages = add("/Type /Pages /Kids [\(page) 0 R] /Count 1")
    let root = add("/Type /Catalog /Pages \(pages) 0 R")
    return bytes(root: root)
  }

  /// Takes an object in; returns its number.
  private mutating func add(_ dictionary: String, _ stream: [UInt8]? = nil) -> Int {
    objects.append((dictionary, stream))
    return objects.count
  }

  /// The file: header, objects, where each begins, and where that table is.
  private func bytes(root: Int) -> [UInt8] {
    // The second line's bytes tell programs that copy files that this one is no text.
    var bytes = Array("%PDF-1.4\n%".utf8) + [0xE2, 0xE3, 0xCF, 0xD3, 0x0A]
    var places: [Int] = []
    for (index, object) in objects.enumerated() {
      places.append(bytes.count)
      let length = object.stream.map { " /Length \($0.count)" } ?? ""
      bytes += Array("\(index + 1) 0 obj\n<< \(object.dictionary)\(length) >>\n".utf8)
      if let stream = object.stream {
        bytes += Array("stream\n".utf8) + stream + Array("\nendstream\n".utf8)
      }
      bytes += Array("endobj\n".utf8)
    }
    let table = bytes.count
    var end = "xref\n0 \(objects.count + 1)\n0000000000 65535 f \n"
    for place in places {
      end += String(repeating: "0", count: 10 - "\(place)".count) + "\(place) 00000 n \n"
    }
    end +=
      "trailer\n<< /Size \(objects.count + 1) /Root \(root) 0 R >>\nstartxref\n\(table)\n%%EOF\n"
    return bytes + Array(end.utf8)
  }

  // MARK: - Elements

  private mutating func write(_ strokes: Canvas.Strokes) {
    let number = PathWriter.number
    let lines = PathWriter.lines(strokes.segments)
    guard !lines.isEmpty else { return }
    content += "q\n"
    if let clip = strokes.clip {
      content += "\(clip.left) \(clip.top) \(clip.width) \(clip.height) re W n\n"
    }
    if strokes.opacity < 1 {
      let known = opacities.firstIndex(of: strokes.opacity)
      if known == nil { opacities.append(strokes.opacity) }
      content += "/G\(known ?? opacities.count - 1) gs\n"
    }
    content += "\(Self.shares(strokes.colour)) RG \(number(strokes.thickness)) w\n"
    for line in lines {
      for (index, point) in line.enumerated() {
        content += "\(number(point.x)) \(number(point.y)) \(index == 0 ? "m" : "l")\n"
      }
    }
    content += "S\nQ\n"
  }

  private mutating func write(_ rect: PixelRect, _ colour: Colour) {
    guard rect.width > 0, rect.height > 0 else { return }
    content +=
      "\(Self.shares(colour)) rg \(rect.left) \(rect.top) \(rect.width) \(rect.height) re f\n"
  }

  private mutating func write(_ image: Picture, left: Int, top: Int) throws {
    images.append(
      add(
        "/Type /XObject /Subtype /Image /Width \(image.width) /Height \(image.height) /ColorSpace "
          + "/\(image.channels == 1 ? "DeviceGray" : "DeviceRGB") /BitsPerComponent 8 "
          + "/Filter /FlateDecode", try Deflate.compressed(image.pixels)))
    // A picture is a square of 1 whose upper edge is at 1.
    content +=
      "q \(image.width) 0 0 \(-image.height) \(left) \(top + image.height) cm "
      + "/I\(images.count - 1) Do Q\n"
  }

  private mutating func write(_ text: Canvas.Text) {
    let number = PathWriter.number
    let line = Helvetica.line(text)
    // Letters stand up where y goes down, or lie on their left side.
    let turn = text.isUpright ? "0 -1 -1 0" : "1 0 0 -1"
    content +=
      "BT \(Self.shares(text.colour)) rg \(turn) \(number(line.x)) \(number(line.y)) Tm\n"
    for run in line.runs {
      content +=
        "/F\(text.isBold ? 1 : 0) \(number(run.size)) Tf \(number(run.rise)) Ts "
        + "(\(Self.literal(run.text))) Tj\n"
    }
    content += "0 Ts ET\n"
  }

  /// A text as a string of PDF, in WinAnsiEncoding; what it lacks becomes `?`.
  private static func literal(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "") { literal, scalar in
      switch scalar.value {
      case 0x28, 0x29, 0x5C: literal += "\\\(scalar)"
      case 0x20..<0x7F: literal.unicodeScalars.append(scalar)
      case 0xA0...0xFF: literal += "\\" + String(scalar.value, radix: 8)
      default: literal += "?"
      }
    }
  }

  private static func shares(_ colour: Colour) -> String {
    [colour.red, colour.green, colour.blue].map { "\((Double($0) / 255 * 1000).rounded() / 1000)" }
      .joined(separator: " ")
  }
}

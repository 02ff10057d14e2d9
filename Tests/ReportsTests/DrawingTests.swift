import Foundation
import Pictures
import Reports
import Testing

/// A drawing's files: SVG and PDF, beside the pixels that the other tests look at.
@Suite struct DrawingTests {
  private static let blue = Colour(0x0072B2)

  /// One of everything.
  private static var canvas: Canvas {
    var canvas = Canvas(width: 200, height: 100)
    canvas.fill(PixelRect(left: 10, top: 20, right: 30, bottom: 21), Colour(0x222222))
    canvas.stroke(
      [
        Segment(x0: 0, y0: 0, x1: 10.125, y1: 5), Segment(x0: 10.125, y0: 5, x1: 20, y1: 5),
        Segment(x0: 40, y0: 40, x1: 40, y1: 40), Segment(x0: .nan, y0: 0, x1: 1, y1: 1),
      ], thickness: 1.5, colour: blue, opacity: 0.25,
      clip: PixelRect(left: 1, top: 2, right: 101, bottom: 52))
    canvas.draw(
      Picture(width: 2, height: 1, channels: 1, pixels: [7, 250]), left: 50, top: 60)
    canvas.text(
      "a<b & \"10^-3\" (é)", x: 100, y: 50, anchor: .left, size: 2, colour: Colour(0x222222))
    canvas.text(
      "loss", x: 9, y: 50, anchor: .centre, size: 2, colour: Colour(0x222222), isUpright: true,
      isBold: true)
    return canvas
  }

  @Test func scalableFilesHaveLinesLettersAndPictures() throws {
    let text = try SVGWriter.file(Self.canvas, title: "x < y")
    #expect(text.contains("viewBox=\"0 0 200 100\"") && text.contains("<title>x &lt; y</title>"))
    // Strokes that meet are one line; what is no number is left out.
    #expect(text.contains("d=\"M0 0L10.13 5L20 5M40 40L40 40\""))
    #expect(text.contains("stroke=\"#0072b2\" stroke-width=\"1.5\""))
    #expect(text.contains("stroke-opacity=\"0.25\"") && text.contains("clip-path=\"url(#clip0)\""))
    #expect(text.contains("<rect x=\"1\" y=\"2\" width=\"100\" height=\"50\"/></clipPath>"))
    #expect(text.contains(">a&lt;b &amp; &quot;10</tspan>") && text.contains(">-3</tspan>"))
    #expect(text.contains("rotate(-90 ") && text.contains("font-weight=\"bold\""))
    #expect(text.contains("<rect x=\"10\" y=\"20\" width=\"20\" height=\"1\" fill=\"#222222\"/>"))
    let start = try #require(text.range(of: "data:image/png;base64,")).upperBound
    let bytes = try #require(
      Data(base64Encoded: String(text[start...].prefix { $0 != "\"" })))
    #expect(bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]))
  }

  /// An element of a page has the page's colours, names of its own, and no address.
  @Test func elementsOfPagesTakeTheirColours() throws {
    let text = try SVGWriter.element(Self.canvas, title: "curves", name: "p3")
    #expect(text.contains("stroke=\"var(--c0072b2)\"") && !text.contains("#0072b2"))
    #expect(text.contains("id=\"p3clip0\"") && text.contains("url(#p3clip0)"))
    #expect(!text.contains("http"))
  }

  /// Each object begins where the table says, and streams are as long as they say.
  @Test func pagesHaveATableOfTheirObjects() throws {
    let bytes = try PDFWriter.file(Self.canvas)
    let again = try PDFWriter.file(Self.canvas)
    #expect(bytes == again)
    let text = String(decoding: bytes, as: Unicode.ASCII.self)
    #expect(text.hasPrefix("%PDF-1.4\n") && text.hasSuffix("%%EOF\n"))
    func part(at place: Int, _ count: Int) -> String {
      String(decoding: bytes[place..<min(bytes.count, place + count)], as: Unicode.ASCII.self)
    }
    let last = try #require(text.components(separatedBy: "startxref\n").last)
    let table = try #require(Int(last.prefix { $0.isNumber }))
    let rows = part(at: table, bytes.count).components(separatedBy: "\n")
    #expect(rows[0] == "xref")
    let count = try #require(Int(rows[1].dropFirst(2)))
    // What the file is made of: stream, picture, two fonts, page, pages, and where all begins.
    #expect(count == 8 && last.hasPrefix("\(table)\n") && text.contains("/Root 7 0 R >>"))
    #expect(text.contains("\n7 0 obj\n<< /Type /Catalog /Pages 6 0 R >>"))
    for number in 1..<count {
      let row = rows[2 + number]
      #expect(row.utf8.count == 19 && row.hasSuffix(" 00000 n "))
      let place = try #require(Int(row.prefix(10)))
      #expect(part(at: place, 12).hasPrefix("\(number) 0 obj\n<< "))
      let head = part(at: place, 400).components(separatedBy: "endobj")[0]
      guard let length = head.components(separatedBy: "/Length ").dropFirst().first,
        let size = Int(length.prefix { $0.isNumber })
      else { continue }
      let begin = try #require(head.range(of: "stream\n"))
      let start = place + head.distance(from: head.startIndex, to: begin.upperBound)
      #expect(part(at: start + size, 10) == "\nendstream")
    }
    for word in [
      "/MediaBox [0 0 150 75]", "/BaseFont /Helvetica ", "/BaseFont /Helvetica-Bold ",
      "/Width 2 /Height 1 /ColorSpace /DeviceGray", "/G0 << /CA 0.25 >>",
    ] { #expect(text.contains(word), "\(word)") }
  }

  /// A line of Helvetica is wider than the strokes that layouts measure by a letter at most,
  /// whatever it says; and where it fits all have one size.
  @Test func lettersKeepTheRoomThatWasMeasured() throws {
    for text in ["WWWWWW@@@", "iiiii", "10^-12", "generator gradient norm (score)"] {
      for isBold in [false, true] {
        var canvas = Canvas(width: 800, height: 40)
        canvas.text(
          text, x: 700, y: 20, anchor: .right, size: 2, colour: Self.blue, isBold: isBold)
        let svg = try SVGWriter.file(canvas)
        let tag = try #require(svg.components(separatedBy: "<text x=\"").last)
        let x = try #require(Double(tag.prefix { $0 != "\"" }))
        #expect(x >= 700 - Canvas.textWidth(text, size: 2) - 17 && x < 699, "\(text)")
        #expect(svg.contains("font-size=\"16.71\"") != text.hasPrefix("W"), "\(text)")
      }
    }
  }

  @Test func theEndingOfANameIsTheFormat() throws {
    for (path, format) in [
      ("a.png", Canvas.Format.png), ("b/c.d.SVG", .svg), ("/x/y.Pdf", .pdf),
    ] { #expect(try Canvas.Format(ofPath: path) == format) }
    for path in ["a.jpg", "png", "a.", "folder.svg/x", ""] {
      #expect(throws: (any Error).self) { try Canvas.Format(ofPath: path) }
    }
  }

  /// A picture alone stays what it is; drawn into another drawing it is in its place.
  @Test func picturesStayAsTheyAre() {
    let grey = Picture(width: 2, height: 1, channels: 1, pixels: [7, 250])
    #expect(Canvas(grey).picture == grey)
    var sheet = Canvas(width: 4, height: 3)
    sheet.draw(Canvas(grey), left: 1, top: 2)
    let white = [UInt8](repeating: 255, count: 9 * 3)
    #expect(sheet.picture.pixels == white + [7, 7, 7, 250, 250, 250, 255, 255, 255])
  }
}

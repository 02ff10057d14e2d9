import Foundation

/// The pictures of a run in a page: samples over time, and reals beside them.
enum ReportSamples {
  static func html(_ run: RunPage, number: Int, level: Int) -> String {
    guard let last = run.images.indices.last else {
      return ReportTables.section(
        "Samples", level, "<p>There is no picture of samples yet.</p>\n")
    }
    let images = run.images.enumerated().map { index, image in
      "<div class=\"frame\"\(index == last ? "" : " hidden")>\(tag(image))"
        + "<p>\(Markup.escaped(image.caption))</p></div>\n"
    }
    let shown = run.images.count
    let choice =
      shown < run.imageCount
      ? "<p class=\"quiet\">\(shown) of the run's \(run.imageCount) pictures are in this page; "
        + "samples/ has all.</p>\n" : ""
    let reals = run.reals.map {
      "<figure class=\"reals\">\(tag($0))<figcaption>\(Markup.escaped($0.caption))"
        + "</figcaption></figure>\n"
    }
    let slider =
      shown > 1
      ? "<label class=\"slider\" hidden>Time <input type=\"range\" min=\"0\" max=\"\(last)\" "
        + "value=\"\(last)\" step=\"1\" aria-label=\"Which picture of samples\"></label>\n" : ""
    return ReportTables.section(
      "Samples", level,
      """
      <div class="samples">
      <figure class="frames" id="frames\(number)">
      \(images.joined())\(slider)</figure>
      \(reals ?? "")</div>
      \(choice)
      """)
  }

  private static func tag(_ image: RunPage.Image) -> String {
    "<img alt=\"\(Markup.escaped(image.caption))\" width=\"\(image.width)\" "
      + "height=\"\(image.height)\" src=\"data:image/png;base64,"
      + "\(Data(image.bytes).base64EncodedString())\">"
  }
}

/// The typeface of drawings whose letters are letters: Helvetica, which every reader of PDF has.
enum Helvetica {
  /// The height of capitals as a share of the font's size (Adobe's font metrics, CapHeight).
  private static let capHeight = 0.718

  /// Widths of the printable ASCII characters from the space on, in thousandths of the font's size
  /// (Adobe's font metrics of Helvetica).
  private static let widths: [Double] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
  ]
  /// Of letters beyond ASCII, and how much wider bold ones may be.
  private static let (otherWidth, boldShare) = (556.0, 1.12)

  /// A part of a line: all on the base line, or all raised.
  struct Run {
    var text: String
    /// Font size, pixels.
    var size: Double
    /// Above the base line, pixels.
    var rise: Double
  }

  /// A line of text in this typeface.
  struct Line {
    var runs: [Run]
    /// Pixels.
    var width: Double
    /// Where the base line of the first letter begins.
    var x: Double
    var y: Double
  }

  /// Sets a text where `StrokeFont` has it, with capitals of the same height.
  ///
  /// Layouts measure by `StrokeFont`, most of whose letters are wider: where a text would be wider
  /// than that by more than a letter it is set smaller.
  static func line(_ text: Canvas.Text) -> Line {
    let parts = StrokeFont.runs(of: text.text)
    let unit = StrokeFont.capHeight * text.size / capHeight
    func width(_ size: Double) -> Double {
      parts.reduce(0) { sum, part in
        sum + thousandths(part.text) / 1000 * size * (part.isRaised ? StrokeFont.exponentSize : 1)
      }
    }
    let room = Canvas.textWidth(text.text, size: text.size)
    let size = unit * min(1, (room + unit) / (width(unit) * (text.isBold ? boldShare : 1)))
    let runs = parts.map { part in
      Run(
        text: part.text, size: size * (part.isRaised ? StrokeFont.exponentSize : 1),
        rise: part.isRaised ? StrokeFont.exponentRise * text.size : 0)
    }
    let total = width(size)
    let shift =
      switch text.anchor {
      case .left: 0.0
      case .centre: total / 2
      case .right: total
      }
    let down = capHeight * size / 2
    return text.isUpright
      ? Line(runs: runs, width: total, x: text.x + down, y: text.y + shift)
      : Line(runs: runs, width: total, x: text.x - shift, y: text.y + down)
  }

  private static func thousandths(_ text: String) -> Double {
    text.unicodeScalars.reduce(0) { sum, scalar in
      let index = Int(scalar.value) - 32
      return sum + (widths.indices.contains(index) ? widths[index] : otherWidth)
    }
  }
}

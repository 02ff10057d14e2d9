/// One way to write a digit: strokes through points of a unit box, x to the right, y down.
struct GlyphTemplate: Sendable {
  struct Point: Sendable, Equatable {
    var x: Double
    var y: Double
  }

  /// A curve through `points`.
  ///
  /// A sharp turn is where one stroke ends and another begins at the same point.
  struct Stroke: Sendable {
    var points: [Point]
    /// Whether the curve returns from the last point to the first.
    var isClosed: Bool

    init(_ points: [(Double, Double)], isClosed: Bool = false) {
      self.points = points.map { Point(x: $0.0, y: $0.1) }
      self.isClosed = isClosed
    }
  }

  /// The box's width over its height, before the random variation.
  var aspect: Double
  var strokes: [Stroke]

  init(aspect: Double, _ strokes: [Stroke]) {
    self.aspect = aspect
    self.strokes = strokes
  }

  /// digits[d]: the ways in which digit d is written, each as likely as the others.
  static let digits: [[GlyphTemplate]] = [
    zeros, ones, twos, threes, fours, fives, sixes, sevens, eights, nines,
  ]

  private static let zeros = [
    GlyphTemplate(
      aspect: 0.72,
      [
        Stroke(
          [
            (0.50, 0.00), (0.86, 0.14), (1.00, 0.50), (0.86, 0.86), (0.50, 1.00), (0.14, 0.86),
            (0.00, 0.50), (0.14, 0.14),
          ], isClosed: true)
      ])
  ]

  private static let ones = [
    GlyphTemplate(aspect: 0.4, [Stroke([(0.5, 0.0), (0.5, 1.0)])]),
    GlyphTemplate(
      aspect: 0.6,
      [
        Stroke([(0.12, 0.26), (0.38, 0.14), (0.55, 0.0)]), Stroke([(0.55, 0.0), (0.55, 1.0)]),
      ]),
    GlyphTemplate(
      aspect: 0.6,
      [
        Stroke([(0.15, 0.24), (0.36, 0.14), (0.52, 0.0)]), Stroke([(0.52, 0.0), (0.52, 1.0)]),
        Stroke([(0.12, 1.0), (0.92, 1.0)]),
      ]),
  ]

  private static let twos = [
    GlyphTemplate(
      aspect: 0.72,
      [
        Stroke([
          (0.04, 0.24), (0.20, 0.06), (0.50, 0.00), (0.82, 0.08), (0.92, 0.29), (0.78, 0.52),
          (0.42, 0.77), (0.02, 1.00),
        ]),
        Stroke([(0.02, 1.00), (1.00, 0.98)]),
      ]),
    GlyphTemplate(
      aspect: 0.75,
      [
        Stroke([
          (0.10, 0.18), (0.30, 0.02), (0.62, 0.02), (0.82, 0.20), (0.74, 0.46), (0.48, 0.74),
          (0.26, 0.95), (0.05, 0.98), (0.02, 0.80), (0.24, 0.74), (0.58, 0.95), (1.00, 0.93),
        ])
      ]),
  ]

  private static let threes = [
    GlyphTemplate(
      aspect: 0.68,
      [
        Stroke([
          (0.06, 0.13), (0.32, 0.00), (0.70, 0.03), (0.87, 0.22), (0.70, 0.41), (0.34, 0.47),
        ]),
        Stroke([
          (0.34, 0.47), (0.74, 0.52), (0.99, 0.72), (0.82, 0.94), (0.42, 1.00), (0.00, 0.87),
        ]),
      ])
  ]

  private static let fours = [
    GlyphTemplate(
      aspect: 0.75,
      [
        Stroke([(0.14, 0.02), (0.08, 0.30), (0.02, 0.56)]), Stroke([(0.02, 0.56), (1.00, 0.54)]),
        Stroke([(0.82, 0.00), (0.78, 0.50), (0.74, 1.00)]),
      ]),
    GlyphTemplate(
      aspect: 0.75,
      [
        Stroke([(0.16, 0.05), (0.03, 0.36), (0.14, 0.54), (0.45, 0.54), (0.80, 0.40)]),
        Stroke([(0.88, 0.00), (0.80, 0.50), (0.76, 1.00)]),
      ]),
    GlyphTemplate(
      aspect: 0.75,
      [
        Stroke([(0.72, 0.00), (0.36, 0.34), (0.00, 0.68)]), Stroke([(0.00, 0.68), (1.00, 0.67)]),
        Stroke([(0.72, 0.00), (0.72, 1.00)]),
      ]),
  ]

  private static let fives = [
    GlyphTemplate(
      aspect: 0.7,
      [
        Stroke([(0.94, 0.00), (0.20, 0.01)]), Stroke([(0.20, 0.01), (0.11, 0.44)]),
        Stroke([
          (0.11, 0.44), (0.48, 0.36), (0.86, 0.45), (1.00, 0.67), (0.86, 0.91), (0.45, 1.00),
          (0.00, 0.90),
        ]),
      ])
  ]

  private static let sixes = [
    GlyphTemplate(
      aspect: 0.68,
      [
        Stroke([
          (0.80, 0.00), (0.42, 0.16), (0.13, 0.44), (0.02, 0.72), (0.17, 0.94), (0.52, 1.00),
          (0.86, 0.91), (0.98, 0.71), (0.82, 0.51), (0.52, 0.47), (0.20, 0.58), (0.03, 0.76),
        ])
      ])
  ]

  private static let sevens = [
    GlyphTemplate(
      aspect: 0.7,
      [
        Stroke([(0.00, 0.03), (0.96, 0.00)]),
        Stroke([(0.96, 0.00), (0.66, 0.42), (0.48, 0.72), (0.38, 1.00)]),
      ]),
    GlyphTemplate(
      aspect: 0.7,
      [
        Stroke([(0.00, 0.03), (0.96, 0.00)]),
        Stroke([(0.96, 0.00), (0.68, 0.40), (0.50, 0.70), (0.40, 1.00)]),
        Stroke([(0.26, 0.50), (0.92, 0.48)]),
      ]),
  ]

  private static let eights = [
    GlyphTemplate(
      aspect: 0.66,
      [
        Stroke(
          [
            (0.50, 0.47), (0.82, 0.31), (0.82, 0.10), (0.50, 0.00), (0.18, 0.10), (0.18, 0.31),
            (0.50, 0.47), (0.93, 0.66), (0.90, 0.91), (0.50, 1.00), (0.10, 0.91), (0.07, 0.66),
          ], isClosed: true)
      ])
  ]

  private static let nines = [
    GlyphTemplate(
      aspect: 0.66,
      [
        Stroke([
          (0.94, 0.22), (0.78, 0.05), (0.46, 0.00), (0.14, 0.09), (0.03, 0.29), (0.16, 0.49),
          (0.48, 0.54), (0.80, 0.43), (0.94, 0.22),
        ]),
        Stroke([(0.94, 0.22), (0.92, 0.55), (0.84, 1.00)]),
      ]),
    GlyphTemplate(
      aspect: 0.66,
      [
        Stroke([
          (0.94, 0.24), (0.78, 0.05), (0.46, 0.00), (0.14, 0.09), (0.03, 0.29), (0.16, 0.48),
          (0.48, 0.53), (0.80, 0.43), (0.94, 0.24),
        ]),
        Stroke([(0.94, 0.24), (0.97, 0.56), (0.84, 0.86), (0.50, 1.00), (0.12, 0.93)]),
      ]),
  ]
}

import Base
import Kernels

/// Random changes of the pictures that a critic sees, of reals and fakes alike, through which the
/// generator's gradient goes back: DiffAugment (Zhao, Liu, Lin, Zhu and Han 2020,
/// arXiv:2006.10738).
///
/// | policy | a picture x becomes, u uniform in [0, 1) |
/// |---|---|
/// | `color` | x + u - 0.5, then p + 2 u (x - p), then m + (u + 0.5)(x - m) |
/// | `translation` | moved by up to an eighth of the rows and columns, zeros behind it |
/// | `cutout` | zeros in a rectangle of half the rows and columns, anywhere |
///
/// p is the mean of a pixel's channels, m that of all values.
/// Sizes are rounded, halves up, as in the authors' `DiffAugment_pytorch.py`; their values lie in
/// [-1, 1]. All changes are affine: the gradient goes back through their transposes.
package struct DifferentiableAugmentation: Sendable, Equatable {
  package enum Policy: String, Sendable, CaseIterable {
    case color
    case translation
    case cutout
  }

  /// What is drawn for one picture.
  package struct Draw: Sendable, Equatable {
    /// What is added, and the factors about the pixels' means and about the mean.
    package var (brightness, saturation, contrast): (Float, Float, Float)
    /// y[r, c] = x[r + rows, c + columns].
    package var (rows, columns): (Int, Int)
    /// Where zeros come.
    package var (cutRows, cutColumns): (Range<Int>, Range<Int>)

    package init(
      brightness: Float, saturation: Float, contrast: Float, rows: Int, columns: Int,
      cutRows: Range<Int>, cutColumns: Range<Int>
    ) {
      (self.brightness, self.saturation, self.contrast) = (brightness, saturation, contrast)
      (self.rows, self.columns) = (rows, columns)
      (self.cutRows, self.cutColumns) = (cutRows, cutColumns)
    }
  }

  /// In the order in which they are applied.
  package let policies: [Policy]
  /// Of a picture.
  package let shape: Shape

  package init(_ policies: [Policy], of shape: Shape) {
    self.policies = policies
    self.shape = shape
  }

  /// What is drawn for sample `sample` of a stream.
  package func draw(_ stream: RandomStream, sample: Int) -> Draw {
    let block = stream.bits(sample: sample, block: 0)
    let uniform = { (lane: Int) in Float(block[lane] >> 8) * 0x1p-24 }
    let number = { (bound: Int, element: Int) in
      stream.integer(below: bound, sample: sample, element: element)
    }
    // Elements 0 and 1 are those of the block above.
    let shift = { (size: Int, element: Int) in
      let most = Self.part(0.125, of: size)
      return number(2 * most + 1, element) - most
    }
    let cut = { (size: Int, element: Int) in
      let part = Self.part(0.5, of: size)
      return Self.cut(part, at: number(size + 1 - part % 2, element), of: size)
    }
    return Draw(
      brightness: uniform(0) - 0.5, saturation: 2 * uniform(1), contrast: uniform(2) + 0.5,
      rows: shift(shape.height, 2), columns: shift(shape.width, 3),
      cutRows: cut(shape.height, 4), cutColumns: cut(shape.width, 5))
  }

  /// A share of so many pixels, rounded, halves up.
  private static func part(_ share: Double, of size: Int) -> Int {
    Int(Double(size) * share + 0.5)
  }

  /// The pixels of a cut of `part` pixels about `middle` that lie in the picture; an end outside
  /// takes the last one inside.
  private static func cut(_ part: Int, at middle: Int, of size: Int) -> Range<Int> {
    guard part > 0 else { return 0..<0 }
    let inside = { (place: Int) in max(0, min(size - 1, place)) }
    let first = middle - part / 2
    return inside(first)..<inside(first + part - 1) + 1
  }

  /// Changes a picture in place; allocates nothing.
  package func apply(_ draw: Draw, to picture: MutableFloatBuffer) {
    for policy in policies {
      switch policy {
      case .color:
        PictureOperations.add(draw.brightness, to: picture)
        PictureOperations.scaleAboutPixelMeans(picture, shape, by: draw.saturation)
        PictureOperations.scaleAboutMean(picture, by: draw.contrast)
      case .translation:
        PictureOperations.shift(picture, shape, rows: draw.rows, columns: draw.columns)
      case .cutout:
        PictureOperations.clear(picture, shape, rows: draw.cutRows, columns: draw.cutColumns)
      }
    }
  }

  /// Makes the gradient with respect to a picture of that with respect to what `apply` gave, in
  /// place.
  package func applyTransposed(_ draw: Draw, to gradient: MutableFloatBuffer) {
    for policy in policies.reversed() {
      switch policy {
      case .color:
        PictureOperations.scaleAboutMean(gradient, by: draw.contrast)
        PictureOperations.scaleAboutPixelMeans(gradient, shape, by: draw.saturation)
      case .translation:
        PictureOperations.shift(gradient, shape, rows: -draw.rows, columns: -draw.columns)
      case .cutout:
        PictureOperations.clear(gradient, shape, rows: draw.cutRows, columns: draw.cutColumns)
      }
    }
  }
}

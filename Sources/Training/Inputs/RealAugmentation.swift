import Base
import Datasets
import Kernels

/// Random crops and mirror images of the reals of training: torchvision's `RandomCrop(size,
/// padding=n)`, then `RandomHorizontalFlip`.
///
/// A crop takes a window of the picture's size, uniformly placed, from the picture with n black
/// pixels around it. What is drawn is a function of (seed, batch of reals, place in the batch), as
/// step noise of `Dequantization` is, so that critic steps which share a batch share it too.
package struct RealAugmentation: Sendable, Equatable {
  /// Whether half of the pictures are mirrored.
  package var flips: Bool
  /// Pixels around a picture that is cropped; 0 for none.
  package var crop: Int
  /// What black is.
  package var black: Float

  package init(flips: Bool, crop: Int, black: Float) {
    precondition(crop >= 0, "\(crop) pixels around a picture")
    self.flips = flips
    self.crop = crop
    self.black = black
  }

  /// Changes a picture in place; allocates nothing.
  ///
  /// - Parameters:
  ///   - picture: Channels last.
  ///   - shape: Its shape.
  ///   - draw: The use of the sample.
  package func apply(to picture: MutableFloatBuffer, _ shape: Shape, _ draw: SampleDraw) {
    let stream = RandomStream(seed: draw.seed, purpose: .realAugmentation, step: draw.batch)
    let number = { (bound: Int, element: Int) in
      stream.integer(below: bound, sample: draw.position, element: element)
    }
    if crop > 0 {
      PictureOperations.shift(
        picture, shape, rows: number(2 * crop + 1, 0) - crop,
        columns: number(2 * crop + 1, 1) - crop, fill: black)
    }
    if flips, number(2, 2) == 1 { PictureOperations.mirror(picture, shape) }
  }
}

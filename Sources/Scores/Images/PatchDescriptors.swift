import Base
import Foundation

/// Patches of 7 x 7 pixels of one level of images' pyramids, as vectors.
package enum PatchDescriptors {
  static let side = 7
  /// Patches of an image.
  static let ofImage = 128

  /// The top left corners of an image's patches: 128 (row, column), uniform, anew for each image
  /// and level.
  package static func places(
    image: Int, level: Int, _ shape: Shape, seed: UInt64
  ) -> [(row: Int, column: Int)] {
    let stream = RandomStream(
      seed: seed, purpose: .scoring, step: ScoringStep.patches + level * ScoringStep.stride)
    return (0..<ofImage).map {
      (
        stream.integer(below: shape.height - side + 1, sample: image, element: 2 * $0),
        stream.integer(below: shape.width - side + 1, sample: image, element: 2 * $0 + 1)
      )
    }
  }

  /// The patches of an image: channels x 7 x 7 values each.
  ///
  /// - Parameters:
  ///   - image: Channels last.
  ///   - shape: Its shape.
  ///   - places: Corners.
  ///   - output: Overwritten.
  static func copy(
    _ image: [Float], _ shape: Shape, _ places: [(row: Int, column: Int)],
    to output: UnsafeMutablePointer<Float>
  ) {
    var index = 0
    for place in places {
      for channel in 0..<shape.channels {
        for row in place.row..<place.row + side {
          for column in place.column..<place.column + side {
            output[index] = image[(row * shape.width + column) * shape.channels + channel]
            index += 1
          }
        }
      }
    }
  }

  /// Gives each channel, over all patches, mean 0 and standard deviation 1; one without deviation
  /// only mean 0.
  static func normalize(_ patches: inout [Float], channels: Int) {
    let area = side * side
    let size = area * channels
    let count = patches.count / size
    patches.withUnsafeMutableBufferPointer { patches in
      for channel in 0..<channels {
        var (sum, squares) = (0.0, 0.0)
        func forEach(_ body: (Int) -> Void) {
          for patch in 0..<count {
            let first = patch * size + channel * area
            for index in first..<first + area { body(index) }
          }
        }
        forEach { sum += Double(patches[$0]) }
        let mean = sum / Double(count * area)
        forEach { squares += (Double(patches[$0]) - mean) * (Double(patches[$0]) - mean) }
        let deviation = (squares / Double(count * area)).squareRoot()
        let scale = deviation > 0 ? 1 / deviation : 1
        forEach { patches[$0] = Float((Double(patches[$0]) - mean) * scale) }
      }
    }
  }
}

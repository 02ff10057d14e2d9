import Base

/// Changes of one picture in place, channels last: what augmentations are made of.
package enum PictureOperations {
  /// y[r, c] = x[r + rows, c + columns], and `fill` where that lies outside.
  ///
  /// With `fill` 0 the adjoint is the shift by -rows and -columns.
  package static func shift(
    _ picture: MutableFloatBuffer, _ shape: Shape, rows: Int, columns: Int, fill: Float = 0
  ) {
    let (height, width, channels) = check(picture, shape)
    guard rows != 0 || columns != 0, let values = picture.baseAddress else { return }
    let line = width * channels
    let kept = min(width, max(0, -columns))..<max(min(width, width - columns), 0)
    // In this order no row is overwritten before it is read.
    for index in 0..<height {
      let row = rows > 0 ? index : height - 1 - index
      let target = UnsafeMutableBufferPointer(start: values + row * line, count: line)
      guard (0..<height).contains(row + rows), kept.lowerBound < kept.upperBound else {
        target.update(repeating: fill)
        continue
      }
      let first = (kept.lowerBound + columns) * channels
      (values + row * line + kept.lowerBound * channels).update(
        from: values + (row + rows) * line + first, count: kept.count * channels)
      UnsafeMutableBufferPointer(rebasing: target[..<(kept.lowerBound * channels)])
        .update(repeating: fill)
      UnsafeMutableBufferPointer(rebasing: target[(kept.upperBound * channels)...])
        .update(repeating: fill)
    }
  }

  /// y[r, c] = x[r, width - 1 - c], which is its own adjoint.
  package static func mirror(_ picture: MutableFloatBuffer, _ shape: Shape) {
    let (height, width, channels) = check(picture, shape)
    for row in 0..<height {
      for column in 0..<width / 2 {
        let left = (row * width + column) * channels
        let right = (row * width + width - 1 - column) * channels
        for channel in 0..<channels { picture.swapAt(left + channel, right + channel) }
      }
    }
  }

  /// Zeros in a rectangle, which is its own adjoint.
  package static func clear(
    _ picture: MutableFloatBuffer, _ shape: Shape, rows: Range<Int>, columns: Range<Int>
  ) {
    let (_, width, channels) = check(picture, shape)
    for row in rows {
      let first = (row * width + columns.lowerBound) * channels
      MutableFloatBuffer(rebasing: picture[first..<first + columns.count * channels])
        .update(repeating: 0)
    }
  }

  package static func add(_ number: Float, to picture: MutableFloatBuffer) {
    for index in picture.indices { picture[index] += number }
  }

  /// y = m + factor (x - m), m the mean of the pixel's channels; its own adjoint.
  package static func scaleAboutPixelMeans(
    _ picture: MutableFloatBuffer, _ shape: Shape, by factor: Float
  ) {
    let (height, width, channels) = check(picture, shape)
    for pixel in 0..<height * width {
      let values = MutableFloatBuffer(
        rebasing: picture[pixel * channels..<(pixel + 1) * channels])
      scaleAboutMean(values, by: factor)
    }
  }

  /// y = m + factor (x - m), m the mean of all values; its own adjoint.
  ///
  /// The mean is summed in Double.
  package static func scaleAboutMean(_ values: MutableFloatBuffer, by factor: Float) {
    var sum = 0.0
    for value in values { sum += Double(value) }
    let mean = Float(sum / Double(max(1, values.count)))
    for index in values.indices { values[index] = mean + factor * (values[index] - mean) }
  }

  private static func check(
    _ picture: MutableFloatBuffer, _ shape: Shape
  ) -> (height: Int, width: Int, channels: Int) {
    precondition(
      shape.depth == 1 && picture.count == shape.elementCount,
      "\(picture.count) values of a picture of \(shape)")
    return (shape.height, shape.width, shape.channels)
  }
}

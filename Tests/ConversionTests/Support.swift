import Base
import Collectives
import Conversion
import Foundation
import Networks
import Recipe
import RunSupport
import Sampling
import Storage
import TestSupport
import Testing

/// The path of a file of this target's Fixtures.
func fixture(_ name: String) throws -> String {
  try #require(
    Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Fixtures"), "\(name)"
  ).path
}

/// Expects values to be close to others: |a - b| <= tolerance (1 + |b|).
func expectClose(
  _ found: [Float], _ expected: [Float], tolerance: Float = 1e-5, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found.count == expected.count, "\(what)", sourceLocation: sourceLocation)
  let worst = zip(found, expected).map { abs($0 - $1) / (1 + abs($1)) }.max() ?? 0
  #expect(worst <= tolerance, "\(what): \(worst)", sourceLocation: sourceLocation)
}

/// The values of samples with channels last, channels first.
func channelsFirst(_ values: [Float], _ shape: Shape) -> [Float] {
  let size = shape.elementCount
  return (0..<values.count).map { index in
    let (sample, place) = (index / size, index % size)
    let (channel, pixel) = (place / shape.pixels, place % shape.pixels)
    return values[sample * size + pixel * shape.channels + channel]
  }
}

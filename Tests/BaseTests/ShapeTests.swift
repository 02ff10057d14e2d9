import Base
import Testing

@Suite struct ShapeTests {
  @Test func sizesAreThoseOfPyTorch() {
    let cases: [([Int], String, Int)] = [
      ([7], "7x1x1", 1), ([2, 9], "2x9", 9), ([3, 4, 5], "3x4x5", 20),
      ([3, 2, 4, 5], "3x2x4x5", 40),
    ]
    for (sizes, text, pixels) in cases {
      let shape = Shape(sizes)
      #expect(shape.description == text)
      #expect(shape.pixels == pixels && shape.elementCount == sizes.reduce(1, *))
      if sizes.count > 1 { #expect(shape.sizes == sizes && shape.dimensions == sizes.count - 1) }
    }
  }

  /// What decides is where the values lie.
  @Test func aLineIsAPictureOfOneRow() {
    #expect(Shape([3, 5]) == Shape([3, 1, 5]))
    #expect(Shape([3, 1, 4, 5]) == Shape([3, 4, 5]))
    #expect(Shape([3, 1, 1, 1]) == Shape([3]))
    #expect(Shape([3, 5]) != Shape([3, 5, 1]))
    #expect(Shape([3, 2, 4, 5]) != Shape([3, 4, 5]))
  }

  @Test func aVolumeIsShownPlaneByPlane() {
    #expect(Shape([1, 4, 3, 2]).picture == Shape([1, 12, 2]))
    #expect(Shape([3, 4, 2]).picture == Shape([3, 4, 2]))
  }

  @Test func numbersForDirections() {
    #expect(Extents([7], other: 1) == Extents(depth: 1, height: 1, width: 7))
    #expect(Extents([5, 7], other: 0) == Extents(depth: 0, height: 5, width: 7))
    #expect(Extents([3, 5, 7], other: 0).numbers(2) == [5, 7])
    #expect(Shape([2, 3, 5, 7]).with(channels: 4).sizes == [4, 3, 5, 7])
  }
}

import Base
import Datasets
import RunSupport
import Sampling
import Storage
import TestSupport
import Testing

/// Samples that are volumes or lines.
@Suite struct DimensionTests {
  private func generator(_ layers: String, input: String, critic: String) throws -> SampleGenerator
  {
    try SampleGeneratorTests.generator([
      "generator.layers=[\(layers)]", "generator.input=\(input)", "critic.layers=[\(critic)]",
    ]).0
  }

  private func volumes(channels: Int) throws -> SampleGenerator {
    try generator(
      "{convTranspose3d: {channels: \(channels), kernel: [3, 4, 5]}}, tanh", input: "[5, 1, 1, 1]",
      critic: "{conv3d: {channels: 1, kernel: [3, 4, 5]}}")
  }

  /// Planes one under the other, samples beside each other.
  @Test func volumesAreShownPlaneByPlane() throws {
    let generator = try volumes(channels: 1)
    #expect(generator.shape.description == "1x3x4x5")
    let layout = SampleGenerator.Layout(count: 2, columns: 2, conditions: [])
    let images = try generator.images(layout)
    let picture = generator.grid(of: images, columns: 2, scale: 1).picture
    #expect((picture.height, picture.width, picture.channels) == (12 + 4, 2 * 5 + 6, 1))
    for (sample, plane, row, column) in [(0, 0, 0, 0), (0, 2, 3, 4), (1, 1, 2, 3)] {
      let value = images[((sample * 3 + plane) * 4 + row) * 5 + column]
      let place = (2 + plane * 4 + row) * picture.width + 2 + sample * 7 + column
      let level = UInt8(((value + 1) / 2 * 255).rounded(.toNearestOrAwayFromZero))
      #expect(picture.pixels[place] == level)
    }
    let dataset = FixedVolumes(shape: generator.shape)
    #expect(
      try generator.picture(of: images, layout, scale: 1, dataset: dataset, title: "")?.picture
        == picture)
    let beside = generator.realsBesideSamples(images, layout, scale: 1, dataset: dataset)
    #expect(beside.width > 2 * picture.width)
  }

  @Test func whatHasNoPictureIsLeftOut() throws {
    let generator = try volumes(channels: 2)
    #expect(!generator.isDrawable)
    let layout = SampleGenerator.Layout(count: 2, columns: 2, conditions: [])
    let dataset = FixedVolumes(shape: generator.shape)
    let picture = try generator.picture(
      of: generator.images(layout), layout, scale: 1, dataset: dataset, title: "")
    #expect(picture == nil)
  }

  /// Channels first, in PyTorch's dimensions.
  @Test func arraysHaveTheSamplesDimensions() throws {
    let lines = try generator(
      "{reshape: {to: [5, 1]}}, {convTranspose1d: {channels: 2, kernel: 9}}, tanh", input: "[5]",
      critic: "{conv1d: {channels: 1, kernel: 9}}")
    for (generator, sizes) in [(try volumes(channels: 2), [2, 3, 4, 5]), (lines, [2, 9])] {
      let layout = SampleGenerator.Layout(count: 3, columns: 1, conditions: [])
      let images = try generator.images(layout)
      try withTemporaryFolder { folder in
        let path = try SampleArrays(generator, layout).write(to: "\(folder)/x.npy", .npy)[0]
        let bytes = try FileSystem.readFile(path)
        let text = ([3] + sizes).map(String.init).joined(separator: ", ")
        #expect(String(decoding: bytes, as: UTF8.self).contains("(\(text),)"))
        let values = bytes[128...].withUnsafeBytes { ElementType.float32.floats($0) }
        let pixels = generator.shape.pixels
        let expected = images.indices.map { index in
          let (sample, place) = index.quotientAndRemainder(dividingBy: 2 * pixels)
          return images[sample * 2 * pixels + place % pixels * 2 + place / pixels]
        }
        #expect(values == expected)
      }
    }
  }
}

private struct FixedVolumes: Dataset {
  let name = "volumes"
  let count = 4
  let shape: Shape
  let condition = ConditionShape.none
  func copyCondition(at index: Int, into condition: Condition) {}
  func copySample(
    at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>
  ) {
    output.update(repeating: Float(index) / 4)
  }
}

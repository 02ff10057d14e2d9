import Base
import Storage

/// Samples as NumPy's arrays, with the noise and the labels that they are of.
///
/// | array | shape | type |
/// |---|---|---|
/// | `samples` | N x C x H x W, for vectors N x C, below | float32, in the data's range |
/// | `noise` | N x the generator's input, likewise | float32 |
/// | `labels` | N, of a generator with classes | int64 |
/// | `conditions` | N x K, of a generator with K numbers, as it takes them | float32 |
///
/// Samples of lines are N x C x L, of volumes N x C x D x H x W.
///
/// Written a pass at a time, whatever N is; with a batch's statistics all are drawn at once.
package struct SampleArrays {
  package enum Format: String, Sendable, CaseIterable {
    /// One file, which is not compressed.
    case npz
    /// A file an array: `x.npy`, `x-noise.npy`, `x-labels.npy`.
    case npy
  }

  private let generator: SampleGenerator
  private let layout: SampleGenerator.Layout

  /// - Parameters:
  ///   - generator: Draws the samples.
  ///   - layout: How many, and of which conditions.
  package init(_ generator: SampleGenerator, _ layout: SampleGenerator.Layout) {
    self.generator = generator
    self.layout = layout
  }

  /// An array that is written by parts.
  private struct Part {
    let name: String
    let preamble: NumPyPreamble
    /// Gives the elements' bytes, in their order.
    let fill: (_ write: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  }

  /// Writes the files, each replaced as a whole.
  ///
  /// - Parameters:
  ///   - path: The file; with `npy` that of the samples.
  ///   - format: What is written.
  /// - Returns: The paths.
  /// - Throws: What a pass throws, and `Fault` where writing fails.
  package func write(to path: String, _ format: Format) throws -> [String] {
    try FileSystem.createDirectory(FileSystem.folder(of: path))
    switch format {
    case .npz:
      try FileSystem.writeAtomically(to: path) { file in
        let zip = ZipWriter(file)
        for part in parts {
          try zip.begin("\(part.name).npy", size: part.preamble.fileSize)
          try part.preamble.bytes.withUnsafeBytes { try zip.write($0) }
          try part.fill(zip.write)
        }
        try zip.finish()
      }
      return [path]
    case .npy:
      let stem = path.hasSuffix(".npy") ? String(path.dropLast(4)) : path
      return try parts.map { part in
        let path = part.name == "samples" ? path : "\(stem)-\(part.name).npy"
        try FileSystem.writeAtomically(to: path) { file in
          try part.preamble.bytes.withUnsafeBytes { try file.write($0) }
          try part.fill(file.write)
        }
        return path
      }
    }
  }

  private var parts: [Part] {
    let (count, conditions) = (layout.count, layout.conditions)
    let (input, output) = (generator.noiseShape, generator.shape)
    var parts = [
      Part(
        name: "samples", preamble: .init(.float32, shape: [count] + output.arraySizes)
      ) { write in
        let size = generator.partSize ?? max(count, 1)
        for first in stride(from: 0, to: count, by: size) {
          let images = try generator.images(first..<min(first + size, count), conditions)
          try Self.write(images[...], output, write)
        }
      },
      Part(
        name: "noise", preamble: .init(.float32, shape: [count] + input.arraySizes)
      ) { write in
        var noise = [Float](repeating: 0, count: input.elementCount)
        for index in 0..<count {
          noise.withUnsafeMutableBufferPointer { generator.fillNoise(index, $0) }
          try Self.write(noise[...], input, write)
        }
      },
    ]
    let asked = conditions.isEmpty ? [ConditionValues()] : conditions
    if generator.condition.classes > 0 {
      parts.append(
        Part(name: "labels", preamble: .init(.int64, shape: [count])) { write in
          for index in 0..<count {
            let label = asked[index % asked.count].label ?? 0
            try withUnsafeBytes(of: Int64(label).littleEndian, write)
          }
        })
    }
    let numbers = generator.condition.numbers
    if numbers > 0 {
      parts.append(
        Part(name: "conditions", preamble: .init(.float32, shape: [count, numbers])) { write in
          for index in 0..<count {
            let values = asked[index % asked.count].numbers
            try (values.isEmpty ? [Float](repeating: 0, count: numbers) : values)
              .withUnsafeBytes(write)
          }
        })
    }
    return parts
  }

  /// Writes whole samples of a shape, channels first.
  private static func write(
    _ samples: ArraySlice<Float>, _ shape: Shape, _ write: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let (channels, pixels) = (shape.channels, shape.pixels)
    guard channels > 1, pixels > 1 else { return try samples.withUnsafeBytes(write) }
    var planes = [Float](repeating: 0, count: samples.count)
    let size = channels * pixels
    for first in stride(from: 0, to: samples.count, by: size) {
      for pixel in 0..<pixels {
        for channel in 0..<channels {
          planes[first + channel * pixels + pixel] =
            samples[samples.startIndex + first + pixel * channels + channel]
        }
      }
    }
    try planes.withUnsafeBytes(write)
  }
}

extension SampleGenerator {
  /// Samples of a range, the same ones as if all had been drawn at once.
  fileprivate func images(
    _ range: Range<Int>, _ conditions: [ConditionValues]
  ) throws -> [Float] {
    let turn = conditions.isEmpty ? 0 : range.lowerBound % conditions.count
    return try images(
      count: range.count, conditions: Array(conditions[turn...] + conditions[..<turn])
    ) { fillNoise(range.lowerBound + $0, $1) }
  }
}

extension Shape {
  /// PyTorch's sizes, of a vector its values only.
  fileprivate var arraySizes: [Int] { pixels > 1 ? sizes : [channels] }
}

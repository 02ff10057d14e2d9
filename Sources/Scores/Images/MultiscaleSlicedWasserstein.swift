import Base
import Configuration
import LinearAlgebra

/// How alike patches of samples and reals are, at each size of structures.
///
/// The multi-scale sliced Wasserstein distance of Karras et al. 2018 (arXiv:1710.10196): of each
/// image 128 patches of 7 x 7 pixels on each level of its Laplacian pyramid, down to 16 pixels a
/// side; per level and set each channel normalized to mean 0 and deviation 1; the sliced
/// Wasserstein-1 distance of both sets of patches over 512 random directions, times 1000. A level's
/// patches of n images take n x 128 x 49 x channels x 4 bytes of each rank, twice.
package struct MultiscaleSlicedWasserstein: Score {
  package static let name = "multiscaleSlicedWasserstein"
  package static let isDefault = false
  package let columns = ["swd (1)", "swd_finest (1)", "swd_coarsest (1)"]
  /// The paper takes 16 384.
  package let wantedSamples = (training: 1000, evaluation: 2000)
  private let most: Int
  private let projections: Int

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {
    most = try options.integer("samples", default: 2000, in: 1...100_000)
    projections = try options.integer("projections", default: 512, in: 1...100_000)
  }

  package static func refusal(of subject: ScoreSubject) -> String? {
    subject.refusalWithoutImages
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    let shape = input.samples.shape
    guard shape.depth == 1, min(shape.height, shape.width) >= LaplacianPyramid.leastSide else {
      throw Fault(
        "multiscaleSlicedWasserstein: takes images of 16 pixels a side or more, found \(shape)")
    }
    let count = count(input.samples.count, input.reals.count)
    let values = count * shape.elementCount
    let samples = ImageStack(
      Array(try input.sampleValues()[..<values]), count: count, shape: shape)
    let reals = ImageStack(Array(try input.realValues()[..<values]), count: count, shape: shape)
    let directions = Directions.random(
      projections, dimension: PatchDescriptors.side * PatchDescriptors.side * shape.channels,
      seed: input.seed)
    let found = try Self.distances(
      samples, reals, along: directions, input.team
    ) { image, level, shape in
      PatchDescriptors.places(image: image, level: level, shape, seed: input.seed)
    }
    return [
      found.reduce(0, +) / Double(found.count), found[0], found[found.count - 1],
    ]
  }

  private func count(_ samples: Int, _ reals: Int) -> Int { min(most, samples, reals) }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    [
      reportLine(
        "SWD x 1000",
        "\(scoreText(values[0])) (finest level \(scoreText(values[1])), coarsest "
          + "\(scoreText(values[2])); \(projections) directions of seed \(setting.seed), "
          + "\(count(setting.samples, setting.reals)) samples and reals)")
    ]
  }

  /// The distance of each level, times 1000, the finest first.
  ///
  /// - Parameters:
  ///   - samples: Images.
  ///   - reals: As many.
  ///   - directions: Unit vectors of a patch's dimension.
  ///   - team: All ranks.
  ///   - places: The corners of a level's patches of image i; samples are images 0 and on, reals
  ///     follow them.
  /// - Returns: A distance a level; NaN where images are not finite.
  /// - Throws: On all ranks, where OpenBLAS is missing.
  package static func distances(
    _ samples: ImageStack, _ reals: ImageStack, along directions: Vectors, _ team: ScoreTeam,
    places: (_ image: Int, _ level: Int, _ shape: Shape) -> [(row: Int, column: Int)]
  ) throws -> [Double] {
    let shapes = LaplacianPyramid.shapes(samples.shape)
    guard samples.values.allSatisfy(\.isFinite), reals.values.allSatisfy(\.isFinite) else {
      return shapes.map { _ in .nan }
    }
    return try shapes.indices.map { level in
      func patches(_ images: ImageStack, _ first: Int) throws -> Vectors {
        var values = try Self.patches(of: images, level: level, team) {
          places(first + $0, level, shapes[level])
        }
        PatchDescriptors.normalize(&values, channels: images.shape.channels)
        return Vectors(values, dimension: directions.dimension)
      }
      let (a, b) = (try patches(samples, 0), try patches(reals, samples.count))
      let found = try slicedDistances(a, b, along: directions, team)
      return 1000 * found.reduce(0, +) / Double(found.count)
    }
  }

  /// All patches of a level; a slice is some images.
  private static func patches(
    of images: ImageStack, level: Int, _ team: ScoreTeam,
    places: (_ image: Int) -> [(row: Int, column: Int)]
  ) throws -> [Float] {
    let (size, shape) = (images.shape.elementCount, LaplacianPyramid.shapes(images.shape)[level])
    let counts = (0..<images.count).map { places($0).count }
    let patch = PatchDescriptors.side * PatchDescriptors.side * shape.channels
    let slices = ScoreTeam.ranges(images.count, parts: 64)
    return try team.gather(
      slices.map { $0.reduce(0) { $0 + counts[$1] } * patch }
    ) { slice, values in
      var place = values.start
      for image in slices[slice] {
        let pixels = Array(images.values[image * size..<(image + 1) * size])
        PatchDescriptors.copy(
          LaplacianPyramid.levels(pixels, images.shape)[level], shape, places(image), to: place)
        place += counts[image] * patch
      }
    }
  }

  /// W1 along each direction; a slice is some directions.
  ///
  /// In Float and sorted by bits: there are millions of patches.
  private static func slicedDistances(
    _ a: Vectors, _ b: Vectors, along directions: Vectors, _ team: ScoreTeam
  ) throws -> [Double] {
    let blas = try team.communicator.agree { try OpenBLAS.load() }
    let slices = ScoreTeam.ranges(directions.count, length: 8)
    return try team.gather(slices.map(\.count)) { slice, values in
      let count = slices[slice].count
      let projections = [a, b].map { _ in FloatStorage(count: a.count * count) }
      let scratch = FloatStorage(count: a.count)
      for (vectors, output) in zip([a, b], projections) {
        vectors.values.withUnsafeBufferPointer { values in
          directions.values.withUnsafeBufferPointer { directions in
            // directions x vectors: each direction's projections in one row.
            blas.multiply(
              rows: count, columns: vectors.count, inner: vectors.dimension,
              directions.start + slices[slice].lowerBound * vectors.dimension, values.start,
              transposeB: true, into: output.pointer)
          }
        }
        for row in 0..<count {
          FloatSort.sort(
            UnsafeMutableBufferPointer(start: output.pointer + row * a.count, count: a.count),
            scratch: scratch.buffer)
        }
      }
      for row in 0..<count {
        var sum = 0.0
        for index in row * a.count..<(row + 1) * a.count {
          sum += abs(Double(projections[0].pointer[index]) - Double(projections[1].pointer[index]))
        }
        values[row] = sum / Double(a.count)
      }
    }
  }
}

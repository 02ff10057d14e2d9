import Base
import Configuration
import LinearAlgebra

/// The Frechet distance of Gaussians with the means and covariances of features: FID where the
/// features are Inception's.
///
/// Heusel et al. 2017, arXiv:1706.08500:
///
///     d^2 = |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1^(1/2) C2 C1^(1/2))^(1/2)
///
/// C are covariances with n - 1 below. With C1 = V L V^T, the last matrix has the eigenvalues of
/// the symmetric L^(1/2) V^T C2 V L^(1/2); the trace of its root is the sum of their roots. No root
/// of the non-symmetric C1 C2 is taken, which has the same trace. Of n vectors C has the rank n - 1
/// at most: the eigenvalues beyond are rounding, whose roots would add up, and count as 0.
package struct FrechetDistance: Score {
  package static let name = "fid"
  package static let isDefault = false
  package let columns = ["fid (1)"]
  /// 10 000, as the paper has at least, for a covariance of 2048 features.
  package let wantedSamples = (training: 2000, evaluation: 10_000)
  private let network: String

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {
    network = try subject.networkName(options)
  }

  package static func refusal(of subject: ScoreSubject) -> String? {
    subject.refusalWithoutFeatures
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    let sets = try input.features(of: network)
    return [try Self.distance(sets.samples, sets.reals, input.team)]
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    [
      reportLine(
        "FID", "\(scoreText(values[0])) (\(setting.counts), \(setting.name(ofNetwork: network)))")
    ]
  }

  /// The distance between two sets of features.
  ///
  /// - Parameters:
  ///   - samples: Two or more.
  ///   - reals: Two or more.
  ///   - team: All ranks.
  /// - Returns: d^2; NaN where features are not finite.
  /// - Throws: On all ranks, where OpenBLAS is missing or there are too few vectors.
  package static func distance(
    _ samples: Vectors, _ reals: Vectors, _ team: ScoreTeam
  ) throws -> Double {
    guard samples.count > 1, reals.count > 1 else {
      throw Fault("fid: takes two samples and two reals or more, found \(samples.count)")
    }
    guard samples.areFinite, reals.areFinite else { return .nan }
    return try distance(Moments(reals, team), Moments(samples, team), team)
  }

  /// The distance between Gaussians.
  static func distance(
    _ first: Moments, _ second: Moments, _ team: ScoreTeam
  ) throws -> Double {
    let dimension = first.mean.count
    let root = try first.root(team)
    let blas = try team.communicator.agree { try OpenBLAS.load() }
    // R C2 R^T with R = L^(1/2) V^T.
    let half = try product(blas, root, second.covariance, dimension, transposed: false, team)
    let whole = try product(blas, half, root, dimension, transposed: true, team)
    let values: [Double] = try team.once(dimension) { values in
      var matrix = whole
      _ = values.update(
        fromContentsOf: try blas.symmetricEigenvalues(&matrix, order: dimension, vectors: false))
    }
    let rank = min(first.rank, second.rank)
    let trace = values.suffix(rank).reduce(0) { $0 + max(0, $1).squareRoot() }
    let means = zip(first.mean, second.mean).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return means + first.trace + second.trace - 2 * trace
  }

  /// A B, or A B^T where `transposed`, of square matrices: a slice is some rows.
  private static func product(
    _ blas: OpenBLAS, _ a: [Double], _ b: [Double], _ order: Int, transposed: Bool,
    _ team: ScoreTeam
  ) throws -> [Double] {
    let slices = ScoreTeam.ranges(order, parts: 32, shortest: 16)
    return try team.gather(slices.map { $0.count * order }) { slice, values in
      a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
          blas.multiply(
            rows: slices[slice].count, columns: order, inner: order,
            a.start + slices[slice].lowerBound * order, b.start, transposeB: transposed,
            into: values.start)
        }
      }
    }
  }
}

/// Mean and covariance of vectors.
package struct Moments {
  /// The sum over n / n.
  package let mean: [Double]
  /// dimension x dimension: the sum of products of deviations / (n - 1).
  package let covariance: [Double]

  /// Vectors that are multiplied at a time: such pieces stay in the second-level cache.
  private static let chunk = 512
  /// Rows and columns of the covariance that are a slice.
  private static let tile = 256

  package init(_ vectors: Vectors, _ team: ScoreTeam) throws {
    let (dimension, count) = (vectors.dimension, vectors.count)
    var mean = [Double](repeating: 0, count: dimension)
    vectors.values.withUnsafeBufferPointer { values in
      for row in 0..<count {
        for element in 0..<dimension { mean[element] += Double(values[row * dimension + element]) }
      }
    }
    for element in 0..<dimension { mean[element] /= Double(count) }
    self.mean = mean
    rank = min(dimension, count - 1)
    let parts = ScoreTeam.ranges(dimension, length: Self.tile)
    let tiles = parts.indices.flatMap { row in
      (0...row).map { (rows: parts[row], columns: parts[$0]) }
    }
    let blas = try team.communicator.agree { try OpenBLAS.load() }
    let found: [Double] = try team.gather(tiles.map { $0.rows.count * $0.columns.count }) {
      slice, values in
      Self.sumProducts(vectors, mean, tiles[slice].rows, tiles[slice].columns, values.start, blas)
    }
    var covariance = [Double](repeating: 0, count: dimension * dimension)
    var index = 0
    for tile in tiles {
      for row in tile.rows {
        for column in tile.columns {
          covariance[row * dimension + column] = found[index] / Double(count - 1)
          covariance[column * dimension + row] = covariance[row * dimension + column]
          index += 1
        }
      }
    }
    self.covariance = covariance
  }

  /// Of rows in Double, by the calling thread alone.
  ///
  /// - Parameters:
  ///   - rows: Overwritten by the deviations from the mean.
  ///   - count: How many.
  ///   - dimension: Values of each.
  /// - Throws: Where OpenBLAS is missing.
  init(_ rows: DoubleStorage, count: Int, _ dimension: Int) throws {
    var mean = [Double](repeating: 0, count: dimension)
    for row in 0..<count {
      for element in 0..<dimension { mean[element] += rows.pointer[row * dimension + element] }
    }
    for element in 0..<dimension { mean[element] /= Double(count) }
    for row in 0..<count {
      for element in 0..<dimension { rows.pointer[row * dimension + element] -= mean[element] }
    }
    var covariance = [Double](repeating: 0, count: dimension * dimension)
    try OpenBLAS.load().multiply(
      rows: dimension, columns: dimension, inner: count, rows.pointer, transposeA: true,
      rows.pointer, into: &covariance)
    for index in covariance.indices { covariance[index] /= Double(count - 1) }
    self.mean = mean
    self.covariance = covariance
    rank = min(dimension, count - 1)
  }

  /// Products of deviations of some elements with those of others, summed over the vectors.
  private static func sumProducts(
    _ vectors: Vectors, _ mean: [Double], _ rows: Range<Int>, _ columns: Range<Int>,
    _ output: UnsafeMutablePointer<Double>, _ blas: OpenBLAS
  ) {
    let left = DoubleStorage(count: chunk * rows.count)
    let right = DoubleStorage(count: chunk * columns.count)
    func copyDeviations(
      _ range: Range<Int>, _ elements: Range<Int>, _ place: UnsafeMutablePointer<Double>
    ) {
      vectors.values.withUnsafeBufferPointer { values in
        mean.withUnsafeBufferPointer { mean in
          for (index, row) in range.enumerated() {
            let from = values.start + row * vectors.dimension + elements.lowerBound
            let to = place + index * elements.count
            for element in 0..<elements.count {
              to[element] = Double(from[element]) - mean[elements.lowerBound + element]
            }
          }
        }
      }
    }
    for range in ScoreTeam.ranges(vectors.count, length: chunk) {
      copyDeviations(range, rows, left.pointer)
      copyDeviations(range, columns, right.pointer)
      blas.multiply(
        rows: rows.count, columns: columns.count, inner: range.count, left.pointer,
        transposeA: true, right.pointer, into: output, accumulate: range.lowerBound > 0)
    }
  }

  /// The most eigenvalues that are not 0.
  let rank: Int

  var trace: Double {
    mean.indices.reduce(0) { $0 + covariance[$1 * mean.count + $1] }
  }

  /// L^(1/2) V^T of the covariance V L V^T, row by row: R with R^T R the covariance.
  func root(_ team: ScoreTeam) throws -> [Double] {
    let order = mean.count
    let blas = try team.communicator.agree { try OpenBLAS.load() }
    return try team.once(order * order) { root in
      _ = root.update(fromContentsOf: covariance)
      let values = try blas.symmetricEigenvalues(root.start, order: order, vectors: true)
      for row in 0..<order {
        let scale = row < order - rank ? 0 : max(0, values[row]).squareRoot()
        for column in 0..<order { root[row * order + column] *= scale }
      }
    }
  }
}

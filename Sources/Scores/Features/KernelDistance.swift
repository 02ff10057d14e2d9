import Base
import Configuration
import LinearAlgebra

/// The kernel distance of features: KID where the features are Inception's.
///
/// Binkowski et al. 2018, arXiv:1801.01401: the squared maximum mean discrepancy with the kernel
/// k(x, y) = (x y / d + 1)^3 of d features, by the unbiased estimator on m samples x and m reals y,
///
///     sum over i != j of k(x_i, x_j) + k(y_i, y_j), over m (m - 1),
///     less 2 / m^2 times the sum over i, j of k(x_i, y_j)
///
/// of 100 subsets of 1000: their mean, and their standard deviation (over all, not less one). It
/// may be negative where distributions are alike.
package struct KernelDistance: Score {
  package static let name = "kid"
  package static let isDefault = false
  package let columns = ["kid (1)", "kid_std (1)"]
  package let wantedSamples = (training: 2000, evaluation: 10_000)
  private let network: String
  private let subsets: Int
  private let subsetSize: Int
  private let choice: Choice

  /// What chooses the subsets.
  package enum Choice: String, CaseIterable, Sendable {
    /// Philox, by the seed of the samples.
    case philox
    /// NumPy's generator with seed 2020, as torch-fidelity does: the same subsets.
    case torchFidelity
  }

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {
    network = try subject.networkName(options)
    subsets = try options.integer("subsets", default: 100, in: 2...100_000)
    subsetSize = try options.integer("subsetSize", default: 1000, in: 2...100_000)
    choice = try options.choice("choice", default: Choice.philox)
  }

  package static func refusal(of subject: ScoreSubject) -> String? {
    subject.refusalWithoutFeatures
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    let sets = try input.features(of: network)
    guard min(sets.samples.count, sets.reals.count) >= subsetSize else {
      throw Fault(
        "kid: subsets of \(subsetSize) cannot be chosen among \(sets.samples.count) samples and "
          + "\(sets.reals.count) reals; draw more, or set its subsetSize")
    }
    let chosen = Subsets(
      choice, seed: input.seed, count: subsets, size: subsetSize, samples: sets.samples.count,
      reals: sets.reals.count)
    return Statistics.meanAndDeviation(
      try Self.distances(sets.samples, sets.reals, chosen, input.team))
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    let chooser = choice == .philox ? "seed \(setting.seed)" : "torch-fidelity's choice"
    return [
      reportLine(
        "KID",
        "\(scoreText(values[0])), standard deviation \(scoreText(values[1])) (\(subsets) subsets "
          + "of \(subsetSize), \(chooser); \(setting.counts), "
          + "\(setting.name(ofNetwork: network)))")
    ]
  }

  /// The distance of each subset: a slice is a subset.
  package static func distances(
    _ samples: Vectors, _ reals: Vectors, _ subsets: Subsets, _ team: ScoreTeam
  ) throws -> [Double] {
    guard samples.areFinite, reals.areFinite else {
      return Array(repeating: .nan, count: subsets.ofSamples.count)
    }
    let blas = try team.communicator.agree { try OpenBLAS.load() }
    return try team.gather(subsets.ofSamples.map { _ in 1 }) { subset, values in
      values[0] = distance(
        samples, subsets.ofSamples[subset], reals, subsets.ofReals[subset], blas)
    }
  }

  private static func distance(
    _ samples: Vectors, _ rowsOfSamples: [Int], _ reals: Vectors, _ rowsOfReals: [Int],
    _ blas: OpenBLAS
  ) -> Double {
    let (size, dimension) = (rowsOfSamples.count, samples.dimension)
    let x = DoubleStorage(count: size * dimension)
    let y = DoubleStorage(count: size * dimension)
    for index in 0..<size {
      samples.copy(row: rowsOfSamples[index], to: x.pointer + index * dimension)
      reals.copy(row: rowsOfReals[index], to: y.pointer + index * dimension)
    }
    return PolynomialKernel(degree: 3).discrepancy(x, y, size: size, dimension: dimension, blas)
  }
}

/// The kernel k(x, y) = (x y / d + 1)^degree of vectors of d values.
struct PolynomialKernel {
  let degree: Int

  /// The squared maximum mean discrepancy of as many x as y by the unbiased estimator.
  ///
  /// - Parameters:
  ///   - x: size x dimension.
  ///   - y: Likewise.
  ///   - size: Vectors of each.
  ///   - dimension: d.
  ///   - blas: For the products, of size x size values.
  /// - Returns: The discrepancy; below 0 now and then where both are alike.
  func discrepancy(
    _ x: DoubleStorage, _ y: DoubleStorage, size: Int, dimension: Int, _ blas: OpenBLAS
  ) -> Double {
    let products = DoubleStorage(count: size * size)
    func kernel(_ product: Double) -> Double {
      let value = product / Double(dimension) + 1
      var power = value
      for _ in 1..<degree { power *= value }
      return power
    }
    /// Of a symmetric matrix below its diagonal.
    func sumBelow(_ vectors: DoubleStorage) -> Double {
      blas.multiplyByTranspose(
        rows: size, inner: dimension, vectors.pointer, into: products.pointer)
      var sum = 0.0
      for row in 0..<size {
        for column in 0..<row { sum += kernel(products.pointer[row * size + column]) }
      }
      return sum
    }
    let within = 2 * sumBelow(x) + 2 * sumBelow(y)
    blas.multiply(
      rows: size, columns: size, inner: dimension, x.pointer, y.pointer, transposeB: true,
      into: products.pointer)
    let between = products.buffer.reduce(0) { $0 + kernel($1) }
    return within / Double(size * (size - 1)) - 2 * between / Double(size * size)
  }
}

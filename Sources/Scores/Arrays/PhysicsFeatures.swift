import Base
import Configuration

/// Rows of features in Double.
package struct FeatureRows: Sendable {
  package let values: [Double]
  package let dimension: Int

  package var count: Int { values.count / dimension }

  package init(_ values: [Double], dimension: Int) {
    precondition(dimension > 0 && values.count.isMultiple(of: dimension), "\(values.count) values")
    self.values = values
    self.dimension = dimension
  }

  /// Columns beside each other.
  init(columns: [[Double]]) {
    let count = columns.first?.count ?? 0
    self.init((0..<count).flatMap { row in columns.map { $0[row] } }, dimension: columns.count)
  }

  package var areFinite: Bool { values.allSatisfy(\.isFinite) }

  /// Each feature of both sets over the greatest size that it has among the reals; of one that is
  /// always 0 there as it is.
  ///
  /// - Parameters:
  ///   - samples: One set.
  ///   - reals: That decides.
  /// - Returns: Both.
  package static func normalized(
    _ samples: FeatureRows, _ reals: FeatureRows
  ) -> (samples: FeatureRows, reals: FeatureRows) {
    var largest = [Double](repeating: 0, count: reals.dimension)
    for (index, value) in reals.values.enumerated() {
      largest[index % reals.dimension] = max(largest[index % reals.dimension], abs(value))
    }
    for index in largest.indices where largest[index] == 0 { largest[index] = 1 }
    func scaled(_ rows: FeatureRows) -> FeatureRows {
      FeatureRows(
        rows.values.enumerated().map { $1 / largest[$0 % rows.dimension] },
        dimension: rows.dimension)
    }
    return (scaled(samples), scaled(reals))
  }

  /// Some of the rows.
  func gather(_ rows: [Int]) -> DoubleStorage {
    let found = DoubleStorage(count: rows.count * dimension)
    values.withUnsafeBufferPointer { values in
      for (place, row) in rows.enumerated() {
        for element in 0..<dimension {
          found.pointer[place * dimension + element] = values[row * dimension + element]
        }
      }
    }
    return found
  }
}

/// What the physics distances have in common: declared quantities as features, normalized.
struct PhysicsFeatures: Sendable {
  let quantities: [Quantity]

  /// - Parameters:
  ///   - options: Of the score; `quantities` is read.
  ///   - subject: The run.
  /// - Throws: `ConfigurationError`.
  init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {
    let known = subject.quantities
    let names = try options.strings("quantities", default: known.map(\.name))
    quantities = try names.map { name in
      guard let found = known.first(where: { $0.name == name }) else {
        throw options.fail(
          "quantities",
          "expected \(known.map(\.name).joined(separator: ", ")), found '\(name)'")
      }
      return found
    }
    guard !quantities.isEmpty else { throw options.fail("quantities", "expected one or more") }
  }

  /// The features of samples and of reals.
  func features(_ input: ScoreInput) throws -> (samples: FeatureRows, reals: FeatureRows) {
    let tables = try input.tables(of: quantities)
    return FeatureRows.normalized(
      FeatureRows(columns: tables.samples.values), FeatureRows(columns: tables.reals.values))
  }
}

/// Rows that are drawn with replacement: those of batch `number`.
package struct DrawnRows: Sendable {
  private let stream: RandomStream

  package init(seed: UInt64) {
    stream = RandomStream(seed: seed, purpose: .scoring, step: ScoringStep.batches)
  }

  /// - Parameters:
  ///   - count: Rows to draw.
  ///   - all: Rows to draw from.
  ///   - number: Of the batch.
  ///   - isReal: Which of the two sets.
  /// - Returns: The rows.
  package func callAsFunction(_ count: Int, of all: Int, number: Int, isReal: Bool) -> [Int] {
    (0..<count).map {
      stream.integer(below: all, sample: 2 * number + (isReal ? 1 : 0), element: $0)
    }
  }
}

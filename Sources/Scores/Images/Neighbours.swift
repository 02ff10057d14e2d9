import Base

/// The nearest items of a set of any size to some vectors: the set is looked through a slice at a
/// time and never held whole.
package enum Neighbours {
  /// An item of the set, and how far it is.
  package struct Neighbour: Equatable, Sendable {
    package var index: Int
    /// Squared Euclidean.
    package var squaredDistance: Double
  }

  /// Items of a slice.
  private static let sliceLength = 1024

  /// The nearest items to each vector, the nearest first; of equally near ones the first.
  ///
  /// - Parameters:
  ///   - vectors: Finite ones.
  ///   - set: `count` items or more.
  ///   - count: Neighbours of each.
  ///   - team: All ranks.
  /// - Returns: `count` neighbours a vector, on all ranks.
  /// - Throws: On all ranks, where OpenBLAS is missing or an item cannot be drawn.
  package static func search(
    _ vectors: Vectors, in set: SampleSet, count: Int, _ team: ScoreTeam
  ) throws -> [[Neighbour]] {
    precondition(set.count >= count && count > 0, "\(count) neighbours among \(set.count)")
    let slices = ScoreTeam.ranges(set.count, length: sliceLength)
    // Distances and numbers of a slice's nearest, infinite where it has fewer.
    let perSlice = vectors.count * count
    let found: [Double] = try team.gatherInTurn(slices.map { _ in 2 * perSlice }) {
      slice, values in
      let items = Vectors(try set.items(slices[slice]), dimension: vectors.dimension)
      values.update(repeating: .infinity)
      try SquaredDistances(vectors, items).tile(0..<vectors.count, 0..<items.count) { tile in
        for row in 0..<vectors.count {
          for column in 0..<items.count {
            insert(
              tile[row * items.count + column], Double(slices[slice].lowerBound + column),
              distances: values.start + row * count,
              numbers: values.start + perSlice + row * count, count: count)
          }
        }
      }
    }
    return (0..<vectors.count).map { row in
      var all: [Neighbour] = []
      for slice in slices.indices {
        for place in 0..<count {
          let index = slice * 2 * perSlice + row * count + place
          guard found[index].isFinite else { continue }
          all.append(.init(index: Int(found[index + perSlice]), squaredDistance: found[index]))
        }
      }
      let sorted = all.sorted {
        ($0.squaredDistance, $0.index) < ($1.squaredDistance, $1.index)
      }
      return Array(sorted.prefix(count))
    }
  }

  @inline(__always)
  private static func insert(
    _ distance: Double, _ number: Double, distances: UnsafeMutablePointer<Double>,
    numbers: UnsafeMutablePointer<Double>, count: Int
  ) {
    guard distance < distances[count - 1] else { return }
    var place = count - 1
    while place > 0, distances[place - 1] > distance {
      distances[place] = distances[place - 1]
      numbers[place] = numbers[place - 1]
      place -= 1
    }
    distances[place] = distance
    numbers[place] = number
  }
}

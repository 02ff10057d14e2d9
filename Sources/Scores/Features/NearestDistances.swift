/// The nearest of many vectors, kept while others pass by.
package enum Nearest {
  /// Puts a distance among the smallest ones so far, which are in ascending order.
  ///
  /// - Parameters:
  ///   - distance: The distance; not a NaN, which is passed over.
  ///   - smallest: `count` distances, infinite at first.
  ///   - count: How many are kept, 1 or more.
  @inline(__always)
  static func insert(
    _ distance: Double, into smallest: UnsafeMutablePointer<Double>, count: Int
  ) {
    guard distance < smallest[count - 1] else { return }
    var place = count - 1
    while place > 0, smallest[place - 1] > distance {
      smallest[place] = smallest[place - 1]
      place -= 1
    }
    smallest[place] = distance
  }

  /// The squared distances of each vector to the `count` nearest others, in ascending order.
  ///
  /// A slice is a panel of vectors against a panel: each pair of vectors is looked at once.
  ///
  /// - Parameters:
  ///   - vectors: More than `count`.
  ///   - count: Neighbours of each.
  ///   - team: All ranks.
  /// - Returns: Vectors x `count`, on all ranks.
  /// - Throws: On all ranks, where OpenBLAS is missing.
  package static func distances(_ vectors: Vectors, count: Int, _ team: ScoreTeam) throws
    -> [Double]
  {
    let all = try team.communicator.agree { try SquaredDistances(vectors, vectors) }
    let panels = ScoreTeam.ranges(vectors.count, parts: 20, shortest: 64)
    let pairs = panels.indices.flatMap { row in
      (0...row).map { (rows: panels[row], columns: panels[$0]) }
    }
    let found: [Double] = try team.gather(
      pairs.map { ($0.rows.count + $0.columns.count) * count }
    ) { slice, values in
      let (rows, columns) = pairs[slice]
      values.update(repeating: .infinity)
      let ofColumns = values.start + rows.count * count
      all.tile(rows, columns) { tile in
        for row in 0..<rows.count {
          for column in 0..<columns.count {
            let distance = tile[row * columns.count + column]
            // On the diagonal each is met twice, and by itself.
            if rows.lowerBound + row != columns.lowerBound + column {
              insert(distance, into: values.start + row * count, count: count)
            }
            if rows != columns {
              insert(distance, into: ofColumns + column * count, count: count)
            }
          }
        }
      }
    }
    var nearest = [Double](repeating: .infinity, count: vectors.count * count)
    nearest.withUnsafeMutableBufferPointer { nearest in
      var index = 0
      for (rows, columns) in pairs {
        for vector in [rows, columns].joined() {
          for _ in 0..<count {
            insert(found[index], into: nearest.start + vector * count, count: count)
            index += 1
          }
        }
      }
    }
    return nearest
  }
}

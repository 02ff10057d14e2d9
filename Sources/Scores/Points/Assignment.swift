/// The cheapest pairing of as many rows as columns.
///
/// Shortest augmenting paths with potentials (Jonker and Volgenant 1987; in the form of Crouse
/// 2016, doi:10.1109/TAES.2016.140952, which SciPy's `linear_sum_assignment` has too): rows are
/// added one by one, each by the cheapest alternating path to a free column. At most n^3 steps.
package enum Assignment {
  /// The column of each row.
  ///
  /// - Parameters:
  ///   - costs: count x count finite values, row by row.
  ///   - count: Rows and columns.
  /// - Returns: A column a row, no column twice, of the least sum of costs.
  package static func solve(_ costs: UnsafePointer<Double>, count: Int) -> [Int] {
    var state = State(count)
    for row in 0..<count { state.add(row, costs) }
    return state.columnOfRow
  }

  private struct State {
    let count: Int
    var columnOfRow: [Int]
    var rowOfColumn: [Int]
    /// Potentials: a pairing is cheapest when no cost is below the sum of its row's and column's.
    var ofRow: [Double]
    var ofColumn: [Double]
    /// Of the path that is searched: the cheapest way to a column so far, and the row before it.
    var distance: [Double]
    var rowBefore: [Int]
    /// Columns that the search has not come to, in the first `open` places.
    var columns: [Int]
    var seenRows: [Int] = []
    var seenColumns: [Int] = []

    init(_ count: Int) {
      self.count = count
      columnOfRow = Array(repeating: -1, count: count)
      rowOfColumn = Array(repeating: -1, count: count)
      ofRow = Array(repeating: 0, count: count)
      ofColumn = Array(repeating: 0, count: count)
      distance = Array(repeating: 0, count: count)
      rowBefore = Array(repeating: 0, count: count)
      columns = Array(0..<count)
    }

    mutating func add(_ row: Int, _ costs: UnsafePointer<Double>) {
      let (end, length) = search(from: row, costs)
      ofRow[row] += length
      for seen in seenRows where seen != row {
        ofRow[seen] += length - distance[columnOfRow[seen]]
      }
      for seen in seenColumns { ofColumn[seen] -= length - distance[seen] }
      // Along the path each row takes the next column.
      var column = end
      while true {
        let before = rowBefore[column]
        rowOfColumn[column] = before
        (column, columnOfRow[before]) = (columnOfRow[before], column)
        if before == row { return }
      }
    }

    /// The cheapest path from a free row to a free column, and its length.
    private mutating func search(
      from start: Int, _ costs: UnsafePointer<Double>
    ) -> (column: Int, length: Double) {
      for index in 0..<count {
        distance[index] = .infinity
        columns[index] = count - 1 - index
      }
      seenRows.removeAll(keepingCapacity: true)
      seenColumns.removeAll(keepingCapacity: true)
      var (row, length, open) = (start, 0.0, count)
      while true {
        seenRows.append(row)
        let nearest = relax(row, costs + row * count, length, open)
        length = nearest.distance
        let column = columns[nearest.place]
        if rowOfColumn[column] < 0 { return (column, length) }
        seenColumns.append(column)
        open -= 1
        columns[nearest.place] = columns[open]
        row = rowOfColumn[column]
      }
    }

    /// Goes on from a row to all open columns; gives the nearest of them, free ones before others.
    @inline(__always)
    private mutating func relax(
      _ row: Int, _ costs: UnsafePointer<Double>, _ length: Double, _ open: Int
    ) -> (place: Int, distance: Double) {
      let base = length - ofRow[row]
      var nearest = (place: 0, distance: Double.infinity)
      columns.withUnsafeBufferPointer { columns in
        ofColumn.withUnsafeBufferPointer { ofColumn in
          rowOfColumn.withUnsafeBufferPointer { rowOfColumn in
            distance.withUnsafeMutableBufferPointer { distance in
              rowBefore.withUnsafeMutableBufferPointer { rowBefore in
                for place in 0..<open {
                  let column = columns[place]
                  let way = base + costs[column] - ofColumn[column]
                  if way < distance[column] {
                    distance[column] = way
                    rowBefore[column] = row
                  }
                  let found = distance[column]
                  if found < nearest.distance
                    || (found == nearest.distance && rowOfColumn[column] < 0)
                  {
                    nearest = (place, found)
                  }
                }
              }
            }
          }
        }
      }
      return nearest
    }
  }
}

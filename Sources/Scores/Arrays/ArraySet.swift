import Base
import Datasets

/// A sample in the units and the order of its data's files, with what it is conditioned on.
package struct ArrayRow: Sendable {
  package var values: [Double]
  /// Likewise in the files' units; empty for none.
  package var condition: [Double]

  package init(values: [Double], condition: [Double]) {
    self.values = values
    self.condition = condition
  }
}

/// Samples or reals of data that are arrays: item i is a function of i.
package final class ArraySet {
  package let count: Int
  /// Called for any item by any thread.
  private let read: (Int) throws -> ArrayRow
  private var known: (quantities: [Quantity], table: QuantityTable)?

  /// - Parameters:
  ///   - count: Items.
  ///   - read: Gives an item; called by several threads at a time.
  package init(count: Int, read: @escaping (Int) throws -> ArrayRow) {
    self.count = count
    self.read = read
  }

  package subscript(index: Int) -> ArrayRow { get throws { try read(index) } }

  /// The quantities of all items, on all ranks; kept.
  ///
  /// - Parameters:
  ///   - quantities: Which.
  ///   - conditionNames: Of the numbers of an item's condition.
  ///   - team: All ranks, which call this together.
  /// - Returns: The numbers.
  /// - Throws: On all ranks, where a quantity cannot be made of an item of one.
  package func table(
    _ quantities: [Quantity], conditionNames: [String], _ team: ScoreTeam
  ) throws -> QuantityTable {
    if let known, known.quantities == quantities { return known.table }
    let divisors = quantities.map { $0.divisor.flatMap(conditionNames.firstIndex) }
    let first = try team.communicator.agree { try read(0) }
    let numbers = first.condition.count
    try team.communicator.agree {
      for (quantity, divisor) in zip(quantities, divisors) {
        try quantity.check(width: first.values.count)
        if let divisor, divisor >= numbers {
          throw Fault(
            "evaluation.quantities: \(quantity.name) is divided by \(conditionNames[divisor]), of "
              + "which this generator knows nothing")
        }
      }
    }
    let width = quantities.count + numbers
    let slices = ScoreTeam.ranges(count, length: 256)
    let found: [Double] = try team.gather(slices.map { $0.count * width }) { slice, output in
      for (place, index) in slices[slice].enumerated() {
        let row = try read(index)
        let start = place * width
        for (column, quantity) in quantities.enumerated() {
          output[start + column] = quantity.value(
            of: row.values, divisor: divisors[column].map { row.condition[$0] } ?? 1)
        }
        for (column, number) in row.condition.enumerated() {
          output[start + quantities.count + column] = number
        }
      }
    }
    func column(_ column: Int) -> [Double] { (0..<count).map { found[$0 * width + column] } }
    let table = QuantityTable(
      values: quantities.indices.map(column),
      conditions: (0..<numbers).map { column(quantities.count + $0) })
    known = (quantities, table)
    return table
  }
}

/// Quantities of samples, and the numbers that these are conditioned on: a list each.
package struct QuantityTable: Sendable, Equatable {
  package var values: [[Double]]
  package var conditions: [[Double]]

  package init(values: [[Double]], conditions: [[Double]] = []) {
    self.values = values
    self.conditions = conditions
  }
}

/// Samples and reals as arrays.
package struct ArraySets {
  package let samples: ArraySet
  package let reals: ArraySet
  /// Between the files' units and the networks'.
  package let units: ArrayUnits
  /// Of the numbers of a condition.
  package let conditionNames: [String]

  package init(samples: ArraySet, reals: ArraySet, units: ArrayUnits, conditionNames: [String]) {
    self.samples = samples
    self.reals = reals
    self.units = units
    self.conditionNames = conditionNames
  }
}

import Base
import Storage

/// Samples of any shape from files of arrays, with conditions and classes beside them.
///
/// Numbers are brought from the file's units to the networks' in double precision, and rounded
/// once.
package final class ArrayDataset: Dataset {
  package let name: String
  package let count: Int
  package let condition: ConditionShape
  package let units: ArrayUnits
  package let record: ArrayRecord
  /// What the numbers of a sample's condition are called.
  package let conditionNames: [String]
  private let samples: ArrayRows
  private let conditions: [ArrayRows]
  private let labels: ArrayRows?

  package var shape: Shape { units.shape }

  /// Numbers that are brought over at a time: as many as lie on the stack.
  private static let chunk = 128

  /// - Parameters:
  ///   - settings: Of the data.
  ///   - arrays: Where they lie.
  ///   - statistics: Of the transforms, as `findStatistics` gives them; empty where there are none.
  /// - Throws: `Fault` where arrays do not fit the settings or each other, a label is no class, or
  ///   a number of the samples looked at is not finite.
  package convenience init(
    _ settings: ArraySettings, _ arrays: HeldArrays, statistics: [Double]
  ) throws {
    try self.init(checked: settings, arrays, statistics: statistics)
    try check()
  }

  /// Finds the means and deviations that the transforms ask for, over all samples.
  ///
  /// - Parameters:
  ///   - settings: Of the data.
  ///   - arrays: Where they lie.
  /// - Returns: The numbers that make them up, those of the samples first.
  /// - Throws: `Fault` where arrays do not fit the settings.
  package static func findStatistics(
    _ settings: ArraySettings, _ arrays: HeldArrays
  ) throws -> [Double] {
    let data = try ArrayDataset(checked: settings, arrays, statistics: nil)
    guard data.units.statisticsCount > 0 else { return [] }
    var (samples, conditions) = (data.units.samples, data.units.conditions)
    let found = samples.findStatistics(
      count: data.count, read: { data.samples.copy($0, from: 0, into: $1) },
      divisor: { data.number($0, data.units.divisors[$1]) })
    let width = conditions.width
    return found
      + conditions.findStatistics(
        count: data.count,
        read: { row, output in
          for index in 0..<width { output[index] = data.number(row, index) }
        }, divisor: { _, _ in 1 })
  }

  /// How many numbers `findStatistics` gives.
  package static func statisticsCount(
    _ settings: ArraySettings, _ arrays: HeldArrays
  ) throws -> Int {
    try ArrayUnits(settings, fileSizes: arrays.plan.fields[0].sizes).statisticsCount
  }

  private init(
    checked settings: ArraySettings, _ arrays: HeldArrays, statistics: [Double]?
  ) throws {
    name = settings.name
    conditionNames = settings.conditionNames
    let fields = arrays.plan.fields
    units = try ArrayUnits(settings, fileSizes: fields[0].sizes, statistics: statistics)
    let rows = try arrays.rows(units)
    samples = rows[0]
    count = samples.count
    let numbers = settings.conditions.count
    conditions = Array(rows[1..<1 + numbers])
    labels = settings.labels == nil ? nil : rows[1 + numbers]
    for (condition, found) in zip(settings.conditions, conditions)
    where condition.size != found.width {
      throw Fault(
        "found \(condition.size) for \(condition.name), but a sample has \(found.width) numbers of "
          + "it", parameter: "condition.size")
    }
    if let labels, labels.width != 1 {
      throw Fault("found \(labels.width) numbers a sample, expected a class", parameter: "labels")
    }
    record = ArrayRecord(settings, arrays.plan, units, statistics: statistics ?? [])
    condition = ConditionShape(
      classes: try Self.classes(labels, settings), numbers: settings.conditionNumbers)
  }

  /// The count of the classes; looks at all labels.
  private static func classes(_ labels: ArrayRows?, _ settings: ArraySettings) throws -> Int {
    guard let labels else { return 0 }
    let most = settings.classes > 0 ? settings.classes : 65_536
    var highest = 0
    for row in 0..<labels.count {
      let value = labels.number(row, 0)
      guard let label = Int(exactly: value), (0..<most).contains(label) else {
        throw Fault(
          "found \(value) of sample \(row), expected a class in 0 ... \(most - 1)",
          parameter: "labels")
      }
      highest = max(highest, label)
    }
    return settings.classes > 0 ? settings.classes : highest + 1
  }

  // MARK: - Values

  /// A number of a sample's condition, in the file's units.
  private func number(_ row: Int, _ index: Int) -> Double {
    var index = index
    for field in conditions {
      if index < field.width { return field.number(row, index) }
      index -= field.width
    }
    preconditionFailure("number \(index) of a condition")
  }

  package func copyCondition(at index: Int, into condition: Condition) {
    condition.label = labels.map { Int($0.number(index, 0)) } ?? 0
    let output = condition.numbers
    precondition(output.count == self.condition.numbers, "\(output.count) numbers")
    for place in output.indices {
      output[place] = units.condition(ofUnits: number(index, place), at: place)
    }
  }

  package func transformCondition(_ numbers: MutableFloatBuffer) {
    precondition(numbers.count == condition.numbers, "\(numbers.count) numbers")
    for place in numbers.indices {
      numbers[place] = units.condition(ofUnits: Double(numbers[place]), at: place)
    }
  }

  package func copySample(
    at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>
  ) {
    forEachChunk(index) { first, values in
      units.samples.apply(values, from: first) { number(index, units.divisors[$0]) }
      for place in values.indices { output[first + place] = Float(values[place]) }
    }
  }

  /// A sample as the file has it: its numbers in the file's units and order, and those of its
  /// condition.
  package func units(at index: Int) -> (values: [Double], condition: [Double]) {
    var values = [Double](repeating: 0, count: samples.width)
    forEachChunk(index) { first, part in
      for (place, value) in part.enumerated() { values[units.places[first + place]] = value }
    }
    return (values, (0..<condition.numbers).map { number(index, $0) })
  }

  /// Calls `body` with some numbers of a sample after the other, in the file's units; allocates
  /// nothing.
  private func forEachChunk(
    _ index: Int, _ body: (_ first: Int, UnsafeMutableBufferPointer<Double>) -> Void
  ) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.chunk) { buffer in
      var first = 0
      while first < samples.width {
        let part = UnsafeMutableBufferPointer(
          rebasing: buffer[..<min(Self.chunk, samples.width - first)])
        samples.copy(index, from: first, into: part)
        body(first, part)
        first += part.count
      }
    }
  }

  // MARK: - Checks

  /// Numbers that are looked at where there are many: some seconds' worth.
  private static let checkedNumbers = 1 << 27

  /// Samples spread over the data, of large ones not all.
  private func spread(_ numbers: Int) -> StrideTo<Int> {
    let step = max(1, (count * samples.width + numbers - 1) / numbers)
    return stride(from: 0, to: count, by: step)
  }

  /// Looks whether what networks would see is finite.
  private func check() throws {
    let sample = FloatStorage(count: samples.width)
    for row in spread(Self.checkedNumbers / 16) {
      copySample(at: row, into: sample.buffer)
      if let place = sample.buffer.firstIndex(where: { !$0.isFinite }) {
        let index = units.places[place]
        throw Fault(
          "\(name): number \(index) of sample \(row) is \(samples.number(row, place)), "
            + "\(sample.buffer[place]) after data.transforms; expected finite ones")
      }
      let fault = Condition.withTemporary(condition) { found -> Fault? in
        copyCondition(at: row, into: found)
        guard let place = found.numbers.firstIndex(where: { !$0.isFinite }) else { return nil }
        return Fault(
          "\(name): number \(place) of the condition of sample \(row) is \(number(row, place)), "
            + "\(found.numbers[place]) after its transforms; expected finite ones")
      }
      if let fault { throw fault }
    }
  }

  /// CRC-32 of numbers, conditions and classes as the file has them.
  ///
  /// In double precision: the same for the same numbers in any format. Of more than 2^27 numbers
  /// some, spread over the data.
  package var checksum: String? {
    var checksum: UInt32 = 0
    for row in spread(Self.checkedNumbers) {
      forEachChunk(row) { _, values in
        checksum = FileSystem.crc32(UnsafeRawBufferPointer(values), continuing: checksum)
      }
      for index in 0..<condition.numbers {
        withUnsafeBytes(of: number(row, index)) {
          checksum = FileSystem.crc32($0, continuing: checksum)
        }
      }
      if let labels {
        withUnsafeBytes(of: labels.number(row, 0)) {
          checksum = FileSystem.crc32($0, continuing: checksum)
        }
      }
    }
    return checksum.padded(to: 8, radix: 16)
  }
}

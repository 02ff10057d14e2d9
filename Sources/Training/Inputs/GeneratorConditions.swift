import Base
import Configuration
import Datasets
import Foundation

/// Where the numbers of a generator step's conditions come from.
///
/// | form | numbers of sample i |
/// |---|---|
/// | `data` | those of the reals of the iteration's last critic step |
/// | `redrawn` | those of a sample of the data, drawn with replacement; its class too |
/// | `uniform` | each uniform between its bounds |
/// | `logUniform` | each with a logarithm uniform between those of its bounds |
/// | `list` | one of a list, drawn with replacement |
///
/// What is drawn is a function of (seed, iteration, i). Bounds and lists are in the units of the
/// data's files (`Dataset.transformCondition`).
package enum GeneratorConditions: Sendable, Equatable {
  /// The reals' own.
  case data
  /// Another sample's of the data, with its class.
  case redrawn
  /// One pair of bounds a number.
  case uniform([Bounds])
  /// Likewise, all above 0.
  case logUniform([Bounds])
  /// Vectors, one behind the other.
  case list([Float])

  /// What a number is drawn between.
  package struct Bounds: Sendable, Equatable {
    /// Included.
    package var low: Double
    /// Not included, but for rounding.
    package var high: Double
  }

  private static let names = ["data", "redrawn", "uniform", "logUniform", "list"]

  /// Reads `training.generatorConditions`.
  ///
  /// - Parameters:
  ///   - section: `training`.
  ///   - count: Numbers of a condition.
  /// - Throws: `ConfigurationError`, also for bounds or a list that do not fit `count`.
  init(_ section: ConfigurationReader, count: Int) throws {
    let item = try section.item("generatorConditions", default: "data")
    let options = item.options
    switch item.name {
    case "data": self = .data
    case "redrawn": self = .redrawn
    case "uniform": self = .uniform(try Self.bounds(options, count: count))
    case "logUniform":
      let bounds = try Self.bounds(options, count: count)
      guard bounds.allSatisfy({ $0.low > 0 }) else {
        throw options.fail("bounds", "expected numbers above 0, whose logarithms are uniform")
      }
      self = .logUniform(bounds)
    case "list":
      let values = try options.numbers("values", count: 1...1_000_000)
      guard count > 0, values.count.isMultiple(of: count) else {
        throw options.fail(
          "values", "expected \(count) a sample, as its condition has, found \(values.count)")
      }
      self = .list(values.map { Float($0) })
    default: throw item.unknownName(known: Self.names)
    }
    try options.finish()
    guard count > 0 || self == .data else {
      throw item.fail("expected samples with a vector of numbers, but the data's have none")
    }
  }

  private static func bounds(_ options: ConfigurationReader, count: Int) throws -> [Bounds] {
    let ends = try options.numbers("bounds", count: 2...2 * 65536)
    guard ends.count == 2 * count else {
      throw options.fail(
        "bounds", "expected [low, high] for each of \(count) numbers, found \(ends.count) ends")
    }
    return try (0..<count).map { number in
      let (low, high) = (ends[2 * number], ends[2 * number + 1])
      guard low <= high else {
        throw options.fail("bounds", "expected low <= high, found [\(low), \(high)]")
      }
      return Bounds(low: low, high: high)
    }
  }

  /// Whether the numbers are other than the reals'.
  package var isDrawn: Bool { self != .data }

  /// Overwrites a condition, whose class is there, with what is drawn for a sample.
  ///
  /// - Parameters:
  ///   - condition: Of the data set's shape; class too with `redrawn`.
  ///   - sample: Its number in the batch.
  ///   - stream: Of the step.
  ///   - dataset: Where redrawn ones come from.
  func draw(
    into condition: Condition, sample: Int, of stream: RandomStream, _ dataset: any Dataset
  ) {
    let numbers = condition.numbers
    switch self {
    case .data: return
    case .redrawn:
      return dataset.copyCondition(
        at: stream.integer(below: dataset.count, sample: sample), into: condition)
    case .uniform(let bounds):
      stream.uniforms(sample: sample, into: numbers)
      for (index, bounds) in bounds.enumerated() {
        numbers[index] = Float(bounds.low + (bounds.high - bounds.low) * Double(numbers[index]))
      }
    case .logUniform(let bounds):
      stream.uniforms(sample: sample, into: numbers)
      for (index, bounds) in bounds.enumerated() {
        let (low, high) = (log(bounds.low), log(bounds.high))
        numbers[index] = Float(exp(low + (high - low) * Double(numbers[index])))
      }
    case .list(let values):
      let row = stream.integer(below: values.count / numbers.count, sample: sample)
      for index in numbers.indices { numbers[index] = values[row * numbers.count + index] }
    }
    dataset.transformCondition(numbers)
  }
}

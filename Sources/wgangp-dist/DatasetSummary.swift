import Base
import Datasets
import Foundation

/// What `data verify --config` tells of data that can be read.
///
/// Values are those that networks see: scaled and transformed as the configuration says.
struct DatasetSummary: Encodable {
  /// The least and the greatest of the values that were looked at.
  struct Range: Encodable {
    let low: Float
    let high: Float
  }

  /// A class by its folder's name or its number, and how many of all samples are of it.
  struct Class: Encodable {
    let name: String
    let samples: Int
  }

  let name: String
  let samples: Int
  /// Channels x height x width.
  let shape: String
  /// Samples that were looked at for values and conditions, spread over the set.
  let looked: Int
  let values: Range
  let mean: Double
  /// Numbers of a sample's condition.
  let conditionNumbers: Int
  /// What each number of the conditions is, as networks are told it, of data that are arrays.
  let conditions: [Range]
  let classes: [Class]

  /// Looks at up to 1000 samples and at all classes.
  ///
  /// Every sample's label is asked for, and the values of samples i count / 1000: the summary of a
  /// set is the same each time.
  ///
  /// - Parameter dataset: With at least one sample.
  /// - Complexity: One pass over the labels, and over 1000 samples' values.
  init(_ dataset: any Dataset) {
    name = dataset.name
    samples = dataset.count
    shape = "\(dataset.shape)"
    let looked = min(dataset.count, 1000)
    // Spread over the set: classes often lie one after the other.
    let indices = (0..<looked).map { $0 * dataset.count / looked }
    self.looked = looked
    var sample = [Float](repeating: 0, count: dataset.shape.elementCount)
    var (low, high, sum) = (Float.infinity, -Float.infinity, 0.0)
    for index in indices {
      sample.withUnsafeMutableBufferPointer { dataset.copySample(at: index, into: $0) }
      for value in sample {
        low = min(low, value)
        high = max(high, value)
        sum += Double(value)
      }
    }
    values = Range(low: low, high: high)
    mean = sum / Double(looked * sample.count)
    conditionNumbers = dataset.condition.numbers
    conditions = dataset is ArrayDataset ? Self.conditions(dataset, indices) : []
    var counts = [Int](repeating: 0, count: dataset.classCount)
    for index in 0..<dataset.count where !counts.isEmpty { counts[dataset.label(at: index)] += 1 }
    let names = (dataset as? ImageFolderDataset)?.classes
    classes = counts.enumerated().map {
      Class(name: names?[$0.offset] ?? "\($0.offset)", samples: $0.element)
    }
  }

  /// The range of each number of the conditions over some samples.
  ///
  /// - Parameters:
  ///   - dataset: Its conditions, transformed as networks take them.
  ///   - indices: The samples that are looked at.
  /// - Returns: A range a number; none where samples have no conditions.
  private static func conditions(_ dataset: any Dataset, _ indices: [Int]) -> [Range] {
    guard dataset.condition.numbers > 0, !indices.isEmpty else { return [] }
    var low = [Float](repeating: .infinity, count: dataset.condition.numbers)
    var high = low.map { -$0 }
    for index in indices {
      Condition.withTemporary(dataset.condition) { found in
        dataset.copyCondition(at: index, into: found)
        for (number, value) in found.numbers.enumerated() {
          low[number] = min(low[number], value)
          high[number] = max(high[number], value)
        }
      }
    }
    return zip(low, high).map(Range.init)
  }

  /// For people: count and shape, range and mean, conditions, classes, a line each.
  ///
  /// Folders' names may hold anything: what would steer a terminal is escaped.
  var text: String {
    var lines = [
      "\(name): \(samples) samples of \(shape)",
      "values \(values.low) to \(values.high), mean "
        + String(format: "%.4f", mean) + " (of \(looked) samples)",
    ]
    if conditionNumbers > 0 {
      lines.append("condition of \(conditionNumbers) numbers a sample")
    }
    lines += conditions.enumerated().map {
      "condition \($0.offset): \($0.element.low) to \($0.element.high)"
    }
    let list = classes.map { "\($0.name): \($0.samples)" }.joined(separator: ", ")
    // Folders may have any name.
    lines.append(
      classes.isEmpty ? "no classes" : "\(classes.count) classes: \(Messages.shown(list))")
    return lines.joined(separator: "\n")
  }
}

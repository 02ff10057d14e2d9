import Base
import Datasets
import Sampling

/// What an exported file tells of where it comes from, and of its numbers.
struct ExportProperties {
  let all: [(key: String, value: String)]

  /// - Parameters:
  ///   - trained: The checkpoint.
  ///   - network: The network that is written.
  ///   - usesAverage: Whether averaged weights were asked for.
  /// - Throws: Where the record of the data has a number that JSON has not.
  init(_ trained: TrainedModel, _ network: NetworkExport.Choice, usesAverage: Bool) throws {
    let configuration = trained.configuration
    let hasAverage =
      (try? CheckpointPlace(trained.source).contains("\(network.rawValue)_ema")) ?? false
    var found: [(String, String)] = [
      ("version", programVersion), ("run", configuration.name),
      ("iteration", trained.iteration.map(String.init) ?? ""),
      ("weights", usesAverage && hasAverage ? "average" : "own"),
    ]
    if let arrays = configuration.data.arrays {
      let record = configuration.data.record
      let units =
        arrays.transforms.isEmpty
        ? "those of the data" : "those of the networks: the transforms are not undone"
      let transforms = { (list: [ArrayTransform]) in
        list.map(\.text).joined(separator: "; ")
      }
      found.append(("samples", record?.samples.name ?? ""))
      found.append(("samples.units", units))
      found.append(("samples.transforms", transforms(arrays.transforms)))
      found.append(("condition.transforms", transforms(arrays.conditionTransforms)))
      // Sizes, and the means and deviations of `standardize`.
      found.append(("data", try record?.json ?? ""))
    } else {
      let range = configuration.data.range
      found.append(("samples.range", "\(range.lowerBound) \(range.upperBound)"))
    }
    found.append(("condition.names", configuration.data.numberNames.joined(separator: ", ")))
    all = found.filter { !$0.1.isEmpty }.map { (key: $0.0, value: $0.1) }
  }
}

extension ArrayTransform {
  /// As a configuration has it.
  fileprivate var text: String {
    let list = { (values: [Double]) in
      values.count == 1
        ? "\(values[0])" : "[\(values.map { "\($0)" }.joined(separator: ", "))]"
    }
    return switch self {
    case .divide(let condition): "divide: {condition: \(condition)}"
    case .add(let values): "add: {value: \(list(values))}"
    case .scale(let values): "scale: {by: \(list(values))}"
    case .log: "log"
    case .logit(let alpha): "logit: {alpha: \(alpha)}"
    case .clipBelow(let bound, let inverse):
      "clipBelow: {at: \(bound)\(inverse.map { ", inverse: \($0)" } ?? "")}"
    case .standardize(let group): "standardize: {per: \(group.rawValue)}"
    }
  }
}

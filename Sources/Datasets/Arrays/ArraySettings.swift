import Base
import Foundation

func ln(_ value: Double) -> Double { Foundation.log(value) }
func exponential(_ value: Double) -> Double { Foundation.exp(value) }

/// Numbers that lie beside the samples.
package struct ArrayCondition: Sendable, Equatable {
  /// The field's name, or a file of its own beside files of one array.
  package var name: String
  /// Numbers a sample.
  package var size: Int

  package init(name: String, size: Int = 1) {
    self.name = name
    self.size = size
  }
}

/// Some of the samples in files of arrays, under the same names as the others.
package struct ArrayPart: Sendable, Equatable {
  /// The files, read as one.
  package var paths: [String]
  /// Which samples, counted through all files; nil for all.
  package var rows: Range<Int>?

  package init(paths: [String], rows: Range<Int>? = nil) {
    self.paths = paths
    self.rows = rows
  }
}

/// Samples of any shape in files of arrays.
package struct ArraySettings: Sendable, Equatable {
  /// The files, read as one.
  package var paths: [String]
  /// The field's name, or those of a table's columns; empty for the only one, or all columns.
  package var samples: [String] = []
  /// Sizes to be given to a sample instead of the file's.
  package var shape: [Int]?
  /// Which samples, counted through all files; nil for all.
  package var rows: Range<Int>?
  /// Which indices of the last dimension; nil for all.
  package var columns: Range<Int>?
  package var conditions: [ArrayCondition] = []
  /// The field of the classes, whole numbers from 0; nil for none.
  package var labels: String?
  /// More than every label; 0 to find out.
  package var classes = 0
  package var transforms: [ArrayTransform] = []
  /// Of the conditions.
  package var conditionTransforms: [ArrayTransform] = []
  /// Below it, samples become 0 when they are written; nil to leave them.
  package var threshold: Double?
  /// The folder for what has to be unpacked and does not fit in memory; nil for that of temporary
  /// files.
  package var cache: String?
  /// Samples that are not trained on; nil for none.
  package var heldOut: ArrayPart?

  package init(paths: [String]) { self.paths = paths }

  /// The same of the samples that are not trained on; nil where there are none.
  var ofHeldOut: ArraySettings? {
    heldOut.map { part in
      var settings = self
      (settings.paths, settings.rows, settings.heldOut) = (part.paths, part.rows, nil)
      return settings
    }
  }

  /// Refuses a name of the samples that none of the files can have.
  ///
  /// Not where other files are opened by the settings of training, as held out ones and those of
  /// `evaluate` are: a name that means something there need not here.
  ///
  /// - Throws: `Fault` about `samples`, and where a file cannot be read.
  package func requireMeantNames() throws {
    guard !samples.isEmpty else { return }
    let formats = try paths.map { try ArrayFormat(path: $0) }
    guard !formats.contains(where: \.hasNames) else { return }
    throw Fault(
      "found \(samples.joined(separator: ", ").onOneLine), but \(paths[0]) is \(formats[0].text), "
        + "which holds one array without a name", advice: "leave it out", parameter: "samples")
  }

  /// Refuses held-out files that would take the conditions or labels of those trained on.
  ///
  /// Beside files of one array these are files of their own, in the same folder under one name.
  ///
  /// - Throws: `Fault` about `heldOut`.
  package func requireOwnFields() throws {
    guard let heldOut, heldOut.paths != paths, let field = conditions.first?.name ?? labels else {
      return
    }
    let folder = { (path: String) in
      URL(fileURLWithPath: path).standardizedFileURL.deletingLastPathComponent().path
    }
    let trained = Set(paths.map(folder))
    for path in heldOut.paths where trained.contains(folder(path)) {
      // One that cannot be read is told where it is read.
      guard let format = try? ArrayFormat(path: path), !format.hasNames else { continue }
      throw Fault(
        "found \(path), whose \(field) would be that of \(paths[0]), in the same folder",
        advice: "put it with its own \(field) into another folder, or take rows of one file",
        parameter: "heldOut")
    }
  }

  /// Numbers of a condition.
  package var conditionNumbers: Int { conditions.reduce(0) { $0 + $1.size } }

  /// What each of them is called: `energy`, of a field of several `momentum_0`.
  package var conditionNames: [String] {
    conditions.flatMap { field in
      field.size == 1 ? [field.name] : (0..<field.size).map { "\(field.name)_\($0)" }
    }
  }

  /// Whether a sample's units depend on its condition.
  package var dividesByCondition: Bool {
    transforms.contains { if case .divide = $0 { true } else { false } }
  }

  /// What messages call the data.
  var name: String {
    "array \(paths[0])" + (paths.count > 1 ? " and \(paths.count - 1) more" : "")
  }

  /// What reads them.
  ///
  /// - Parameter limit: Of the rows, the most that are read.
  /// - Returns: The reading, nothing of it done.
  func reading(limit: Int?) -> ArrayReading {
    let rows = rows ?? 0..<Int.max
    let count = min(rows.count, limit ?? Int.max)
    return ArrayReading(
      paths: paths, rows: rows.lowerBound..<rows.lowerBound + count,
      requests: [.init(key: "samples", names: samples)]
        + conditions.map { .init(key: "condition", names: [$0.name]) }
        + (labels.map { [.init(key: "labels", names: [$0])] } ?? []))
  }
}

/// How a sample of a file becomes one of the networks and back: sizes, order and units.
package struct ArrayUnits: Sendable {
  /// What networks see.
  package let shape: Shape
  /// Of a sample in a file, without the columns that are left out.
  package let sizes: [Int]
  package let samples: TransformChain
  package let conditions: TransformChain
  /// The place in the file's sample of each number of a sample that is channels last.
  let places: [Int]
  /// Likewise in a file with all columns.
  let order: [Int]
  /// The index among the condition's numbers of each that can be divided by.
  let divisors: [Int]
  /// Whether a sample's units depend on its condition.
  package let dividesByCondition: Bool
  private let threshold: Double?

  /// - Parameters:
  ///   - settings: Of the data.
  ///   - fileSizes: Of a sample, as in the file.
  ///   - statistics: Of samples and conditions; nil for those that are not found yet.
  /// - Throws: `Fault` where the settings do not fit the sizes.
  package init(
    _ settings: ArraySettings, fileSizes: [Int], statistics: [Double]? = nil
  ) throws {
    let last = fileSizes.last ?? 1
    let columns = settings.columns ?? 0..<last
    guard columns.upperBound <= last else {
      throw Fault(
        "found [\(columns.lowerBound), \(columns.upperBound)], but the last dimension has \(last)",
        parameter: "columns")
    }
    sizes = fileSizes.isEmpty ? [] : fileSizes.dropLast() + [columns.count]
    let wanted = settings.shape ?? sizes
    let total = sizes.reduce(1, *)
    let product = checkedProduct(wanted)
    guard product == total else {
      let found = product.map { "\($0)" } ?? "too many"
      throw Fault(
        "found \(wanted), \(found) numbers, but a sample has "
          + "\(total) (\(sizes))", parameter: "shape")
    }
    shape = try Shape(arraySizes: wanted)
    let (channels, pixels) = (shape.channels, shape.elementCount / shape.channels)
    places = (0..<total).map { $0 % channels * pixels + $0 / channels }
    order = places.map { $0 / columns.count * last + columns.lowerBound + $0 % columns.count }
    let single = settings.conditions.filter { $0.size == 1 }
    var (index, found) = (0, [Int]())
    for condition in settings.conditions {
      if condition.size == 1 { found.append(index) }
      index += condition.size
    }
    divisors = found
    var samples = try TransformChain(
      settings.transforms, places: places, channels: channels, conditions: single.map(\.name),
      key: "transforms")
    let numbers = settings.conditionNumbers
    var conditions = try TransformChain(
      settings.conditionTransforms, places: Array(0..<numbers), channels: max(numbers, 1),
      conditions: [], key: "condition.transforms")
    if let statistics {
      let count = samples.statisticsCount
      guard statistics.count == count + conditions.statisticsCount else {
        throw Fault(
          "found \(statistics.count) means and deviations of the run, expected "
            + "\(count + conditions.statisticsCount): is it of other data?")
      }
      samples.setStatistics(Array(statistics[..<count]))
      conditions.setStatistics(Array(statistics[count...]))
    }
    self.samples = samples
    self.conditions = conditions
    threshold = settings.threshold
    dividesByCondition = settings.dividesByCondition
  }

  private init(_ other: ArrayUnits, samples: TransformChain, conditions: TransformChain) {
    (shape, sizes, places, order) = (other.shape, other.sizes, other.places, other.order)
    (divisors, threshold) = (other.divisors, other.threshold)
    dividesByCondition = other.dividesByCondition
    self.samples = samples
    self.conditions = conditions
  }

  /// Numbers that are found by going through the data.
  package var statisticsCount: Int { samples.statisticsCount + conditions.statisticsCount }

  /// The same with other transforms, their statistics set.
  func with(samples: TransformChain, conditions: TransformChain) -> ArrayUnits {
    ArrayUnits(self, samples: samples, conditions: conditions)
  }

  // MARK: - Back

  /// A condition in the file's units.
  package func units(ofCondition numbers: [Float]) -> [Double] {
    var values = numbers.map(Double.init)
    conditions.invert(&values) { _ in 1 }
    return values
  }

  /// A condition as networks are told it.
  package func condition(ofUnits values: [Double]) -> [Float] {
    precondition(values.count == conditions.width, "\(values.count) of \(conditions.width)")
    return values.enumerated().map { condition(ofUnits: $1, at: $0) }
  }

  /// A sample as networks take it, channels last.
  ///
  /// - Parameters:
  ///   - values: In the file's units and order.
  ///   - condition: In the file's units.
  /// - Returns: The numbers, rounded to single precision.
  package func networkValues(ofUnits values: [Double], condition: [Double]) -> [Float] {
    var ordered = places.map { values[$0] }
    ordered.withUnsafeMutableBufferPointer { ordered in
      samples.apply(ordered, from: 0) { condition.isEmpty ? 1 : condition[divisors[$0]] }
    }
    return ordered.map(Float.init)
  }

  /// One number of a condition likewise; allocates nothing.
  func condition(ofUnits value: Double, at place: Int) -> Float {
    var value = value
    // One at a time: no transform of a condition looks at another number.
    withUnsafeMutablePointer(to: &value) {
      let one = UnsafeMutableBufferPointer(start: $0, count: 1)
      conditions.apply(one, from: place) { _ in 1 }
    }
    return Float(value)
  }

  /// A sample in the file's units and order.
  ///
  /// - Parameters:
  ///   - sample: Channels last.
  ///   - condition: In the file's units.
  /// - Returns: The numbers as the file has them, those below the threshold 0.
  package func units(of sample: some Collection<Float>, condition: [Double]) -> [Double] {
    var values = sample.map(Double.init)
    samples.invert(&values) { condition.isEmpty ? 1 : condition[divisors[$0]] }
    var ordered = values
    for (index, place) in places.enumerated() {
      let value = values[index]
      ordered[place] = threshold.map { value < $0 ? 0 : value } ?? value
    }
    return ordered
  }
}

extension Shape {
  /// The shape of a sample of an array.
  ///
  /// - Parameter sizes: None for one number, then [n], [c, l], [c, h, w] or [c, d, h, w].
  /// - Throws: `Fault` for others.
  init(arraySizes sizes: [Int]) throws {
    guard sizes.count <= 4 else {
      throw Fault(
        "samples of sizes \(sizes); expected [n], [channels, length], [channels, height, width] or "
          + "[channels, depth, height, width]", parameter: "shape")
    }
    guard !sizes.contains(0) else {
      throw Fault("samples of sizes \(sizes), which have no numbers", parameter: "shape")
    }
    self.init(sizes.isEmpty ? [1] : sizes)
  }
}

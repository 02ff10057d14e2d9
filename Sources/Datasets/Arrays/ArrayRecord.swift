import Base
import Foundation
import Storage

/// What a run keeps of its arrays, `data.json`: the layout of their files, and the means and
/// deviations of the transforms, so that samples are written as the data were read, without them.
package struct ArrayRecord: Codable, Sendable, Equatable {
  /// An array of the files.
  package struct Field: Codable, Sendable, Equatable {
    /// Empty where files have one array.
    package var name: String
    /// Of a sample; empty for one number.
    package var sizes: [Int]
    package var type: ElementType
    /// A table's columns.
    package var columns: [String]?
  }

  package var format = 1
  package var samples: Field
  /// Of a sample, as the file has it with all columns.
  var fileSizes: [Int]
  package var conditions: [Field]
  package var labels: Field?
  /// Of the transforms, as `ArrayDataset.findStatistics` gives them.
  package var statistics: [Double]

  init(_ settings: ArraySettings, _ plan: ArrayPlan, _ units: ArrayUnits, statistics: [Double]) {
    func field(_ index: Int, _ sizes: [Int]) -> Field {
      let field = plan.fields[index]
      return Field(name: field.name, sizes: sizes, type: field.type, columns: field.columns)
    }
    samples = field(0, units.sizes)
    if let columns = settings.columns, let names = samples.columns {
      samples.columns = Array(names[columns])
    }
    fileSizes = plan.fields[0].sizes
    let count = settings.conditions.count
    conditions = (0..<count).map { field(1 + $0, plan.fields[1 + $0].sizes) }
    labels = settings.labels.map { _ in field(1 + count, plan.fields[1 + count].sizes) }
    self.statistics = statistics
  }

  /// Reads it.
  ///
  /// - Parameter path: The file.
  /// - Throws: `Fault` where it is damaged.
  package init(path: String) throws {
    let bytes = try FileSystem.readFile(path, limit: 1 << 28)
    try self.init(json: String(decoding: bytes, as: UTF8.self), path: path)
  }

  /// Reads its text.
  ///
  /// - Parameters:
  ///   - json: The text.
  ///   - path: What errors call it.
  /// - Throws: `Fault` where it is damaged.
  package init(json: String, path: String) throws {
    do { self = try JSONDecoder().decode(Self.self, from: Data(json.utf8)) } catch {
      throw Fault("\(path): damaged: no record of arrays")
    }
    guard format == 1 else { throw Fault("\(path): format \(format), 1 is expected") }
    let fields = [samples] + conditions + (labels.map { [$0] } ?? [])
    guard (fields.map(\.sizes) + [fileSizes]).allSatisfy(Self.isPossible) else {
      throw Fault("\(path): damaged: impossible sizes of a sample")
    }
  }

  /// Whether a sample can have these sizes: 16 GB in double precision at the most.
  private static func isPossible(_ sizes: [Int]) -> Bool {
    checkedProduct(sizes).map { 1...1 << 31 ~= $0 } ?? false
  }

  package var json: String { get throws { try JSONFile.text(of: self, isIndented: false) } }

  /// Refuses other files whose samples are not laid out as these.
  ///
  /// - Parameters:
  ///   - other: Of the other files.
  ///   - path: What errors call them.
  /// - Throws: `Fault`.
  package func requireSameLayout(_ other: ArrayRecord, of path: String) throws {
    guard other.fileSizes != fileSizes else { return }
    throw Fault("\(path): samples of \(other.fileSizes), those of training are \(fileSizes)")
  }

  /// The units of a run's samples.
  ///
  /// - Parameter settings: Of its configuration.
  /// - Returns: The units.
  /// - Throws: `Fault` where they do not fit.
  package func units(_ settings: ArraySettings) throws -> ArrayUnits {
    let columns = settings.columns?.count ?? fileSizes.last ?? 1
    let sizes: [Int] = fileSizes.isEmpty ? [] : fileSizes.dropLast() + [columns]
    let numbers = conditions.map { $0.sizes.reduce(1, *) }
    // Before anything is taken for them.
    guard samples.sizes == sizes, numbers == settings.conditions.map(\.size),
      samples.columns.map({ $0.count == sizes.reduce(1, *) }) ?? true
    else {
      throw Fault(
        "the run's data had samples of \(samples.sizes) and conditions of \(numbers) numbers, "
          + "its configuration says others")
    }
    return try ArrayUnits(settings, fileSizes: fileSizes, statistics: statistics)
  }
}

import Base
import Datasets
import Storage

/// The arrays that samples are written as.
struct SampleColumns {
  /// One array.
  struct Column {
    var name: String
    var type: ElementType
    /// Of a sample; empty for one number.
    var sizes: [Int]
    /// In a table.
    var columnNames: [String]
    var isOfSamples = false
    var isNoise = false
    /// The numbers of a sample, in the order of the sizes; not of the samples themselves.
    var values: (_ row: Int) -> [Double]
  }

  /// The samples first.
  let all: [Column]
  private let layout: SampleGenerator.Layout
  private let shape: Shape
  private let units: ArrayUnits?

  init(
    _ generator: SampleGenerator, _ layout: SampleGenerator.Layout,
    _ arrays: (settings: ArraySettings, record: ArrayRecord)?
  ) throws {
    self.layout = layout
    shape = generator.shape
    units = try arrays.map { try $0.record.units($0.settings) }
    if let units, units.shape != shape {
      throw Fault("the run's data were samples of \(units.shape), the generator gives \(shape)")
    }
    let noise = Self.noise(generator)
    guard let arrays, let units else {
      all =
        [
          Self.column("samples", .float32, shape.arraySizes, isOfSamples: true) { _ in [] }, noise,
        ] + (generator.condition.classes > 0 ? [Self.labels("labels", .int64, layout)] : [])
        + Self.conditions(generator, layout)
      return
    }
    let takesNumbers = generator.condition.numbers > 0
    guard takesNumbers || !arrays.settings.dividesByCondition else {
      throw Fault(
        "data.transforms: samples were divided by a condition, of which this generator knows "
          + "nothing: their units cannot be had")
    }
    let record = arrays.record
    var samples = Self.column(
      record.samples.name.isEmpty ? "samples" : record.samples.name, record.samples.type,
      record.samples.sizes, isOfSamples: true
    ) { _ in [] }
    if let names = record.samples.columns { samples.columnNames = names }
    var (all, first) = ([samples], 0)
    for (field, condition) in zip(record.conditions, arrays.settings.conditions)
    where takesNumbers {
      let numbers = first..<first + condition.size
      first += condition.size
      all.append(
        Self.column(field.name, field.type, field.sizes) { row in
          Array(Self.condition(row, layout, units)[numbers])
        })
    }
    if let field = record.labels, generator.condition.classes > 0 {
      all.append(Self.labels(field.name, field.type, layout))
    }
    self.all = all + [noise]
  }

  private static func column(
    _ name: String, _ type: ElementType, _ sizes: [Int], isOfSamples: Bool = false,
    _ values: @escaping (Int) -> [Double]
  ) -> Column {
    let count = sizes.reduce(1, *)
    return Column(
      name: name, type: type, sizes: sizes,
      columnNames: count == 1 ? [name] : (0..<count).map { "\(name)_\($0)" },
      isOfSamples: isOfSamples, values: values)
  }

  private static func noise(_ generator: SampleGenerator) -> Column {
    let shape = generator.noiseShape
    var column = Self.column("noise", .float32, shape.arraySizes) { row in
      var noise = [Float](repeating: 0, count: shape.elementCount)
      noise.withUnsafeMutableBufferPointer { generator.fillNoise(row, $0) }
      return shape.channelsFirst(noise[...]).map(Double.init)
    }
    column.isNoise = true
    return column
  }

  private static func labels(
    _ name: String, _ type: ElementType, _ layout: SampleGenerator.Layout
  ) -> Column {
    column(name, type, []) { row in
      let conditions = layout.conditions
      return [Double(conditions.isEmpty ? 0 : conditions[row % conditions.count].label ?? 0)]
    }
  }

  /// The numbers that samples are conditioned on, as networks take them; none for none.
  private static func conditions(
    _ generator: SampleGenerator, _ layout: SampleGenerator.Layout
  ) -> [Column] {
    let count = generator.condition.numbers
    guard count > 0 else { return [] }
    return [
      column("conditions", .float32, [count]) { row in
        numbers(row, layout, count: count).map(Double.init)
      }
    ]
  }

  /// What a sample is conditioned on, as networks take it; zeros where nothing was asked for.
  private static func numbers(
    _ row: Int, _ layout: SampleGenerator.Layout, count: Int
  ) -> [Float] {
    let conditions = layout.conditions
    let numbers = conditions.isEmpty ? [] : conditions[row % conditions.count].numbers
    return numbers.count == count ? numbers : [Float](repeating: 0, count: count)
  }

  /// The same in the file's units.
  private static func condition(
    _ row: Int, _ layout: SampleGenerator.Layout, _ units: ArrayUnits
  ) -> [Double] {
    units.units(ofCondition: numbers(row, layout, count: units.conditions.width))
  }

  /// The numbers of some samples, in the order of the file.
  ///
  /// - Parameters:
  ///   - rows: Which.
  ///   - images: The samples, channels last.
  /// - Returns: Sample by sample.
  func values(_ rows: Range<Int>, _ images: [Float]) -> [Double] {
    let size = shape.elementCount
    return rows.enumerated().flatMap { place, row in
      let image = images[place * size..<(place + 1) * size]
      guard let units else { return shape.channelsFirst(image).map(Double.init) }
      return units.units(of: image, condition: Self.condition(row, layout, units))
    }
  }
}

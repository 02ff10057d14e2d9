import Base
import Collectives
import Configuration
import Datasets
import Storage

extension RunConfiguration {
  /// Files of arrays.
  static func arrayData(_ section: ConfigurationReader) throws -> DataSection {
    var settings = ArraySettings(paths: try paths(section, "path"))
    settings.samples = try section.strings("samples", default: [])
    if section.contains("shape") {
      settings.shape = try section.integers("shape", count: 1...4, in: 1...Int(Int32.max))
    } else {
      _ = try section.optionalInteger("shape", in: 1...1)
    }
    settings.rows = try range(section, "rows")
    settings.columns = try range(section, "columns")
    try readCondition(section, into: &settings)
    settings.labels = try section.optionalString("labels")
    settings.classes = try section.integer("classes", default: 0, in: 0...65536)
    guard settings.labels != nil || settings.classes == 0 else {
      throw section.fail("classes", "expected data.labels too, the field that holds them")
    }
    settings.transforms = try transforms(section)
    settings.threshold = try section.optionalNumber("threshold")
    settings.cache = try section.optionalPath("cache")
    settings.heldOut = try heldOut(section, settings)
    let (low, high) = try section.numberPair("range", default: (-1, 1))
    guard Float(low) < Float(high), (Float(high) - Float(low)).isFinite else {
      throw section.fail("range", "expected [low, high] with low < high, found [\(low), \(high)]")
    }
    let limit = try section.optionalInteger("limit", in: 1...Int.max)
    let order = try section.choice("sampling", default: SamplingOrder.shuffled)
    try section.finish()
    return DataSection(
      source: .array(settings), range: Float(low)...Float(high), limit: limit, order: order,
      classes: settings.classes, numberNames: settings.conditionNames, reader: section)
  }

  private static func paths(_ section: ConfigurationReader, _ key: String) throws -> [String] {
    // `heldOut` may be rows, so a word on the command line is not taken as a path there.
    let paths =
      key == "path"
      ? try section.paths(key) : try section.strings(key).map { try FileSystem.expandingHome($0) }
    guard !paths.isEmpty, paths.allSatisfy({ !$0.isEmpty && !$0.contains("\0") }) else {
      throw section.fail(key, "expected the path of a file, or a list of them")
    }
    return paths
  }

  /// The key `heldOut`, files, or rows of them or of the files that are trained on.
  private static func heldOut(
    _ section: ConfigurationReader, _ training: ArraySettings
  ) throws -> ArrayPart? {
    guard section.contains("heldOut") else {
      _ = try section.optionalString("heldOut")
      return nil
    }
    guard section.isMapping("heldOut") else {
      let paths = try paths(section, "heldOut")
      guard paths.allSatisfy({ Double($0) == nil }) else {
        throw section.fail(
          "heldOut",
          "expected files, or {rows: [first, end]} of the files that are trained on, "
            + "found a number")
      }
      return ArrayPart(paths: paths)
    }
    let part = try section.section("heldOut")
    let isOther = part.contains("path")
    var found = ArrayPart(paths: isOther ? try paths(part, "path") : training.paths)
    if !isOther { _ = try part.optionalString("path") }
    found.rows = try range(part, "rows")
    guard found.paths == training.paths else { return found }
    guard let rows = found.rows, let trained = training.rows, !rows.overlaps(trained) else {
      throw part.fail(
        "rows",
        "expected rows that data.rows does not have; both are needed where the files are "
          + "those that are trained on")
    }
    return found
  }

  /// Indices from the first of a pair to before the second.
  private static func range(
    _ section: ConfigurationReader, _ key: String
  ) throws -> Range<Int>? {
    guard section.contains(key) else {
      _ = try section.optionalInteger(key, in: 0...0)
      return nil
    }
    let ends = try section.integers(key, count: 2...2, in: 0...Int.max)
    guard ends[0] < ends[1] else {
      throw section.fail(key, "expected [first, end] with first < end, found \(ends)")
    }
    return ends[0]..<ends[1]
  }

  /// The key `condition`, a field, a list of them, or with sizes and transforms.
  private static func readCondition(
    _ section: ConfigurationReader, into settings: inout ArraySettings
  ) throws {
    guard section.isMapping("condition") else {
      let names = try section.strings("condition", default: [])
      settings.conditions = names.map { ArrayCondition(name: $0) }
      return
    }
    let condition = try section.section("condition")
    let names = try condition.strings("fields")
    guard !names.isEmpty else { throw condition.fail("fields", "expected a field or more") }
    let sizes: [Int]
    if condition.isList("size") {
      sizes = try condition.integers("size", count: names.count...names.count, in: 1...65536)
    } else {
      let size = try condition.integer("size", default: 1, in: 1...65536)
      sizes = names.map { _ in size }
    }
    settings.conditions = zip(names, sizes).map { ArrayCondition(name: $0, size: $1) }
    settings.conditionTransforms = try transforms(condition)
  }

  private static func transforms(_ section: ConfigurationReader) throws -> [ArrayTransform] {
    try section.items("transforms", default: []).map { item in
      let transform = try transform(item)
      try item.options.finish()
      return transform
    }
  }

  private static func transform(_ item: ConfigurationItem) throws -> ArrayTransform {
    let options = item.options
    switch item.name {
    case "divide": return .divide(condition: try options.string("condition"))
    case "add": return .add(try values(options, "value"))
    case "scale":
      let factors = try values(options, "by")
      guard !factors.contains(0) else { throw options.fail("by", "expected numbers other than 0") }
      return .scale(factors)
    case "log": return .log
    case "logit":
      return .logit(alpha: try options.number("alpha", default: 1e-6, in: 0...0.499))
    case "clipBelow":
      return .clipBelow(
        at: try options.number("at"), inverse: try options.optionalNumber("inverse"))
    case "standardize":
      return .standardize(per: try options.choice("per", default: .feature))
    default:
      throw item.unknownName(
        known: ["divide", "add", "scale", "log", "logit", "clipBelow", "standardize"])
    }
  }

  /// A number, or a list of one a channel or feature.
  private static func values(_ options: ConfigurationReader, _ key: String) throws -> [Double] {
    guard options.isList(key) else { return [try options.number(key)] }
    return try options.numbers(key, count: 1...(1 << 24))
  }
}

extension RunConfiguration.DataSection {
  /// Reads the arrays for this process alone.
  package func openArrays(_ settings: ArraySettings) throws -> ArrayDataset {
    try reader.locatingErrors {
      try settings.requireMeantNames()
      try settings.requireOwnFields()
      let arrays = try HeldArrays(settings, limit: limit)
      let statistics =
        try record?.statistics ?? ArrayDataset.findStatistics(settings, arrays)
      return try ArrayDataset(settings, arrays, statistics: statistics)
    }
  }

  /// Opens samples that are not trained on, with the statistics of those that are.
  func openHeldOut(
    _ settings: ArraySettings, beside training: ArrayDataset?
  ) throws -> ArrayDataset {
    try reader.locatingErrors { try arrays?.requireOwnFields() }
    let record: ArrayRecord
    if let found = training?.record ?? self.record {
      record = found
    } else {
      guard let arrays else { preconditionFailure("\(source) has no arrays") }
      record = try openArrays(arrays).record
    }
    let dataset = try ArrayDataset(
      settings, HeldArrays(settings, limit: nil), statistics: record.statistics)
    try record.requireSameLayout(dataset.record, of: settings.paths[0])
    return dataset
  }

  /// Reads the arrays for all ranks, what has to be held once a node; the statistics of transforms
  /// are found by rank 0, or are those of the run.
  func openArrays(
    _ settings: ArraySettings, _ communicator: any Communicator
  ) throws -> ArrayDataset {
    let arrays = try holdArrays(settings, communicator)
    var statistics = record?.statistics ?? []
    if record == nil {
      statistics = try communicator.agree {
        try reader.locatingErrors {
          communicator.rank == 0
            ? try ArrayDataset.findStatistics(settings, arrays)
            : [Double](
              repeating: 0, count: try ArrayDataset.statisticsCount(settings, arrays))
        }
      }
      if communicator.size > 1, !statistics.isEmpty {
        try statistics.withUnsafeMutableBytes { try communicator.broadcast($0, from: 0) }
      }
    }
    return try communicator.agree {
      try reader.locatingErrors { try ArrayDataset(settings, arrays, statistics: statistics) }
    }
  }

  private func holdArrays(
    _ settings: ArraySettings, _ communicator: any Communicator
  ) throws -> HeldArrays {
    let layout = communicator.layout
    let areMapped = try communicator.agreed(
      communicator.agree {
        try reader.locatingErrors {
          try settings.requireMeantNames()
          try settings.requireOwnFields()
          return try HeldArrays.areMapped(settings)
        }
      })
    let open = { try reader.locatingErrors { try HeldArrays(settings, limit: limit) } }
    guard !areMapped, layout.nodes < layout.ranks else { return try communicator.agree(open) }
    let node = layout.nodeOfRank[communicator.rank]
    let isFirst = node == communicator.rank
    let isAlone = layout.nodeOfRank.count { $0 == node } == 1
    let key = SharedFile.Key.make()
    let made = try communicator.agree(of: Set(layout.nodeOfRank).sorted()) {
      try reader.locatingErrors {
        isFirst && !isAlone
          ? try HeldArrays.makeFile(settings, limit: limit, key: key).map { Optional($0) }
          : .success(nil)
      }
    }
    let shared = try share(
      made.mapError { $0 as any Error }, key, communicator, needsIt: !isAlone
    ) { try HeldArrays($0, places: SharedFile.places(cache: settings.cache)) }
    return try communicator.agree { try shared ?? open() }
  }
}

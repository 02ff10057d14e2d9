import Base
import Configuration
import Foundation

extension Quantity {
  /// Reads `evaluation.quantities`.
  ///
  /// - Parameters:
  ///   - section: `evaluation`.
  ///   - conditions: The names of the numbers that a sum can be divided by; nil where the data are
  ///     no arrays, which have no quantities.
  /// - Returns: The quantities; none where the key is absent.
  /// - Throws: `ConfigurationError`.
  package static func list(
    _ section: ConfigurationReader, conditions: [String]?
  ) throws -> [Quantity] {
    guard let items = try section.optionalItems("quantities"), !items.isEmpty else { return [] }
    guard let conditions else {
      throw section.fail("quantities", "expected data.source array, whose samples they are made of")
    }
    var names = Set<String>()
    return try items.map { item in
      let quantity = try Quantity(item, conditions: conditions)
      guard names.insert(quantity.name).inserted else {
        throw item.options.fail("name", "'\(quantity.name)' is there twice")
      }
      try item.options.finish()
      return quantity
    }
  }

  private init(_ item: ConfigurationItem, conditions: [String]) throws {
    let options = item.options
    name = try options.string("name")
    guard !name.isEmpty,
      name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
    else { throw options.fail("name", "expected letters, digits and _, found '\(name)'") }
    values = try Self.range(options)
    switch item.name {
    case "sum":
      form = .sum
      divisor = try options.optionalString("over")
      if let divisor, !conditions.contains(divisor) {
        throw options.fail(
          "over",
          "expected a number of data.condition ("
            + (conditions.isEmpty ? "there are none" : conditions.joined(separator: ", "))
            + "), found '\(divisor)'")
      }
    case "centre": form = .centre(positions: try Self.positions(options, values?.count))
    case "width": form = .width(positions: try Self.positions(options, values?.count))
    case "sparsity": form = .sparsity(above: try options.number("above", default: 0))
    case "occupancy": form = .occupancy(above: try options.number("above", default: 0))
    default:
      throw item.unknownName(known: ["sum", "centre", "width", "sparsity", "occupancy"])
    }
    unit = try options.string("unit", default: "")
    binning = try BinningSettings(options)
  }

  /// `values: [first, end]`.
  private static func range(_ options: ConfigurationReader) throws -> Range<Int>? {
    guard options.contains("values") else {
      _ = try options.optionalInteger("values", in: 0...0)
      return nil
    }
    let ends = try options.integers("values", count: 2...2, in: 0...Int.max)
    guard ends[0] < ends[1] else {
      throw options.fail("values", "expected [first, end] with first < end, found \(ends)")
    }
    return ends[0]..<ends[1]
  }

  /// A coordinate of bins around a point.
  private enum Axis: String, CaseIterable { case x, y, r }

  /// `positions`: a list, or the bins of a disc: `radii`, their edges, in `angles` parts.
  ///
  /// The middles of the bins, all radii of the first angle, then those of the next; angles go from
  /// -pi to pi. CaloChallenge calls r cos(angle) eta and r sin(angle) phi (its XMLHandler).
  private static func positions(
    _ options: ConfigurationReader, _ count: Int?
  ) throws -> [Double] {
    var positions: [Double]
    if options.isMapping("positions") {
      let disc = try options.section("positions")
      let edges = try disc.numbers("radii", count: 2...65536, in: 0...1e30)
      guard zip(edges, edges.dropFirst()).allSatisfy({ $0 < $1 }) else {
        throw disc.fail("radii", "expected edges of bins, each above the one before it")
      }
      let angles = try disc.integer("angles", default: 1, in: 1...65536)
      let axis: Axis = try disc.choice("axis")
      try disc.finish()
      let radii = zip(edges, edges.dropFirst()).map { $0 + ($1 - $0) / 2 }
      positions = (0..<angles).flatMap { index in
        let angle = -Double.pi + 2 * Double.pi * (Double(index) + 0.5) / Double(angles)
        return radii.map { radius in
          switch axis {
          case .x: radius * cos(angle)
          case .y: radius * sin(angle)
          case .r: radius
          }
        }
      }
    } else {
      positions = try options.numbers("positions", count: 1...1_048_576)
    }
    if let count, count != positions.count {
      throw options.fail(
        "positions", "found \(positions.count) positions, expected one for each of \(count) values")
    }
    return positions
  }
}

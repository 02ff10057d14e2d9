import Base
import Storage

/// The samples of an array, or the numbers beside them, that any thread reads in any order.
final class ArrayRows: Sendable {
  /// Part of the samples.
  private struct Segment: Sendable {
    /// The number of its first sample.
    var first: Int
    var bytes: ReadOnlyBytes
    var plan: ArrayPlan.Segment
    /// The element of each number in a sample, in the order in which numbers are copied; empty
    /// where they lie one after the other from `start` on.
    var places: [Int]
    var start: Int
  }

  let count: Int
  /// Numbers of a sample.
  let width: Int
  private let segments: [Segment]

  /// - Parameters:
  ///   - field: Where the array lies.
  ///   - order: For each number that is copied its place in a sample of the file, as if its last
  ///     index were the fastest.
  ///   - held: Bytes that were read.
  ///   - files: Maps a file.
  /// - Throws: What `files` throws.
  init(
    _ field: ArrayPlan.Field, order: [Int], held: ReadOnlyBytes?,
    files: (String) throws -> ReadOnlyBytes
  ) throws {
    count = field.count
    width = order.count
    var (first, segments) = (0, [Segment]())
    for plan in field.segments {
      guard let bytes = try plan.path.map(files) ?? held else {
        preconditionFailure("\(field.name): no bytes are held")
      }
      let places: [Int]
      if let last = segments.last, last.plan.steps == plan.steps, !last.places.isEmpty {
        places = last.places
      } else {
        places = Self.places(order, field.sizes, plan.steps)
      }
      let isPlain = places.indices.allSatisfy { places[$0] == places[0] + $0 }
      let last = plan.start + max(plan.count - 1, 0) * plan.rowStep
      guard last + ((places.max() ?? 0) + 1) * plan.type.byteCount <= bytes.count else {
        throw Fault("\(plan.path ?? field.name): changed while it was read")
      }
      segments.append(
        Segment(
          first: first, bytes: bytes, plan: plan, places: isPlain ? [] : places,
          start: places.first ?? 0))
      first += plan.count
    }
    self.segments = segments
  }

  private static func places(_ order: [Int], _ sizes: [Int], _ steps: [Int]) -> [Int] {
    order.map { index in
      var (rest, place) = (index, 0)
      for dimension in sizes.indices.reversed() {
        place += rest % sizes[dimension] * steps[dimension]
        rest /= sizes[dimension]
      }
      return place
    }
  }

  /// Overwrites `output` with numbers `first` and on of a sample; allocates nothing.
  func copy(_ row: Int, from first: Int, into output: UnsafeMutableBufferPointer<Double>) {
    precondition(row >= 0 && row < count && first + output.count <= width, "sample \(row)")
    var low = 0
    var high = segments.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if segments[middle].first <= row { low = middle } else { high = middle }
    }
    segments.withUnsafeBufferPointer { segments in
      let segment = segments[low]
      let plan = segment.plan
      let start = plan.start + (row - segment.first) * plan.rowStep
      segment.bytes.withUnsafeBufferPointer { all in
        let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(all)[start...])
        guard !segment.places.isEmpty else {
          return plan.type.gather(
            from: bytes, isBigEndian: plan.isBigEndian, first: segment.start + first, places: nil,
            into: output)
        }
        segment.places.withUnsafeBufferPointer { places in
          plan.type.gather(
            from: bytes, isBigEndian: plan.isBigEndian, first: 0,
            places: UnsafeBufferPointer(rebasing: places[first..<first + output.count]),
            into: output)
        }
      }
    }
  }

  /// One number of a sample.
  func number(_ row: Int, _ index: Int) -> Double {
    var value = 0.0
    withUnsafeMutablePointer(to: &value) {
      copy(row, from: index, into: UnsafeMutableBufferPointer(start: $0, count: 1))
    }
    return value
  }
}

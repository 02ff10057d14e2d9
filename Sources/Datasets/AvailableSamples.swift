import Base

/// Samples before they are read or drawn: how many there are, and how the first of them are made.
///
/// The one place where a limit counts. What lies behind it is not drawn and not kept, and not read
/// where the format allows that.
package struct AvailableSamples<Samples> {
  /// All there are.
  package let count: Int
  private let make: (_ count: Int) throws -> Samples

  /// - Parameters:
  ///   - count: Samples, 1 or more.
  ///   - make: Reads or draws as many samples from the front as it is asked for, 1 ... count.
  package init(count: Int, make: @escaping (_ count: Int) throws -> Samples) {
    precondition(count > 0, "\(count) samples")
    self.count = count
    self.make = make
  }

  /// Reads or draws the first samples.
  ///
  /// - Parameter limit: At most so many, 1 or more; nil for all of them.
  /// - Returns: The samples.
  /// - Throws: `Fault` where they cannot be read.
  package func first(_ limit: Int? = nil) throws -> Samples {
    precondition(limit ?? 1 > 0, "the first \(limit ?? 1) samples")
    return try make(min(limit ?? count, count))
  }

  /// Samples of which something else is made when they are.
  func map<Result>(
    _ transform: @escaping (Samples) throws -> Result
  ) -> AvailableSamples<Result> {
    AvailableSamples<Result>(count: count) { [make] in try transform(make($0)) }
  }
}

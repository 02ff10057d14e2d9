/// What went wrong: one line for a person, which says what was found, what was expected and where.
public struct Failure: Error, CustomStringConvertible, Sendable {
  public let description: String

  init(_ error: any Error) {
    description = (error as? Failure)?.description ?? "\(error)"
  }

  /// Calls `body`, and throws what it throws as a `Failure`.
  ///
  /// Not by a typed throw: with it Swift 6.3's release builds freed what the result holds twice, as
  /// glibc's malloc checks showed; the same code with plain throws is clean.
  static func catching<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch { throw Failure(error) }
  }
}

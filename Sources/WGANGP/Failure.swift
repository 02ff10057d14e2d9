/// What went wrong: one line for a person, which says what was found, what was expected and where.
public struct Failure: Error, CustomStringConvertible, Sendable {
  public let description: String

  init(_ error: any Error) {
    description = (error as? Failure)?.description ?? "\(error)"
  }

  /// Calls `body`, and throws what it throws as a `Failure`.
  static func catching<Result>(_ body: () throws -> Result) throws(Failure) -> Result {
    do { return try body() } catch { throw Failure(error) }
  }
}

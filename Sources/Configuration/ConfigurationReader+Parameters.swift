import Base

extension ConfigurationReader {
  /// Runs `body`, whose parameters are called as this mapping's keys.
  ///
  /// - Parameter body: What takes values of this mapping.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws; an error about a parameter as one about the key of that name,
  ///   with its place in front.
  package func locatingErrors<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as Fault {
      guard let parameter = error.parameter else { throw error }
      throw fail(parameter, error.message)
    }
  }
}

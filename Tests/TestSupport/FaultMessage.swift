/// The line of the error that `body` throws, nil if it throws none.
package func message<Result>(of body: () throws -> Result) -> String? {
  do {
    _ = try body()
    return nil
  } catch { return "\(error)" }
}

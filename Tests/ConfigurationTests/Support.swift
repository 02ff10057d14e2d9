import Configuration
import Testing

/// A reader of `text`, with assignments set over it, which errors call `x.yaml`.
func reader(_ text: String, _ assignments: String...) throws -> ConfigurationReader {
  var document = try ConfigurationDocument(text: text, name: "x.yaml")
  for assignment in assignments { try document.override(assignment) }
  return document.root()
}

/// The message of the `ConfigurationError` that `body` throws; what it gives instead otherwise.
func message<Result>(_ body: () throws -> Result) -> String {
  do {
    return "no error, but: \(try body())"
  } catch let error as ConfigurationError {
    return error.message
  } catch {
    return "not a ConfigurationError: \(error)"
  }
}

import Base

/// What is wrong with a configuration, in one line that names the place.
///
/// - `configs/x.yaml:12: training.bacth: unknown key; did you mean 'batch'? (known: batch, shards)`
/// - `configs/x.yaml:14: training.batch: expected an integer from 1 to 1048576, found 'abc'`
/// - `command line: training.batch=0: expected an integer from 1 to 1048576, found 0`
package struct ConfigurationError: Error, CustomStringConvertible, Equatable, Sendable {
  package var message: String

  /// Takes the message; line breaks in it (values are quoted as found) are written as `\n`.
  package init(message: String) { self.message = message.onOneLine }

  package var description: String { message }
}

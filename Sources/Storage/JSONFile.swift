import Foundation

/// JSON as the files of a run have it.
package enum JSONFile {
  /// The text of a value, its keys in the order of the alphabet, with a newline at its end.
  ///
  /// - Parameters:
  ///   - value: The value.
  ///   - isIndented: Whether each key has a line of its own.
  /// - Returns: The text.
  /// - Throws: Where the value has a number that JSON has not, such as NaN.
  package static func text(of value: some Encodable, isIndented: Bool = true) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if isIndented { encoder.outputFormatting.insert(.prettyPrinted) }
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }
}

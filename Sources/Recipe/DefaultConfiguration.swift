import Configuration

extension ConfigurationDocument {
  /// The document of a file, or the built-in default.
  package static func named(_ path: String?) throws -> ConfigurationDocument {
    guard let path else {
      return try ConfigurationDocument(text: defaultConfiguration, name: "built-in default")
    }
    return try ConfigurationDocument(path: path)
  }

  /// Applies `key=value` assignments in order.
  ///
  /// Setting one of epochs and iterations takes back the other.
  package mutating func apply(_ overrides: [String]) throws {
    for assignment in overrides {
      try override(assignment)
      if assignment.hasPrefix("training.epochs=") { try override("training.iterations=null") }
      if assignment.hasPrefix("training.iterations=") { try override("training.epochs=null") }
    }
  }

  /// Whether sizes are multiples of a `width`.
  package var hasWidth: Bool { root().contains("width") }
}

/// What `train` runs without `--config`: configs/glyphs.yaml as it was when the program was built.
private let defaultConfiguration = String(decoding: PackageResources.glyphs_yaml, as: UTF8.self)

import Configuration

extension ConfigurationDocument {
  /// The document of a file, or the built-in default.
  package static func named(_ path: String?) throws -> ConfigurationDocument {
    guard let path else {
      return try ConfigurationDocument(text: defaultConfiguration, name: "built-in default")
    }
    return try ConfigurationDocument(path: path)
  }

  /// The document of a classifier's file, or of the one that is built in.
  package static func classifier(_ path: String?) throws -> ConfigurationDocument {
    guard let path else {
      return try ConfigurationDocument(text: defaultClassifier, name: "built-in classifier")
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

/// What `evaluate train-classifier` trains without `--config`: configs/classifiers/glyphs.yaml.
private let defaultClassifier = String(
  decoding: PackageResources.glyphs_classifier_yaml, as: UTF8.self)

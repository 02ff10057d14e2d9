import Datasets

/// What of a run decides which scores apply to it.
package struct ScoreSubject: Sendable {
  /// The run's name, for errors.
  package var name: String
  package var source: DatasetSource
  /// Whether only the critic is trained: then samples say nothing.
  package var hasFixedGenerator: Bool

  package init(name: String, source: DatasetSource, hasFixedGenerator: Bool = false) {
    self.name = name
    self.source = source
    self.hasFixedGenerator = hasFixedGenerator
  }

  /// What a score of the generator says where there is none to judge; else nil.
  package var refusalWithoutGenerator: String? {
    hasFixedGenerator ? "training.fixedGenerator trains no generator" : nil
  }
}

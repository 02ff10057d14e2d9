/// What the command line asks of `train`.
package struct TrainingOptions: Sendable {
  /// A configuration file; nil for the built-in default, or for that of the run to go on with.
  package var configuration: String?
  package var overrides: [String] = []
  /// The folder of the run; nil for a free name in `output.directory`.
  package var runFolder: String?
  /// The folder of a run to go on with.
  package var resume: String?
  /// Whether a run that `runFolder` holds is gone on with.
  package var goesOn = false
  /// A checkpoint or imported weights to begin with; nil for drawn ones.
  package var origin: String?
  /// Whether other data than the run began with are a warning instead of an error.
  package var acceptsChanges = false
  /// When the job has to be over.
  package var limit: RunLimit?
  /// Seconds after which an exchange that is not finished ends the job; nil for never.
  package var stallTimeout: Double? = 600
  /// How often a run that diverges goes back to its last checkpoint, with half the learning rates.
  package var rollbacks = 0
  package var version = ""

  package init() {}
}

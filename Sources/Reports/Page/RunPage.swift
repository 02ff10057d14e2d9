import Base

/// What a page shows of one run.
package struct RunPage: Sendable {
  /// A picture as its PNG file.
  package struct Image: Sendable {
    package var caption: String
    package var bytes: [UInt8]
    /// Pixels.
    package var width: Int
    package var height: Int

    package init(caption: String, bytes: [UInt8], width: Int, height: Int) {
      self.caption = caption
      self.bytes = bytes
      self.width = width
      self.height = height
    }
  }

  /// A value of the configuration.
  package struct Setting: Sendable {
    package var key: String
    package var value: String
    /// What the file that it is compared with has; nil where that is the same.
    package var published: String?

    package init(key: String, value: String, published: String? = nil) {
      self.key = key
      self.value = value
      self.published = published
    }
  }

  package var name: String
  package var folder: String
  /// `done`, `running` and so on.
  package var state = ""
  /// What stands at the top: iterations, seconds, date.
  package var facts: [(name: String, value: String)] = []
  package var metrics: MetricsTable?
  package var scores: MetricsTable?
  /// The iteration of the checkpoint with the best score.
  package var bestIteration: Int?
  /// Samples, the oldest first.
  package var images: [Image] = []
  /// How many such pictures the run has.
  package var imageCount = 0
  /// As many reals, to stand beside; or reals and samples in one picture.
  package var reals: Image?
  package var settings: [Setting] = []
  /// The file that the configuration is compared with.
  package var published: String?
  package var environment: [(name: String, value: String)] = []
  package var warnings: [String] = []
  /// Lines of run.log.
  package var log: [String] = []
  /// What could not be read, a line each.
  package var notes: [String] = []

  package init(name: String, folder: String) {
    self.name = name
    self.folder = folder
  }

  /// Iterations done, by metrics.csv.
  package var iterations: Int { metrics?["iteration"].last.map { Int($0) } ?? 0 }

  /// The middle of an iteration's seconds; nil before the first.
  package var secondsOfIteration: Double? {
    let seconds = metrics?["seconds"].filter(\.isFinite) ?? []
    return seconds.isEmpty ? nil : seconds.median
  }
}

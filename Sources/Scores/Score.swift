import Configuration

/// A measure of a generator's samples: what `evaluation.csv` and `evaluate` show.
///
/// A new one is a file in this target and a line in `ScoreCatalog`.
///
/// All ranks measure together: sample i is a function of (seed, i), drawn and turned into features
/// by one rank, and a score's own work is cut into slices by `ScoreTeam`, so that the digits are
/// the same on any number of ranks and threads.
package protocol Score: Sendable {
  /// Its name in a configuration.
  static var name: String { get }
  /// Whether it is measured where nobody chose scores: not what takes long or needs files.
  static var isDefault: Bool { get }
  /// Whether it asks the critic.
  static var needsCritic: Bool { get }

  /// Why a run has nothing that this score could measure, a clause that names what it needs; nil
  /// where it applies.
  static func refusal(of subject: ScoreSubject) -> String?

  /// - Parameters:
  ///   - options: Its own in the configuration; all are read here, the catalog refuses others.
  ///     Files are opened by the first `measure`: a configuration is read by commands that measure
  ///     nothing.
  ///   - subject: A run that it does not refuse.
  /// - Throws: `ConfigurationError`.
  init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws

  /// The columns of `evaluation.csv`: names with units in brackets, as those of `metrics.csv`.
  ///
  /// No two scores have a column of one name. Columns of one first word and one unit share a panel
  /// of `curves.png`. A deviation over splits is a column of its own.
  var columns: [String] { get }

  /// Samples that it wants where nobody gives a number: often, in training, and once, by
  /// `evaluate`.
  var wantedSamples: (training: Int, evaluation: Int) { get }

  /// The values of the columns.
  ///
  /// A function of samples and reals alone, summed in Double and in an order that depends on no
  /// number of ranks. All ranks of the input's team call it together.
  ///
  /// - Throws: On all ranks, where reals or files cannot be read.
  func measure(_ input: ScoreInput) throws -> [Double]

  /// A few words for the progress of a run: `diversity 0.93`.
  func summary(_ values: [Double]) -> String

  /// What `evaluate` prints, a line each: the values with what they depend on, such as k, splits
  /// and the numbers of samples and reals.
  func report(_ values: [Double], _ setting: ScoreSetting) -> [String]
}

extension Score {
  package static var isDefault: Bool { true }
  package static var needsCritic: Bool { false }

  package func summary(_ values: [Double]) -> String {
    zip(columns, values).map { "\(Self.words($0).name) \(scoreText($1))" }.joined(separator: ", ")
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    zip(columns, values).map { column, value in
      let (name, unit) = Self.words(column)
      return reportLine(name, scoreText(value) + (unit == "1" ? "" : " \(unit)"))
    }
  }

  /// `modes hit` and `count` of `modes_hit (count)`.
  private static func words(_ column: String) -> (name: String, unit: String) {
    let parts = column.split(separator: "(", maxSplits: 1)
    let name = parts[0].split(separator: " ")[0].split(separator: "_").joined(separator: " ")
    return (name, parts.count > 1 ? String(parts[1].prefix { $0 != ")" }) : "")
  }
}

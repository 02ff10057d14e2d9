import Base
import Datasets

extension SampleGenerator {
  /// How samples stand in a grid.
  package struct Layout: Sendable, Equatable {
    package var count: Int
    package var columns: Int
    /// What the samples of the columns are asked to be; empty where they have no condition.
    package var conditions: [ConditionValues]
    /// What the classes are called; empty where they have numbers only.
    package var classNames: [String] = []
    /// Whether a column has a condition of its own, and its heading.
    package var hasConditionColumns: Bool
    /// Whether the conditions are a choice of the data's, so that any reals are like the samples.
    package var isOfData: Bool

    package init(
      count: Int, columns: Int, conditions: [ConditionValues], hasConditionColumns: Bool = true,
      isOfData: Bool = false
    ) {
      self.count = count
      self.columns = columns
      self.conditions = conditions
      self.hasConditionColumns = hasConditionColumns
      self.isOfData = isOfData
    }

    /// Over the columns.
    package var headings: [String] {
      hasConditionColumns ? conditions.map { $0.heading(classNames: classNames) } : []
    }

    /// What samples are asked to be in turn where they stand in no columns: of columns next to each
    /// other with the same condition, one.
    package var turns: [ConditionValues] {
      guard hasConditionColumns else { return conditions }
      return conditions.reduce(into: []) { turns, condition in
        if turns.last != condition { turns.append(condition) }
      }
    }

    /// Whether reals beside the samples are to have their conditions.
    var asksReals: Bool { !conditions.isEmpty && !isOfData }

    /// What the critic is told where all samples are shown together: the first condition with
    /// numbers, of the data's the one in the middle by its first number; nil for none.
    var criticCondition: ConditionValues? {
      guard isOfData else { return conditions.first { !$0.numbers.isEmpty } }
      return conditions.sorted { ($0.numbers.first ?? 0) < ($1.numbers.first ?? 0) }[
        conditions.count / 2]
    }
  }

  /// The most classes that are shown where nobody chose any.
  private static let mostColumns = 20

  /// The layout for at least `count` samples: of a conditional model a column a condition in whole
  /// rows, or several where there are few conditions; where a condition has numbers and nobody
  /// chose any, as many conditions of the data.
  ///
  /// - Parameters:
  ///   - count: Samples.
  ///   - columns: Samples in a row; of conditions as many of each as go into one, at least one.
  ///   - chosen: Conditions to show; nil for the first 20 classes at most.
  /// - Returns: The layout.
  /// - Throws: Where the data cannot be read.
  package func layout(
    count: Int, columns: Int, conditions chosen: [ConditionValues]? = nil
  ) throws -> Layout {
    if chosen == nil, condition.numbers > 0 {
      return try plainLayout(count: count, columns: columns)
    }
    let shown = chosen ?? Array(classConditions.prefix(Self.mostColumns))
    guard !condition.isEmpty, !shown.isEmpty else {
      return Layout(count: count, columns: columns, conditions: [])
    }
    guard shown.count <= Self.mostColumns || condition.numbers == 0 else {
      return Layout(
        count: count, columns: columns, conditions: shown, hasConditionColumns: false)
    }
    // Else a picture of two classes would be two samples wide and thirty high.
    let times = max(1, columns / shown.count)
    let width = times * shown.count
    var layout = Layout(
      count: (count + width - 1) / width * width, columns: width,
      conditions: shown.flatMap { Array(repeating: $0, count: times) })
    layout.classNames = classNames
    return layout
  }

  /// The names of a folder's classes, as short as a heading is to be.
  private var classNames: [String] {
    let names = source.classNames
    guard names.count == condition.classes else { return [] }
    return names.map { String(Messages.shown($0).prefix(16)) }
  }

  /// Samples that nobody says more of: of all classes in turn, or with conditions of the data.
  ///
  /// - Parameters:
  ///   - count: Samples.
  ///   - columns: Samples in a row.
  /// - Returns: The layout.
  /// - Throws: Where the data cannot be read.
  package func plainLayout(count: Int, columns: Int = 1) throws -> Layout {
    Layout(
      count: count, columns: columns, conditions: try plainConditions(count),
      hasConditionColumns: false, isOfData: condition.numbers > 0)
  }

  /// Conditions of samples that nobody says more of, to be taken in turn; empty for none.
  func plainConditions(_ count: Int) throws -> [ConditionValues] {
    guard condition.numbers > 0 else { return classConditions }
    guard let dataConditions else {
      throw Fault(
        "samples of this generator are conditioned on \(condition.numbers) numbers: expected them "
          + "to be given, or the data that it was trained on")
    }
    return try dataConditions.first(count)
  }
}

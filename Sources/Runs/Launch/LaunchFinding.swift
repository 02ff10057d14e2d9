/// A line of `doctor --launch`: what was looked at, what was found, and what is to be said of it.
package struct LaunchFinding: Equatable, Sendable {
  package var name: String
  package var value: String
  /// What costs time or may be meant so.
  package var notes: [String] = []
  /// What would end a run, or give it other bits.
  package var obstacles: [String] = []

  package init(
    _ name: String, _ value: String, notes: [String] = [], obstacles: [String] = []
  ) {
    self.name = name
    self.value = value
    self.notes = notes
    self.obstacles = obstacles
  }

  /// The line, with a line a remark below it.
  package var text: String {
    let label = name + String(repeating: " ", count: max(1, 14 - name.count))
    let remarks = obstacles.map { "in the way: \($0)" } + notes.map { "note: \($0)" }
    guard !remarks.isEmpty else { return "\(label)\(value): ok" }
    let indent = String(repeating: " ", count: 14)
    return ([label + value] + remarks.map { indent + $0 }).joined(separator: "\n")
  }
}

import Foundation

/// A score as people read it: four significant digits.
package func scoreText(_ value: Double) -> String { String(format: "%.4g", value) }

/// A line of `evaluate`: what was measured, and from a fixed column on what was found.
package func reportLine(_ name: String, _ text: String) -> String {
  let room = max(1, 13 - name.count)
  return name + String(repeating: " ", count: room) + text
}

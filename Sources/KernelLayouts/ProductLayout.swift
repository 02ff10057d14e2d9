/// Where the matrices of a product lie: in panels of 16 columns, [panel][row][16]. Counts in values.
package struct ProductLayout: Sendable, BitwiseCopyable {
  /// Rows of the result.
  package var rows: Int
  /// The inner dimension.
  package var steps: Int
  /// Panels of the result.
  package var panels: Int
  /// From a panel of a, b or c to the next.
  package var aPanel: Int
  package var bPanel: Int
  package var cPanel: Int
  /// From a row of c to the next.
  package var cRow: Int
  /// Whether c is added to.
  package var accumulates: Bool

  @inline(__always)
  package init(
    rows: Int, steps: Int, panels: Int, aPanel: Int, bPanel: Int, cRow: Int, cPanel: Int,
    accumulates: Bool = false
  ) {
    self.rows = rows
    self.steps = steps
    self.panels = panels
    self.aPanel = aPanel
    self.bPanel = bPanel
    self.cPanel = cPanel
    self.cRow = cRow
    self.accumulates = accumulates
  }
}

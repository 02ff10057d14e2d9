/// Where the matrices of a product lie: as a rule in panels of 16 columns, [panel][row][16].
///
/// Counts are in values.
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
  /// In a transposed product, from a step of a to the next: 16 in panels, and a matrix's columns
  /// where it is row-major, with an `aPanel` of 16.
  package var aStep: Int
  /// In a product that is not transposed, from a row of a to the next: 16 in panels, and a matrix's
  /// columns where it is row-major, with an `aPanel` of 16.
  package var aRow: Int
  /// From a step of b to the next: the same, with a `bPanel` of 16 where it is row-major.
  package var bStep: Int
  /// From a row and from a panel of the addend to the next: 0 and 16 for one row that all rows
  /// take.
  package var addendRow: Int
  package var addendPanel: Int

  /// By default an addend lies as c does.
  @inlinable @inline(__always)
  package init(
    rows: Int, steps: Int, panels: Int, aPanel: Int, bPanel: Int, cRow: Int, cPanel: Int,
    aStep: Int = 16, aRow: Int = 16, bStep: Int = 16, addendRow: Int? = nil,
    addendPanel: Int? = nil
  ) {
    self.rows = rows
    self.steps = steps
    self.panels = panels
    self.aPanel = aPanel
    self.bPanel = bPanel
    self.cPanel = cPanel
    self.cRow = cRow
    self.aStep = aStep
    self.aRow = aRow
    self.bStep = bStep
    self.addendRow = addendRow ?? cRow
    self.addendPanel = addendPanel ?? cPanel
  }
}

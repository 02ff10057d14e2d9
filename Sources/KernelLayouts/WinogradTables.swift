/// Sizes of a tile on the image side (pixels or taps) and on the panel side (points).
package struct WinogradTile: Sendable, BitwiseCopyable {
  package var rows: Int
  package var columns: Int
  package var pointRows: Int
  package var pointColumns: Int

  @inline(__always)
  package init(rows: Int, columns: Int, pointRows: Int, pointColumns: Int) {
    self.rows = rows
    self.columns = columns
    self.pointRows = pointRows
    self.pointColumns = pointColumns
  }
}

/// What the transforms of tiles and filters go between: an *image side* (pixels, or taps of a filter:
/// channels contiguous) and a *panel side* (the matrices of all points).
///
/// Both are tables of addresses, entry 6 i + j for row i and column j of the tile.
package struct WinogradTables {
  package typealias Address = UnsafeMutablePointer<Float>

  /// Addresses of channel 0.
  package let image: UnsafeMutablePointer<Address>
  /// Addresses in the first panel.
  package let panel: UnsafeMutablePointer<Address>
  /// Values from a panel to the next.
  package let panelStep: UnsafeMutablePointer<Int>
  /// Values in progress: `workCount`.
  package let work: Address

  /// Values of a tile's transform in progress: 6 x 6 vectors of up to 16.
  package static let workCount = 36 * 16

  @usableFromInline
  init(
    image: UnsafeMutablePointer<Address>, panel: UnsafeMutablePointer<Address>,
    panelStep: UnsafeMutablePointer<Int>, work: Address
  ) {
    self.image = image
    self.panel = panel
    self.panelStep = panelStep
    self.work = work
  }

  /// Calls `body` with tables that live as long as the call.
  @inlinable @inline(__always)
  package static func with(work: Address, _ body: (WinogradTables) -> Void) {
    // At most 1 KiB each, so on the stack.
    withUnsafeTemporaryAllocation(of: Address.self, capacity: 72) { addresses in
      withUnsafeTemporaryAllocation(of: Int.self, capacity: 36) { steps in
        addresses.initialize(repeating: work)
        steps.initialize(repeating: 0)
        let start = addresses.baseAddress.unsafelyUnwrapped
        body(
          WinogradTables(
            image: start, panel: start + 36, panelStep: steps.baseAddress.unsafelyUnwrapped,
            work: work))
      }
    }
  }
}

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

/// What the transforms of tiles and filters go between: an *image side* (pixels, or taps of a
/// filter: channels contiguous) and a *panel side* (the matrices of all points).
///
/// Both are tables of addresses, entry 8 i + j for row i and column j of the tile.
package struct WinogradTables {
  package typealias Address = UnsafeMutablePointer<Float>

  /// Addresses of channel 0.
  package let image: UnsafeMutablePointer<Address>
  /// Addresses in the first panel.
  package let panel: UnsafeMutablePointer<Address>
  /// Values from a panel to the next.
  package let panelStep: UnsafeMutablePointer<Int>
  /// Values from an address to that of the next tile or filter: see `advance`.
  package let imageNext: UnsafeMutablePointer<Int>
  package let panelNext: UnsafeMutablePointer<Int>
  /// Values in progress: `workCount`.
  package let work: Address

  /// Values of a tile's transform in progress: 8 x 8 vectors of up to 16.
  package static let workCount = 64 * 16

  @usableFromInline
  init(
    addresses: UnsafeMutablePointer<Address>, panelSteps: UnsafeMutablePointer<Int>,
    nexts: UnsafeMutablePointer<Int>, work: Address
  ) {
    image = addresses
    panel = addresses + 64
    panelStep = panelSteps
    imageNext = nexts
    panelNext = nexts + 64
    self.work = work
  }

  /// Calls `body` with tables that live as long as the call.
  @inlinable @inline(__always)
  package static func with(work: Address, _ body: (WinogradTables) -> Void) {
    // At most 1 KiB each: more would not be on the stack.
    withUnsafeTemporaryAllocation(of: Address.self, capacity: 128) { addresses in
      withUnsafeTemporaryAllocation(of: Int.self, capacity: 64) { panelSteps in
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 128) { nexts in
          addresses.initialize(repeating: work)
          panelSteps.initialize(repeating: 0)
          nexts.initialize(repeating: 0)
          guard let addresses = addresses.baseAddress, let panelSteps = panelSteps.baseAddress,
            let nexts = nexts.baseAddress
          else { preconditionFailure("expected tables with memory") }
          body(
            WinogradTables(
              addresses: addresses, panelSteps: panelSteps, nexts: nexts, work: work))
        }
      }
    }
  }

  /// Goes on to the next tile of the same kind: cheaper than to fill the tables again.
  ///
  /// - Parameter rows: The entries' rows that are in use.
  @inlinable @inline(__always)
  package func advance(rows: Int) {
    for entry in 0..<8 * rows {
      image[entry] += imageNext[entry]
      panel[entry] += panelNext[entry]
    }
  }
}

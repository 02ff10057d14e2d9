import Kernels

/// Memory that tensors have in common: one piece, which comes in large pages where a tensor alone might be
/// too small for one.
///
/// Networks can use it in turn, for what nobody reads any more when another network's backward pass
/// begins: then it holds as much as the network that needs most.
///
/// Its place changes while networks are built.
package final class SharedMemory {
  private var storage = FloatStorage(count: 0)
  private var reserved = 0
  private var most = 0

  package init() {}

  /// Lets the next network begin: what it reserves overlaps what others have reserved.
  package func beginNetwork() { reserved = 0 }

  /// Room for so many values, which are there after `allocate`.
  ///
  /// - Returns: The number of the first, which is aligned to a cache line.
  package func reserve(_ count: Int) -> Int {
    let first = (reserved + 15) / 16 * 16
    reserved = first + count
    most = max(most, reserved)
    return first
  }

  /// Makes room for what has been reserved; what was there is lost.
  func allocate() {
    guard storage.count < most else { return }
    // The old memory goes before the new comes.
    storage = FloatStorage(count: 0)
    storage = FloatStorage(count: most)
  }

  /// Value 0: of use when the networks are built.
  package var pointer: UnsafeMutablePointer<Float> { storage.pointer }
}

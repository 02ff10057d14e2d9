import Kernels

/// Memory that the networks of a job use in turn: for what nobody reads any more when another network's
/// backward pass begins.
///
/// It holds as much as the network that needs most. Its place changes while networks are built.
package final class SharedMemory {
  private var storage = FloatStorage(count: 0)
  private var reserved = 0

  package init() {}

  /// Lets the next network begin: what it reserves overlaps what others have reserved.
  package func beginNetwork() { reserved = 0 }

  /// Room for so many values.
  ///
  /// - Returns: The number of the first, which is aligned to a cache line.
  package func reserve(_ count: Int) -> Int {
    let first = (reserved + 15) / 16 * 16
    reserved = first + count
    if storage.count < reserved { storage = FloatStorage(count: reserved) }
    return first
  }

  /// Value 0: of use when the networks are built.
  package var pointer: UnsafeMutablePointer<Float> { storage.pointer }
}

import Base

/// Memory that tensors have in common: one piece, which comes in large pages where a tensor alone
/// might be too small for one.
///
/// Networks can use it in turn, for what nobody reads any more when another network's backward pass
/// begins: then it holds as much as the network that needs most.
///
/// The memory's place changes while networks are built.
package final class SharedMemory {
  private var storage: FloatStorage { didSet { start = storage.pointer } }
  /// Where the storage begins: passes ask for it at every sample, and a reference to the storage
  /// would be counted each time.
  private var start: UnsafeMutablePointer<Float>
  private var reserved = 0
  private var most = 0
  private var generation = 0

  package init() {
    storage = FloatStorage(count: 0)
    start = storage.pointer
  }

  /// Values that are allocated.
  package var count: Int { storage.count }

  /// Lets the next network begin: what it reserves overlaps what others have reserved.
  package func beginNetwork() { reserved = 0 }

  /// Ends what overlaps: what is reserved from now on lies behind all that has been.
  func endOverlaps() { reserved = most }

  /// Runs `body`; where `isOverlapping`, what is reserved next may lie over what it reserved.
  func overlapping<Result>(_ isOverlapping: Bool, _ body: () throws -> Result) rethrows -> Result {
    let first = reserved
    defer { if isOverlapping { reserved = first } }
    return try body()
  }

  /// What `make` gives, which reserves, for each of some values; where `isOverlapping`, one over
  /// the other.
  func reserve<Value, Result>(
    for values: [Value], overlapping isOverlapping: Bool, _ make: (Value) -> Result
  ) -> [Result] {
    let first = reserved
    var end = first
    var results: [Result] = []
    for value in values {
      if isOverlapping { reserved = first }
      results.append(make(value))
      end = max(end, reserved)
    }
    reserved = end
    return results
  }

  /// What has been reserved for somebody.
  package struct Place {
    fileprivate let memory: SharedMemory
    fileprivate let first: Int
    package let count: Int

    package var pointer: UnsafeMutablePointer<Float> { memory.start + first }
    package var buffer: MutableFloatBuffer { .init(start: pointer, count: count) }
    /// Another number when the values have been lost.
    package var generation: Int { memory.generation }
  }

  /// Room for so many values, aligned to a cache line, which are there after `allocate`.
  package func reserve(_ count: Int) -> Place {
    let first = (reserved + 15) / 16 * 16
    reserved = first + count
    most = max(most, reserved)
    return Place(memory: self, first: first, count: count)
  }

  /// Makes room for what has been reserved; what was there is lost.
  func allocate() {
    guard storage.count < most else { return }
    // The old memory goes before the new comes.
    storage = FloatStorage(count: 0)
    storage = FloatStorage(count: most)
    generation += 1
  }
}

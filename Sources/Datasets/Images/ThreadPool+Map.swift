import Base
import Foundation

extension ThreadPool {
  /// What `body` makes of 0 ..< count, by all threads: of pictures, which take their time.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - body: Makes one, on any thread.
  /// - Returns: What became of all, in their order.
  /// - Throws: Where the job is to stop, within a second, however many there are.
  func results<Element: Sendable>(
    _ count: Int, _ body: (Int) throws -> Element
  ) throws -> [Result<Element, any Error>] {
    let results = Results<Element>(count: count)
    forEach(count) { index, _ in
      guard StopSignal.pending == 0 else { return }
      results.set(index, Result { try body(index) })
    }
    guard StopSignal.pending == 0 else {
      throw Fault("stopped by \(StopSignal.name(StopSignal.pending)) while pictures were read")
    }
    return results.all()
  }
}

/// What several threads give, each in its own place.
private final class Results<Element: Sendable>: @unchecked Sendable {
  private let lock = NSLock()
  private var results: [Result<Element, any Error>?]

  init(count: Int) { results = Array(repeating: nil, count: count) }

  func set(_ index: Int, _ result: Result<Element, any Error>) {
    lock.withLock { results[index] = result }
  }

  func all() -> [Result<Element, any Error>] { lock.withLock { results.compactMap { $0 } } }
}

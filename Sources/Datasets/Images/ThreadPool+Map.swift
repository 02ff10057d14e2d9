import Base
import Foundation

extension ThreadPool {
  /// What `body` makes of 0 ..< count, by all threads: of pictures, which take their time.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - body: Makes one, on any thread.
  /// - Returns: All, in their order.
  /// - Throws: The first error in that order; within a second where the job is to stop, however
  ///   many there are.
  func map<Element: Sendable>(
    _ count: Int, _ body: (Int) throws -> Element
  ) throws -> [Element] {
    let results = Results<Element>(count: count)
    forEach(count) { index, _ in
      results.set(
        index,
        Result {
          guard StopSignal.pending == 0 else {
            throw Fault(
              "stopped by \(StopSignal.name(StopSignal.pending)) while pictures were read")
          }
          return try body(index)
        })
    }
    return try results.all().map { try $0.get() }
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

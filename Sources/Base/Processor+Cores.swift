import Foundation

extension Processor {
  /// The cores that the system would let this process run on, whatever the launcher has bound it
  /// to: those of its container or batch job.
  ///
  /// The thread asks for all cores, sees what the system makes of that, and takes its old ones
  /// again.
  package static var availableCores: [Int] {
    withAvailableCores { $0 }
  }

  /// Runs `body` on a thread that, with those that it starts, may run on all available cores.
  ///
  /// For what one process does while the others of its node wait.
  ///
  /// - Parameter body: Takes how many there are.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  package static func onAvailableCores<Result>(
    _ body: (_ cores: Int) throws -> Result
  ) rethrows -> Result {
    try withAvailableCores { try body(max(1, $0.count)) }
  }

  private static func withAvailableCores<Result>(
    _ body: (_ cores: [Int]) throws -> Result
  ) rethrows -> Result {
    // <sched.h> shows them to C only with _GNU_SOURCE, to Swift never.
    guard let get = affinityFunction("sched_getaffinity"),
      let set = affinityFunction("sched_setaffinity")
    else { return try body(boundCores) }
    let size = MemoryLayout<cpu_set_t>.size
    var (before, all) = (cpu_set_t(), cpu_set_t())
    guard get(0, size, &before) == 0 else { return try body(boundCores) }
    withUnsafeMutableBytes(of: &all) { bytes in
      for index in bytes.indices { bytes[index] = 0xFF }
    }
    guard set(0, size, &all) == 0 else { return try body(cores(before)) }
    defer { _ = set(0, size, &before) }
    var found = before
    if get(0, size, &found) != 0 { found = before }
    return try body(cores(found))
  }

  private typealias AffinityFunction = @convention(c) (pid_t, Int, UnsafeMutableRawPointer) -> Int32

  private static func affinityFunction(_ name: String) -> AffinityFunction? {
    dlsym(nil, name).map { unsafeBitCast($0, to: AffinityFunction.self) }
  }

  /// The numbers in a set of the system's.
  private static func cores(_ set: cpu_set_t) -> [Int] {
    withUnsafeBytes(of: set) { bytes in
      bytes.enumerated().flatMap { index, byte in
        (0..<8).filter { byte >> $0 & 1 == 1 }.map { index * 8 + $0 }
      }
    }
  }

  /// Cores as people write them: `0-3, 8`.
  package static func list(_ cores: [Int]) -> String {
    var spans: [ClosedRange<Int>] = []
    for core in cores.sorted() {
      if let last = spans.last, last.upperBound + 1 >= core {
        spans[spans.count - 1] = last.lowerBound...core
      } else {
        spans.append(core...core)
      }
    }
    return spans.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ", ")
  }
}

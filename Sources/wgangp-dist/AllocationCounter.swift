import Foundation

/// Reads the count that benchmarks/allocations.sh's preloaded library keeps.
///
/// `bench` tells allocations an iteration by it, and a test holds the trainer to none; the program
/// itself counts nothing.
enum AllocationCounter {
  /// The process's number of allocations so far, or nil where nobody counts.
  static var reader: (() -> Int)? {
    guard let symbol = dlsym(nil, "wgangp_allocations") else { return nil }
    typealias Count = @convention(c) () -> Int
    let count = unsafeBitCast(symbol, to: Count.self)
    return { count() }
  }
}

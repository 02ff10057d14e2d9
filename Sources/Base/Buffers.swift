import Foundation

/// Float32 values that a kernel reads.
package typealias FloatBuffer = UnsafeBufferPointer<Float>
/// Float32 values that a kernel writes.
package typealias MutableFloatBuffer = UnsafeMutableBufferPointer<Float>

/// Zeroed memory for `count` values, aligned to a cache line, owned by this object.
///
/// Everything that training touches is allocated through this class while the networks are built;
/// kernels only ever see pointers into it.
package final class AlignedArray<Element: BitwiseCopyable>: @unchecked Sendable {
  package let buffer: UnsafeMutableBufferPointer<Element>

  /// Bytes of a large page: with 4 KiB pages, sweeps over tensors and patch matrices miss the TLB.
  private static var hugePage: Int { 2 << 20 }

  /// Whether the values are undefined and are to stay untouched (`MemoryLedger.planning`): the
  /// memory is a mapping of its own, which takes no more than addresses until somebody writes.
  package let isPlanned: Bool

  /// Takes the memory; where there is not enough of it, the process ends with one line.
  package init(count: Int) {
    precondition(count >= 0, "a storage cannot hold \(count) values")
    let bytes = Self.bytes(count: count)
    isPlanned = bytes >= Self.hugePage && MemoryLedger.isPlanning
    let raw = isPlanned ? Self.addresses(bytes) : Self.zeros(bytes)
    MemoryLedger.add(bytes)
    buffer = UnsafeMutableBufferPointer(
      start: raw.bindMemory(to: Element.self, capacity: count), count: count)
  }

  deinit {
    MemoryLedger.add(-Self.bytes(count: buffer.count))
    if isPlanned {
      munmap(buffer.baseAddress, Self.bytes(count: buffer.count))
    } else {
      free(buffer.baseAddress)
    }
  }

  private static func zeros(_ bytes: Int) -> UnsafeMutableRawPointer {
    if bytes >= MemoryLimit.smallest, let room = MemoryLimit.room(), room.bytes < bytes {
      MemoryLimit.end(bytes)
    }
    let isLarge = bytes >= hugePage
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, isLarge ? hugePage : 64, bytes) == 0, let memory else {
      MemoryLimit.end(bytes)
    }
    #if os(Linux)
      // Asked for before the first touch. Not an error where the system has no huge pages to give.
      if isLarge { madvise(memory, bytes, MADV_HUGEPAGE) }
    #endif
    memset(memory, 0, bytes)
    return memory
  }

  /// Memory that takes addresses only, of which there may be more than the machine has memory.
  private static func addresses(_ bytes: Int) -> UnsafeMutableRawPointer {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0), memory != MAP_FAILED
    else { MemoryLimit.end(bytes) }
    return memory
  }

  private static func bytes(count: Int) -> Int {
    Swift.max(count * MemoryLayout<Element>.stride, 64)
  }

  package var count: Int { buffer.count }

  /// The first value's address.
  ///
  /// Valid as long as this object lives.
  package var pointer: UnsafeMutablePointer<Element> { buffer.start }
}

extension UnsafeBufferPointer {
  /// The first value's address, of a buffer that has memory.
  @inlinable @inline(__always)
  package var start: UnsafePointer<Element> {
    guard let baseAddress else { preconditionFailure("expected a buffer with memory") }
    return baseAddress
  }
}

extension UnsafeMutableBufferPointer {
  /// The first value's address, of a buffer that has memory.
  @inlinable @inline(__always)
  package var start: UnsafeMutablePointer<Element> {
    guard let baseAddress else { preconditionFailure("expected a buffer with memory") }
    return baseAddress
  }
}

package typealias FloatStorage = AlignedArray<Float>
package typealias DoubleStorage = AlignedArray<Double>

extension UnsafePointer where Pointee == Float {
  /// Eight values from `index` on, at any alignment.
  @inlinable @inline(__always)
  package func lanes(_ index: Int) -> SIMD8<Float> {
    UnsafeRawPointer(self + index).loadUnaligned(as: SIMD8<Float>.self)
  }

  /// The values from `index` on of `count` values: eight, or what is left of them and zeros.
  @inlinable @inline(__always)
  package func lanes(_ index: Int, of count: Int) -> SIMD8<Float> {
    if index + 8 <= count { return lanes(index) }
    var value = SIMD8<Float>.zero
    for lane in 0..<count - index { value[lane] = self[index + lane] }
    return value
  }
}

extension UnsafeMutablePointer where Pointee == Float {
  /// Eight values from `index` on, at any alignment.
  @inlinable @inline(__always)
  package func lanes(_ index: Int) -> SIMD8<Float> {
    UnsafeRawPointer(self + index).loadUnaligned(as: SIMD8<Float>.self)
  }

  /// Overwrites eight values from `index` on.
  @inlinable @inline(__always)
  package func setLanes(_ index: Int, _ value: SIMD8<Float>) {
    UnsafeMutableRawPointer(self + index).storeBytes(of: value, as: SIMD8<Float>.self)
  }

  /// Overwrites the values from `index` on of `count` values: eight, or what is left of them.
  @inlinable @inline(__always)
  package func setLanes(_ index: Int, of count: Int, _ value: SIMD8<Float>) {
    guard index + 8 > count else { return setLanes(index, value) }
    for lane in 0..<count - index { self[index + lane] = value[lane] }
  }
}

extension UnsafeMutablePointer where Pointee == Double {
  /// Eight values from `index` on, at any alignment.
  @inlinable @inline(__always)
  package func lanes(_ index: Int) -> SIMD8<Double> {
    UnsafeRawPointer(self + index).loadUnaligned(as: SIMD8<Double>.self)
  }

  /// Overwrites eight values from `index` on.
  @inlinable @inline(__always)
  package func setLanes(_ index: Int, _ value: SIMD8<Double>) {
    UnsafeMutableRawPointer(self + index).storeBytes(of: value, as: SIMD8<Double>.self)
  }
}

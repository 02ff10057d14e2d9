import Base
import Foundation
import KernelLayouts
import VectorKernelsAVX2
import VectorKernelsAVX512

/// Which of the modules that are compiled for more than one processor runs here.
package enum VectorLevel {
  /// Whether it is the one for AVX-512.
  ///
  /// It is where the processor has it, unless the environment says `WGANGP_VECTORS=avx2`. Both
  /// compute the same bits.
  package static let usesAVX512 =
    Processor.level == "x86-64-v4" && ProcessInfo.processInfo.environment[variable] != "avx2"

  private static let variable = "WGANGP_VECTORS"

  /// What is wrong with the environment's word; nil where nothing is.
  package static var fault: String? {
    guard let word = ProcessInfo.processInfo.environment[variable], word != "avx2" else {
      return nil
    }
    return "\(variable): found '\(word.prefix(40))', expected avx2 or nothing"
  }

  /// `AVX-512` or `AVX2`.
  package static var name: String { usesAVX512 ? "AVX-512" : "AVX2" }
}

/// Products of matrices that lie in panels of 16 columns, [panel][row][16].
///
/// The inner loop holds a block of the result in registers, reads one vector operand along a panel
/// and multiplies it with single values of the other; every value of the result is a chain of fused
/// multiply-adds in the order of the inner dimension, whatever else is computed in the call. Unlike
/// a library's product it takes its operands as they lie: nothing is packed, which with few rows
/// costs OpenBLAS a third of its speed.
enum PanelProduct {
  /// c = a b, plus the addend: a is rows x steps, b steps x (16 panels).
  @inline(__always)
  static func multiply(
    _ layout: ProductLayout, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    adding addend: UnsafePointer<Float>? = nil, into c: UnsafeMutablePointer<Float>
  ) {
    if VectorLevel.usesAVX512 {
      VectorKernelsAVX512.Products.multiply(layout, a, b, adding: addend, into: c)
    } else {
      VectorKernelsAVX2.Products.multiply(layout, a, b, adding: addend, into: c)
    }
  }

  /// c = a^T b, plus the addend: a is steps x rows in panels.
  @inline(__always)
  static func multiplyTransposed(
    _ layout: ProductLayout, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    adding addend: UnsafePointer<Float>? = nil, into c: UnsafeMutablePointer<Float>
  ) {
    if VectorLevel.usesAVX512 {
      VectorKernelsAVX512.Products.multiplyTransposed(layout, a, b, adding: addend, into: c)
    } else {
      VectorKernelsAVX2.Products.multiplyTransposed(layout, a, b, adding: addend, into: c)
    }
  }

  /// target[column][row] = source[row][column] for 16 x 16 values; rows from `rows` on count as 0.
  ///
  /// `stride` is the distance from a row of the source to the next, in values.
  static func transpose(
    rows: Int, _ source: UnsafePointer<Float>, stride: Int = 16,
    into target: UnsafeMutablePointer<Float>
  ) {
    if rows >= 16 {
      transposeQuarter(source, stride, target)
      transposeQuarter(source + 8, stride, target + 128)
      transposeQuarter(source + 8 * stride, stride, target + 8)
      transposeQuarter(source + 8 * stride + 8, stride, target + 136)
    } else {
      for column in 0..<16 {
        for row in 0..<16 {
          target[column * 16 + row] = row < rows ? source[row * stride + column] : 0
        }
      }
    }
  }

  /// 8 x 8 values in registers: pairs of rows, then pairs of pairs.
  @inline(__always)
  private static func transposeQuarter(
    _ source: UnsafePointer<Float>, _ stride: Int, _ target: UnsafeMutablePointer<Float>
  ) {
    typealias Row = SIMD8<Float>
    /// Half rows i and i + 4, so that no value crosses the halves later.
    func rows(_ index: Int, _ half: Int) -> Row {
      let (low, high) = (source + index * stride + half, source + (index + 4) * stride + half)
      return Row(
        lowHalf: UnsafeRawPointer(low).loadUnaligned(as: SIMD4<Float>.self),
        highHalf: UnsafeRawPointer(high).loadUnaligned(as: SIMD4<Float>.self))
    }
    func low(_ a: Row, _ b: Row) -> Row {
      Row(a[0], b[0], a[1], b[1], a[4], b[4], a[5], b[5])
    }
    func high(_ a: Row, _ b: Row) -> Row {
      Row(a[2], b[2], a[3], b[3], a[6], b[6], a[7], b[7])
    }
    func lowPairs(_ a: Row, _ b: Row) -> Row {
      Row(a[0], a[1], b[0], b[1], a[4], a[5], b[4], b[5])
    }
    func highPairs(_ a: Row, _ b: Row) -> Row {
      Row(a[2], a[3], b[2], b[3], a[6], a[7], b[6], b[7])
    }
    for half in 0..<2 {
      let (r0, r1, r2, r3) = (
        rows(0, 4 * half), rows(1, 4 * half), rows(2, 4 * half), rows(3, 4 * half)
      )
      let (p0, p1, p2, p3) = (low(r0, r1), high(r0, r1), low(r2, r3), high(r2, r3))
      let column = target + half * 64
      column.setLanes(0, lowPairs(p0, p2))
      column.setLanes(16, highPairs(p0, p2))
      column.setLanes(32, lowPairs(p1, p3))
      column.setLanes(48, highPairs(p1, p3))
    }
  }
}

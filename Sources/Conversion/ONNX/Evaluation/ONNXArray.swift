import Base
import Foundation
import ONNXMessages

/// A value while a model is evaluated.
package struct ONNXArray: Sendable, Equatable {
  package enum Values: Sendable, Equatable {
    case floats([Float])
    case integers([Int])
  }

  /// Outermost first; empty for one number.
  package var sizes: [Int]
  package var values: Values

  package init(_ sizes: [Int], _ values: [Float]) {
    self.sizes = sizes
    self.values = .floats(values)
  }

  package init(_ sizes: [Int], integers: [Int]) {
    self.sizes = sizes
    values = .integers(integers)
  }

  /// A constant of a file.
  ///
  /// - Throws: `Fault` where it is of another type, or has not as many values as its sizes say.
  init(_ tensor: ONNXTensorProto) throws {
    let what = "the constant '\(printable(tensor.name))'"
    sizes = tensor.dims.map { Int($0) }
    guard let count = checkedProduct(sizes) else {
      throw Fault("\(what) has the sizes \(sizes)")
    }
    let found: Int
    switch ONNXTensorProto.DataType(rawValue: Int(tensor.dataType)) {
    case .float where tensor.hasRawData:
      values = .floats(Self.elements(tensor.rawData))
      found = tensor.rawData.count / 4
    case .float:
      values = .floats(tensor.floatData)
      found = tensor.floatData.count
    case .int64 where tensor.hasRawData:
      let integers: [Int64] = Self.elements(tensor.rawData)
      values = .integers(integers.map { Int($0) })
      found = tensor.rawData.count / 8
    case .int64:
      values = .integers(tensor.int64Data.map { Int($0) })
      found = tensor.int64Data.count
    default:
      throw Fault("\(what) is of the type \(tensor.dataType), expected float (1) or int64 (7)")
    }
    guard found == count else {
      throw Fault("\(what) has \(found) values, its sizes \(sizes) say \(count)")
    }
  }

  /// Whole elements of little-endian bytes.
  private static func elements<Element: BitwiseCopyable & AdditiveArithmetic>(
    _ bytes: Data
  ) -> [Element] {
    let size = MemoryLayout<Element>.size
    var elements = [Element](repeating: .zero, count: bytes.count / size)
    elements.withUnsafeMutableBytes { target in
      _ = bytes.copyBytes(to: target, count: bytes.count / size * size)
    }
    return elements
  }

  package var count: Int {
    switch values {
    case .floats(let values): values.count
    case .integers(let values): values.count
    }
  }

  /// - Throws: `Fault` where the values are integers.
  package func floats() throws -> [Float] {
    guard case .floats(let values) = values else { throw Fault("found integers, expected floats") }
    return values
  }

  /// - Throws: `Fault` where the values are floats.
  func integers() throws -> [Int] {
    guard case .integers(let values) = values else {
      throw Fault("found floats, expected integers")
    }
    return values
  }
}

/// A name of a file as a message can hold it.
func printable(_ name: String) -> String {
  String(name.unicodeScalars.prefix(100).map { $0.value < 0x20 ? "?" : Character($0) })
}

import Foundation
import Testing

/// A safetensors file, read without the project's own reader: eight bytes of header length, a JSON
/// header, the tensors' bytes.
struct Safetensors {
  struct Entry: Decodable, Equatable {
    var dtype: String
    var shape: [Int]
    // The format's name.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    var data_offsets: [Int]
  }

  private(set) var data: Data
  let entries: [String: Entry]
  private let dataStart: Int

  init(path: String) throws {
    data = try Data(contentsOf: URL(fileURLWithPath: path))
    try #require(data.count > 8)
    let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    dataStart = 8 + length
    try #require(data.count >= dataStart)
    let header = try JSONSerialization.jsonObject(with: data[8..<dataStart])
    var tensors = try #require(header as? [String: Any])
    tensors["__metadata__"] = nil
    let rest = try JSONSerialization.data(withJSONObject: tensors)
    entries = try JSONDecoder().decode([String: Entry].self, from: rest)
  }

  private func offset(_ name: String) throws -> Int {
    try dataStart + #require(entries[name]?.data_offsets.first, "\(name)")
  }

  /// A scalar.
  func integer(_ name: String) throws -> Int64 {
    let start = try offset(name)
    return data[start..<start + 8].reversed().reduce(0) { $0 << 8 | Int64($1) }
  }

  /// Changes a scalar.
  mutating func set(_ name: String, to value: Int64) throws {
    let start = try offset(name)
    for byte in 0..<8 { data[start + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
  }

  /// Changes a tensor's first value.
  mutating func change(_ name: String, by change: (Float) -> Float) throws {
    let start = try offset(name)
    let bits = data[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    let new = change(Float(bitPattern: bits)).bitPattern
    for byte in 0..<4 { data[start + byte] = UInt8(truncatingIfNeeded: new >> (8 * byte)) }
  }
}

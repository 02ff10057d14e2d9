import Base
import EventMessages
import SwiftProtobuf

/// The records of an event file: TensorFlow's record format.
///
/// Length (8 bytes), masked CRC-32C of the length, the message, masked CRC-32C of the message;
/// little-endian.
package enum EventRecords {
  /// An event as a record.
  package static func record(_ event: TensorBoardEvent) throws -> [UInt8] {
    let message: [UInt8] = try event.serializedBytes()
    let length = littleEndian(UInt64(message.count))
    return length + littleEndian(MaskedChecksum.masked(length)) + message
      + littleEndian(MaskedChecksum.masked(message))
  }

  /// The events of a file's bytes.
  ///
  /// - Parameters:
  ///   - bytes: Whole records.
  ///   - path: For messages.
  /// - Returns: The events, in their order.
  /// - Throws: `Fault` where a record is cut off, or a checksum or message is wrong.
  package static func events(in bytes: [UInt8], path: String) throws -> [TensorBoardEvent] {
    var events: [TensorBoardEvent] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let damaged = Fault("\(path): record \(events.count) is damaged")
      guard rest.count >= 16 else { throw damaged }
      let header = rest.prefix(8)
      let length = header.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      guard length <= UInt64(rest.count - 16),
        littleEndian(MaskedChecksum.masked(header)).elementsEqual(rest.dropFirst(8).prefix(4))
      else { throw damaged }
      let message = rest.dropFirst(12).prefix(Int(length))
      let sum = rest.dropFirst(12 + Int(length)).prefix(4)
      guard littleEndian(MaskedChecksum.masked(message)).elementsEqual(sum),
        let event = try? TensorBoardEvent(serializedBytes: Array(message))
      else { throw damaged }
      events.append(event)
      rest = rest.dropFirst(16 + Int(length))
    }
    return events
  }

  private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}

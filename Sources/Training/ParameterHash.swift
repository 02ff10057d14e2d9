import Base
import Networks
import Storage

extension Network {
  /// CRC-32 of all that the network has learned: parameters, running statistics, counters.
  ///
  /// The same on all ranks, whatever their number, unless something has changed a bit of one rank's
  /// memory. In the order of memory, not of a checkpoint's files.
  package var parameterHash: UInt32 {
    var hash = FileSystem.crc32(UnsafeRawBufferPointer(arena.values))
    for layer in layers {
      for buffer in layer.buffers {
        hash = FileSystem.crc32(UnsafeRawBufferPointer(buffer.values.buffer), continuing: hash)
        hash = withUnsafeBytes(of: buffer.counter) { FileSystem.crc32($0, continuing: hash) }
      }
    }
    return hash
  }
}

/// The hashes of both networks after an iteration.
package struct ParameterHashes: Equatable, Sendable {
  /// `parameterHash` of the generator.
  package var generator: UInt32
  /// That of the critic.
  package var critic: UInt32

  package init(_ model: Model) {
    generator = model.generator.parameterHash
    critic = model.critic.parameterHash
  }

  /// Both as one number that a Double holds exactly.
  package var combined: Double {
    let both = [generator, critic]
    return Double(both.withUnsafeBytes { FileSystem.crc32($0) })
  }
}

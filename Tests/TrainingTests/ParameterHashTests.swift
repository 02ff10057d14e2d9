import Base
import RunSupport
import TestSupport
import Testing
import Training

@Suite struct ParameterHashTests {
  /// Any bit of what a network has learned counts.
  @Test func aBitChangesTheHash() throws {
    let session = try Session()
    let network = session.trainer.model.generator
    let first = network.parameterHash
    #expect(network.parameterHash == first)
    network.arena.mutate { values in
      let last = network.arena.count - 32
      values[last] = Float(bitPattern: values[last].bitPattern ^ 1)
    }
    let second = network.parameterHash
    #expect(second != first)
    let buffer = try #require(network.layers.flatMap(\.buffers).first { $0.values.count > 0 })
    buffer.values.buffer[0] = Float(bitPattern: buffer.values.buffer[0].bitPattern ^ 1)
    #expect(network.parameterHash != second)
    let hashes = ParameterHashes(session.trainer.model)
    #expect(hashes.generator == network.parameterHash)
    #expect(hashes.combined == hashes.combined.rounded() && hashes.combined < 4_294_967_296)
  }
}

import Base
import Collectives
import Foundation
import Networks
import RunSupport
import Storage
import TestSupport
import Testing
import Training

/// What is written of a network is what is read, and nothing else.
@Suite struct StateDictionaryTests {
  private func network(_ overrides: [String] = []) throws -> Network {
    try configuration(overrides).makeModel(communicator: SoloCommunicator()).generator
  }

  private func write(
    _ network: Network, to path: String, key: (String) -> String = { $0 }
  ) throws -> SafetensorsFile {
    _ = try network.arena.mutate {
      try StateDictionary(of: network, parameters: $0, key: key).write(to: path)
    }
    return try SafetensorsFile(path: path)
  }

  private func state(_ network: Network) -> [Float] {
    let buffers = network.layers.flatMap(\.buffers)
    return Array(network.arena.values) + buffers.flatMap { Array($0.values.buffer) }
      + buffers.map { Float($0.counter) }
  }

  @Test func whatIsWrittenIsRead() throws {
    try withTemporaryFolder { folder in
      let first = try network()
      for (index, buffer) in first.layers.flatMap(\.buffers).enumerated() {
        buffer.counter = buffer.kind == .counter ? 70 + index : 0
        for value in buffer.values.buffer.indices { buffer.values.buffer[value] += Float(value) }
      }
      let file = try write(first, to: "\(folder)/a") { "net." + $0 }
      #expect(file.names.sorted() == first.stateTensors.map { "net." + $0.name }.sorted())
      #expect(file.metadata == ["format": "pt"])
      let second = try network(["seed=4"])
      let version = second.namedParameters[0].parameter.version
      #expect(state(second) != state(first))
      try second.load(file) { "net." + $0 }
      expectSameBits(state(second), state(first), "state")
      #expect(second.namedParameters[0].parameter.version > version)
    }
  }

  /// Buffers of one's own are filled instead of the network's.
  @Test func copiesAreFilled() throws {
    try withTemporaryFolder { folder in
      let network = try network()
      let file = try write(network, to: "\(folder)/a")
      let before = state(network)
      let copies = network.layers.flatMap(\.buffers).map { StateBuffer(like: $0) }
      let values = FloatStorage(count: network.arena.count)
      for buffer in copies where buffer.kind == .counter { buffer.counter = 5 }
      try StateDictionary(of: network, parameters: values.buffer, buffers: copies).read(file)
      expectSameBits(Array(values.buffer), Array(network.arena.values), "parameters")
      for (copy, buffer) in zip(copies, network.layers.flatMap(\.buffers)) {
        expectSameBits(Array(copy.values.buffer), Array(buffer.values.buffer), copy.name)
        #expect(copy.counter == 0)
      }
      expectSameBits(state(network), before, "the network's own")
    }
  }

  @Test func otherTensorsAreRefusedBeforeAnythingIsRead() throws {
    try withTemporaryFolder { folder in
      let network = try network()
      let before = state(network)
      let path = "\(folder)/a"
      func message(_ entries: [SafetensorsEntry], allowsOthers: Bool = false) throws -> String? {
        _ = try SafetensorsWriter(entries: entries).write(to: path) { _, bytes in
          _ = bytes.initializeMemory(as: UInt8.self, repeating: 1)
        }
        let file = try SafetensorsFile(path: path)
        return TestSupport.message {
          try network.load(file, allowsOthers: allowsOthers, reason: "it is another's")
        }
      }
      let tensors = network.stateTensors.map { name, tensor in
        let isCounter = name.hasSuffix("num_batches_tracked")
        return SafetensorsEntry(
          name: name, type: isCounter ? .int64 : .float32, shape: tensor.shape)
      }
      #expect(tensors[0].name == "main.0.weight" && tensors[0].shape == [5, 4, 7, 7])
      #expect(
        try message(Array(tensors.dropLast()))
          == "\(path): has no tensor main.3.bias: it is another's")
      #expect(
        try message([SafetensorsEntry(name: "main.0.weight", shape: [980])] + tensors.dropFirst())
          == "\(path): main.0.weight has shape [980], expected [5, 4, 7, 7]: it is another's")
      let foreign = tensors + [SafetensorsEntry(name: "main.9.bias", shape: [1])]
      #expect(
        try message(foreign)
          == "\(path): has a tensor main.9.bias, which is not expected: it is another's")
      expectSameBits(state(network), before, "nothing is read")
      let typed = tensors.map {
        $0.type == .int64 ? SafetensorsEntry(name: $0.name, shape: []) : $0
      }
      #expect(
        try message(typed)?.contains("'main.1.num_batches_tracked' is F32, I64 or I32 is") == true)
      #expect(try message(foreign, allowsOthers: true) == nil)
    }
  }
}

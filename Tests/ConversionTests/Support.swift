import Base
import Collectives
import Configuration
import Conversion
import Foundation
import Networks
import Recipe
import RunSupport
import Sampling
import Storage
import TestSupport
import Testing
import Training

/// The path of a file of this target's Fixtures.
func fixture(_ name: String) throws -> String {
  try #require(
    Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Fixtures"), "\(name)"
  ).path
}

/// Expects values to be close to others: |a - b| <= tolerance (1 + |b|).
func expectClose(
  _ found: [Float], _ expected: [Float], tolerance: Float = 1e-5, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found.count == expected.count, "\(what)", sourceLocation: sourceLocation)
  let worst = zip(found, expected).map { abs($0 - $1) / (1 + abs($1)) }.max() ?? 0
  #expect(worst <= tolerance, "\(what): \(worst)", sourceLocation: sourceLocation)
}

// MARK: - Networks to export

/// Networks of a file of `configs/`, or of another of the repository.
func exampleModel(
  _ file: String, _ overrides: [String]
) throws -> (configuration: RunConfiguration, model: Model) {
  var document = try ConfigurationDocument(
    path: file.contains("/") ? repositoryFile(file) : repositoryFile("configs/\(file)"))
  try document.apply(overrides)
  let configuration = try RunConfiguration(document)
  return (configuration, try configuration.makeModel(communicator: SoloCommunicator()))
}

/// Recorded networks of lines and volumes, and one with self-attention.
let otherFiles = ["line", "volume", "attention"].map {
  "Tests/VerificationTests/Fixtures/dimensions/\($0).yaml"
}

/// Every file of `configs/`, and the others.
let exampleFiles: [String] = {
  let folder = repositoryFile("configs")
  return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
    .filter { $0.hasSuffix(".yaml") }.sorted() + otherFiles
}()

/// Every kind of layer and option that has no configuration of its own.
let catalogFiles = ["layers", "volumes", "branches"].map {
  "Tests/ConversionTests/Fixtures/\($0).yaml"
}

/// Generator and critic of a file, with a generator of samples that evaluates them.
func exampleNetworks(_ file: String) throws -> (generator: SampleGenerator, networks: [Network]) {
  // Sixteen samples are whole passes: batch norm by a batch's statistics sees four at a time.
  let small = ["training.batch=8", "training.shards=4", "width=4"]
  let (configuration, model) = try exampleModel(file, catalogFiles.contains(file) ? [] : small)
  stir(model.generator, seed: 1)
  stir(model.critic, seed: 2)
  return (SampleGenerator(model, configuration), [model.generator, model.critic])
}

/// The name of a file of networks.
func exampleName(_ file: String) -> String {
  (file as NSString).lastPathComponent.replacingOccurrences(of: ".yaml", with: "")
}

/// Moves what begins as constants, so that every tensor counts.
func stir(_ network: Network, seed: UInt64) {
  let stream = RandomStream(seed: seed, purpose: .initialization, step: 99)
  for (index, (name, tensor)) in network.stateTensors.enumerated() {
    switch tensor {
    case .parameter(let parameter) where !parameter.isWeight:
      let noise = FloatStorage(count: parameter.count)
      stream.normals(sample: index, into: noise.buffer)
      parameter.mutate { for i in $0.indices { $0[i] += 0.2 * noise.buffer[i] } }
    case .buffer(let buffer) where buffer.kind == .float && !name.contains("weight_"):
      stream.uniforms(sample: index, into: buffer.values.buffer)
      let offset: Float = name.hasSuffix("running_var") ? 0.5 : -0.5
      for i in buffer.values.buffer.indices { buffer.values.buffer[i] += offset }
    default: break
    }
  }
}

// MARK: - For other programs

/// Writes what a network is asked and gives: `input`'s name, `labels`, `condition`, `expected`.
func writeProbe(
  _ probe: NetworkProbe, _ network: Network, input: String, to path: String
) throws {
  let count = probe.count
  var tensors = [
    (input, [count] + network.inputShape.arraySizes, probe.inputs),
    ("expected", [count, probe.outputs.count / count], probe.outputs),
  ]
  if !probe.labels.isEmpty {
    let members = probe.labels.count / count
    tensors.append(
      ("labels", members > 1 ? [count, members] : [count], probe.labels.map(Float.init)))
  }
  if !probe.numbers.isEmpty {
    tensors.append(("condition", [count, probe.numbers.count / count], probe.numbers))
  }
  try writeTensors(tensors, to: path)
}

/// Writes tensors of single precision by their names, sizes and values.
func writeTensors(
  _ tensors: [(name: String, sizes: [Int], values: [Float])], to path: String
) throws {
  let entries = tensors.map { SafetensorsEntry(name: $0.name, shape: $0.sizes) }
  try SafetensorsWriter(entries: entries).writeAtomically(to: path) { index, bytes in
    tensors[index].values.withUnsafeBytes { bytes.copyMemory(from: $0) }
  }
}

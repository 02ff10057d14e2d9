import Base
import Collectives
import Configuration
import Networks
import Recipe
import Runs
import Storage
import Training

/// Makes a checkpoint of weights that another program has trained.
///
/// The folder is that of a run without training: `config.yaml` and one checkpoint of step 0, which
/// `sample`, `evaluate`, `export` and `train --from` take.
package struct WeightImport {
  package struct Options: Sendable {
    package var configuration: String?
    package var overrides: [String] = []
    /// The generator's weights.
    package var generator = ""
    /// The critic's; nil for none.
    package var critic: String?
    /// The averaged weights of the generator; nil for none.
    package var average: String?
    package var map = NameMap()
    /// What names of the generator's file begin with.
    package var prefix = ""
    /// What names of the critic's file begin with.
    package var criticPrefix = ""
    package var layout: MappedTensors.Layout?
    /// Whether what does not fit keeps the values that it is drawn with.
    package var isPartial = false
    /// The folder that is made.
    package var folder = ""

    package init() {}
  }

  /// One network's weights with the file that they come from.
  private struct Part {
    let name: String
    let dictionary: StateDictionary
    let source: MappedTensors
    let mismatches: [StateDictionary.Mismatch]
  }

  private let options: Options

  package init(_ options: Options) { self.options = options }

  /// Reads, checks and writes.
  ///
  /// - Returns: What was taken.
  /// - Throws: `Fault` with a table of all tensors that do not fit, and where a file cannot be read
  ///   or the folder not be made; nothing is written then.
  package func run() throws -> ImportReport {
    var document = try ConfigurationDocument.named(options.configuration)
    try document.apply(options.overrides)
    let configuration = try RunConfiguration(document)
    let (model, yaml) = try configuration.resolved(communicator: SoloCommunicator())
    let directory = RunDirectory(options.folder)
    try directory.requireCreatable()
    return try model.generator.arena.mutate { generator in
      try model.critic.arena.mutate { critic in
        try convert(model, generator: generator, critic: critic, to: directory, yaml: yaml)
      }
    }
  }

  /// Reads and writes, the networks' own parameters being the memory in between.
  private func convert(
    _ model: Model, generator: MutableFloatBuffer, critic: MutableFloatBuffer,
    to directory: RunDirectory, yaml: String
  ) throws -> ImportReport {
    var parts = [
      try part(
        "generator", options.generator, model.generator,
        StateDictionary(of: model.generator, parameters: generator))
    ]
    // Memory of the averaged weights, and of the running statistics that belong to them.
    let average = FloatStorage(count: options.average == nil ? 0 : generator.count)
    let buffers = model.generator.layers.flatMap(\.buffers).map { buffer in
      let copy = StateBuffer(like: buffer)
      copy.copy(from: buffer)
      return copy
    }
    defer { withExtendedLifetime((average, buffers)) {} }
    if let path = options.average {
      _ = average.buffer.update(fromContentsOf: generator)
      parts.append(
        try part(
          "generator_ema", path, model.generator,
          StateDictionary(of: model.generator, parameters: average.buffer, buffers: buffers)))
    }
    if let path = options.critic {
      parts.append(
        try part(
          "critic", path, model.critic, StateDictionary(of: model.critic, parameters: critic)))
    }
    try refuseUnfit(parts)
    for part in parts { try part.dictionary.readFitting(part.source) }
    try write(parts, to: directory, yaml: yaml)
    return ImportReport(output: options.folder, networks: parts.map(report))
  }

  /// Opens a network's file and compares it with the network.
  ///
  /// - Parameters:
  ///   - name: `generator`, `generator_ema` or `critic`, the checkpoint's file too.
  ///   - path: The file.
  ///   - network: What it is for.
  ///   - dictionary: Where its tensors go.
  /// - Returns: The file under the network's names, and what does not fit.
  /// - Throws: `Fault` where it cannot be read.
  private func part(
    _ name: String, _ path: String, _ network: Network, _ dictionary: StateDictionary
  ) throws -> Part {
    let source = try MappedTensors(
      TensorFile(path: path), map: options.map,
      prefix: name == "critic" ? options.criticPrefix : options.prefix, layout: options.layout,
      expected: dictionary.tensors, isLinearWeight: network.linearWeightNames.contains)
    return Part(
      name: name, dictionary: dictionary, source: source,
      mismatches: try dictionary.mismatches(source))
  }

  /// Refuses an import of which a tensor does not fit, with a table of all of all files; not with
  /// `isPartial`.
  private func refuseUnfit(_ parts: [Part]) throws {
    let count = parts.reduce(0) { $0 + $1.mismatches.count }
    guard count > 0, !options.isPartial else { return }
    let tables = parts.filter { !$0.mismatches.isEmpty }.flatMap { part in
      ["\(part.name), of \(part.source.path):"] + part.mismatches.table
    }
    throw Fault(
      "\(count) tensor\(count == 1 ? " does" : "s do") not fit; --map and --prefix name them "
        + "otherwise, --partial takes the others\n" + tables.joined(separator: "\n"))
  }

  /// What was taken of a file; counters that it lacks do not count as taken.
  private func report(_ part: Part) -> ImportReport.Network {
    let unfit = part.mismatches.filter { $0.kind != .unexpected }
    let count = part.dictionary.tensors.count
    return ImportReport.Network(
      name: part.name, source: part.source.path, tensors: count,
      taken: count - unfit.count - part.source.addedCounters.count, omitted: part.source.omitted,
      transposed: part.source.transposed, addedCounters: part.source.addedCounters,
      notTaken: part.mismatches)
  }

  /// Makes the folder: `config.yaml`, and a checkpoint of step 0, which gets its name when it is
  /// whole.
  ///
  /// The checkpoint's state has path, size and CRC-32 of every file that was imported.
  ///
  /// - Parameters:
  ///   - parts: The networks.
  ///   - directory: Of a run that is not there yet.
  ///   - yaml: The configuration with all defaults.
  /// - Throws: `Fault` where it cannot be written; the unfinished checkpoint is removed then.
  private func write(_ parts: [Part], to directory: RunDirectory, yaml: String) throws {
    let lease = try directory.create()
    defer { lease.release() }
    try FileSystem.writeAtomically(yaml, to: directory.configuration)
    let store = CheckpointStore(directory: directory.checkpoints, keep: 1)
    let folder = try store.makeTemporaryFolder(step: 0)
    do {
      var files = try parts.map { try $0.dictionary.write(to: "\(folder)/\($0.name).safetensors") }
      var sources: [String: String] = [:]
      for part in parts {
        let sum = try FileSystem.checksum(ofFile: part.source.path)
        sources[part.name] =
          "\(part.source.path), \(sum.size) bytes, CRC-32 \(sum.crc32.padded(to: 8, radix: 16))"
      }
      files.append(
        try CheckpointState(
          imported: sources,
          configuration: RunConfiguration.fixedValues(in: yaml, name: "the configuration")
        ).write(to: folder))
      try store.seal(folder, files: files)
      try store.publish(folder)
    } catch {
      try? FileSystem.removeTree(folder)
      throw error
    }
  }
}

import Base
import Collectives
import Configuration
import Conversion
import Recipe
import Storage
import Training
import Verification

/// Tensors: checkpoints, weights and recorded runs.
extension Reader {
  static func safetensors(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input.safetensors"
    let entries: [SafetensorsEntry] = [
      .init(name: "a.weight", shape: [2, 3]), .init(name: "step", type: .int64, shape: []),
    ]
    _ = try SafetensorsWriter(entries: entries, metadata: ["format": "pt"]).write(to: path) {
      $1.initializeMemory(as: UInt8.self, repeating: 0)
    }
    let seeds =
      try place.fixtures("StorageTests", ["python.safetensors"]) + [FileSystem.readFile(path)]
    return Reader(path: path, seeds: seeds) {
      try readAll(SafetensorsFile(path: path))
    }
  }

  private static func readAll(_ file: some TensorSource) throws {
    for name in file.names {
      switch try file.entry(name).dtype {
      case "F32", "F64", "F16", "BF16": _ = try file.floats(name)
      case "I64", "I32": _ = try file.integers(name)
      default: break
      }
    }
  }

  /// Pickles of Paddle and of PyTorch before 1.6, and PyTorch's zip files.
  static func tensors(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input"
    let names = ["arrays-2.pdparams", "arrays-4.pdparams", "tensors-legacy.pth", "tensors.pt"]
    return Reader(path: path, seeds: try place.fixtures("StorageTests", names)) {
      try readAll(TensorFile(path: path))
    }
  }

  /// The input is the pickle in a zip file whose checksums are right.
  static func tensorsInZip(_ place: Place) throws -> Reader {
    let (path, zipPath) = ("\(place.folder)/input", "\(place.folder)/input.pt")
    let whole = try place.fixtures("StorageTests", ["tensors.pt"])[0]
    let files = try Archive.files(in: whole, format: .zip, path: zipPath) { $0 }
    let name = "tensors/data.pkl"
    guard let pickle = files[name] else { throw Fault("tensors.pt: has no \(name)") }
    return Reader(path: path, seeds: [pickle]) {
      let damaged = try FileSystem.readFile(path)
      // Not brought to the device: that takes the most time.
      let output = try OutputFile(path: zipPath, mode: .replace)
      let zip = ZipWriter(output)
      for (member, bytes) in files.sorted(by: { $0.key < $1.key }) {
        let bytes = member == name ? damaged : bytes
        try zip.begin(member, size: bytes.count)
        try bytes.withUnsafeBytes { try zip.write($0) }
      }
      try zip.finish()
      try output.close()
      try readAll(TensorFile(path: zipPath))
    }
  }

  /// Models that `export --check` evaluates, with some inputs of the sizes that they say.
  static func onnx(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input.onnx"
    let folder = "\(place.root)/Tests/VerificationTests/Fixtures/dimensions"
    var seeds: [[UInt8]] = []
    for name in ["line", "attention"] {
      let document = try ConfigurationDocument(path: "\(folder)/\(name).yaml")
      let model = try RunConfiguration(document).makeModel(communicator: SoloCommunicator())
      for network in [model.generator, model.critic] {
        try ONNXModel(network).write(to: path)
        seeds.append(try FileSystem.readFile(path))
      }
    }
    let limit = 1 << 16
    return Reader(path: path, seeds: seeds) {
      let model = try ONNXEvaluation(path: path, limit: limit)
      var inputs: [String: ONNXArray] = [:]
      for input in model.inputs {
        let sizes = input.sizes.map { $0 ?? 2 }
        guard let count = checkedProduct(sizes), count <= limit else {
          throw Fault("\(path): an input of \(sizes)")
        }
        inputs[input.name] =
          input.isInteger
          ? ONNXArray(sizes, integers: [Int](repeating: 0, count: count))
          : ONNXArray(sizes, [Float](repeating: 0.5, count: count))
      }
      _ = try model.run(inputs)
    }
  }

  /// The input is the header: the tensors' bytes are a whole recording's.
  static func recording(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/input.safetensors"
    let whole = try place.fixtures("VerificationTests", ["kinks.safetensors"])[0]
    let length = whole[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let (header, data) = (Array(whole[8..<8 + length]), whole[(8 + length)...])
    let document = try ConfigurationDocument(
      path: "\(place.root)/Tests/VerificationTests/Fixtures/kinks.yaml")
    var settings = document
    try settings.override("training.criticSteps=1")
    let configuration = try RunConfiguration(settings)
    let model = try configuration.makeModel(communicator: SoloCommunicator())
    let repair = { (header: [UInt8]) in
      (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header + data
    }
    return Reader(path: path, seeds: [header], repair: repair) {
      let file = try SafetensorsFile(path: path)
      var document = document
      try RecordingReplay.apply(settingsOf: file, to: &document)
      var replay = RecordingReplay(file, trainer: Trainer(model))
      try replay.run(criticSteps: 1)
    }
  }
}

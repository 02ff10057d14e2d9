import Base
import Collectives
import Configuration
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
      let file = try SafetensorsFile(path: path)
      for name in file.names {
        switch try file.entry(name).dtype {
        case "F32", "F64": _ = try file.floats(name)
        case "I64", "I32": _ = try file.integers(name)
        default: break
        }
      }
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

import Base
import Configuration
import Datasets
import Foundation
import Pictures
import Reports
import Storage

/// The readers that libFuzzer feeds, by the names that `run.sh` takes.
///
/// Each takes the path of a file with the bytes; what it throws has to name the file in one line.
private let readers: [String: (_ path: String) throws -> Void] = [
  "yaml": { path in _ = try ConfigurationDocument(path: path).leaves },
  "override": { path in
    let text = String(decoding: try FileSystem.readFile(path), as: UTF8.self)
    var document = try ConfigurationDocument(
      text: "training: {batch: 1}\ngenerator: {layers: [conv2d]}\n", name: path)
    // These errors name the command line.
    do { try document.override(text) } catch let error as ConfigurationError {
      throw Fault("\(path): \(error)")
    }
  },
  "safetensors": { path in try readAll(SafetensorsFile(path: path)) },
  "tensors": { path in try readAll(TensorFile(path: path)) },
  "done": { path in _ = try CheckpointStore.files(in: FileSystem.folder(of: path)) },
  "metrics": { path in _ = try MetricsTable(path: path) },
  "idx": { path in
    let found = try IDXFile.open(path, content: .images)
    _ = try found.first(min(found.count, 100))
  },
  "cifar": { path in _ = try loadCIFAR10(path: path, split: .train) },
  "pickle": { path in _ = try loadMNISTPickle(path: path, split: .train) },
  "picture": { path in _ = try Picture.read(path) },
  "numpy": { path in
    _ = try NumPyReader.names(in: path)
    _ = try ImageFiles.open(path)
  },
]

private func readAll(_ file: some TensorSource) throws {
  for name in file.names {
    switch try file.entry(name).dtype {
    case "F32", "F64", "F16", "BF16": _ = try file.floats(name)
    case "I64", "I32": _ = try file.integers(name)
    default: break
    }
  }
}

/// The reader of this run, and the file that it reads: in memory, for speed.
private let chosen: (read: (String) throws -> Void, path: String) = {
  let environment = ProcessInfo.processInfo.environment
  let name = environment["FUZZ_READER"] ?? ""
  guard let read = readers[name], let folder = environment["FUZZ_FOLDER"] else {
    fatalError("FUZZ_READER is '\(name)'; expected one of \(readers.keys.sorted())")
  }
  return (read, "\(folder)/\(name == "done" ? "DONE" : "input")")
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let descriptor = open(chosen.path, O_CREAT | O_TRUNC | O_WRONLY, 0o600)
  precondition(descriptor >= 0 && write(descriptor, start, count) == count, chosen.path)
  close(descriptor)
  do { try chosen.read(chosen.path) } catch {
    let text = "\(error)"
    precondition(error is Fault || error is ConfigurationError, "\(type(of: error)): \(text)")
    precondition(text.contains(chosen.path) && !text.contains("\n"), text)
  }
  return 0
}

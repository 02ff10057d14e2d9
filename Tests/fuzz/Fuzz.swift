import Base
import Foundation
import Readers
import Storage

/// The reader of this run, whose whole files go where libFuzzer begins with them.
///
/// libFuzzer calls from one thread.
nonisolated(unsafe) private let reader: Reader = {
  // What readers tell a user is not for here.
  Messages.setRank(1)
  func value(_ name: String) throws -> String {
    guard let value = ProcessInfo.processInfo.environment[name] else {
      throw Fault("\(name) is not set; Tests/fuzz/run.sh sets it")
    }
    return value
  }
  do {
    let place = Reader.Place(
      root: FileManager.default.currentDirectoryPath, folder: try value("FUZZ_FOLDER"))
    let reader = try Reader(value("FUZZ_READER"), in: place)
    let corpus = try value("FUZZ_CORPUS")
    for (index, seed) in reader.seeds.enumerated() {
      try FileSystem.writeAtomically(seed, to: "\(corpus)/seed-\(index)")
    }
    return reader
  } catch { fatalError("\(error)") }
}()

@_cdecl("LLVMFuzzerInitialize")
public func initialize(_ count: UnsafeMutableRawPointer, _ arguments: UnsafeMutableRawPointer)
  -> CInt
{
  _ = reader
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do {
    let bytes = UnsafeBufferPointer(start: start, count: count)
    if case .complaint(let text) = try reader.outcome(of: bytes) { fatalError(text) }
  } catch { fatalError("\(error)") }
  return 0
}

import Foundation
import Storage

/// Calls `body` with a new empty folder, which is removed afterwards.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = NSTemporaryDirectory() + "/wgangp-storage-\(UUID().uuidString)"
  try FileSystem.createDirectory(folder)
  defer { try? FileSystem.removeTree(folder) }
  return try body(folder)
}

/// The message of the `StorageError` that `body` throws, nil if it throws none.
func message(of body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch let error as StorageError {
    return error.message
  } catch {
    return "not a StorageError: \(error)"
  }
}

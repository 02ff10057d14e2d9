import Foundation
import Pictures
import Reports

/// Calls `body` with a new empty folder, which is removed afterwards.
func withTemporaryFolder(_ body: (String) throws -> Void) throws {
  let url = FileManager.default.temporaryDirectory
    .appendingPathComponent("wgangp-reports-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: url) }
  try body(url.path)
}

/// The message of the `ReportsError` or `PictureError` that `body` throws, nil if it throws none.
func message(of body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch let error as ReportsError {
    return error.message
  } catch let error as PictureError {
    return error.message
  } catch {
    return "not a ReportsError: \(error)"
  }
}

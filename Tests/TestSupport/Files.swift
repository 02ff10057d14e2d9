import Foundation

/// Calls `body` with a new empty folder, which is removed afterwards.
package func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("wgangp-tests-\(UUID().uuidString)").path
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try body(folder)
}

/// The path of a file of this repository, or beside it with `../`.
///
/// - Parameter path: Relative to the folder with Package.swift.
/// - Returns: The path without `..`.
package func repositoryFile(_ path: String) -> String {
  var root = URL(fileURLWithPath: #filePath)
  for _ in 0..<3 { root.deleteLastPathComponent() }
  return root.appendingPathComponent(path).standardizedFileURL.path
}

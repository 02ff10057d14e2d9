import Foundation

/// A new folder, removed with the value's last owner.
final class Scratch {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("wgangp-system-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func url(_ name: String) -> URL { URL(fileURLWithPath: path).appendingPathComponent(name) }

  /// Writes a file and returns its path.
  func write(_ name: String, _ text: String) throws -> String {
    try write(name, Data(text.utf8))
  }

  /// Writes a file and returns its path; makes the folders on the way.
  func write(_ name: String, _ data: Data) throws -> String {
    try FileManager.default.createDirectory(
      at: url(name).deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: url(name))
    return url(name).path
  }
}

/// Calls `body` with a new folder, which lives at least until it returns.
func withScratch<Result>(_ body: (Scratch) throws -> Result) throws -> Result {
  let scratch = try Scratch()
  return try withExtendedLifetime(scratch) { try body(scratch) }
}

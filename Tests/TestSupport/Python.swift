import Foundation

/// `WGANGP_PYTHON`, or else python3, if it has modules; nil if not.
package func findPython(importing modules: String) -> String? {
  let python = ProcessInfo.processInfo.environment["WGANGP_PYTHON"] ?? "python3"
  let run = try? runPython(python, "-c", "import \(modules)")
  return run?.status == 0 ? python : nil
}

/// Runs Python with arguments, and gives its status and all that it prints.
package func runPython(
  _ python: String, _ arguments: String...
) throws -> (status: Int32, text: String) {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = [python] + arguments
  let output = Pipe()
  process.standardOutput = output
  process.standardError = output
  try process.run()
  let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  return (process.terminationStatus, text)
}

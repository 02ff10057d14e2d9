import Base
import Foundation
import Readers
import TestSupport

/// Gives a reader damaged copies of its whole files, in a process of its own whose memory can be
/// measured.
///
///     read-damaged READER COUNT REPOSITORY FOLDER
///
/// Prints a line of JSON, `ReadDamaged.Report`. The same damage every time.
@main
struct ReadDamaged {
  /// What came of it.
  struct Report: Codable {
    var loaded = 0
    var refused = 0
    /// What is wrong with the other refusals, with the number of the mutation.
    var complaints: [String] = []
    /// Bytes of the largest file.
    var largestFile = 0
    /// Bytes that the process held at its peak beyond what it held before the first file.
    var growth = 0
  }

  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 5, let count = Int(arguments[2]) else {
      throw Fault("expected READER COUNT REPOSITORY FOLDER")
    }
    // What readers tell a user is not for here.
    Messages.setRank(1)
    let reader = try Reader(arguments[1], in: .init(root: arguments[3], folder: arguments[4]))
    var report = Report()
    var mutator = Mutator(seed: 7)
    let before = try peakMemory()
    for index in 0..<count {
      let seeds = reader.seeds
      let bytes = mutator.damaged(
        seeds[index % seeds.count], other: seeds[(index / 2) % seeds.count])
      report.largestFile = max(report.largestFile, bytes.count)
      switch try reader.outcome(of: bytes) {
      case .loaded: report.loaded += 1
      case .refused: report.refused += 1
      case .complaint(let text): report.complaints.append("\(index): \(text)")
      }
    }
    report.growth = try peakMemory() - before
    print(String(decoding: try JSONEncoder().encode(report), as: UTF8.self))
  }

  /// The largest resident memory of this process so far, in bytes.
  private static func peakMemory() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    guard let field = line?.split(whereSeparator: \.isWhitespace).dropFirst().first,
      let kibibytes = Int(field)
    else { throw Fault("/proc/self/status: no VmHWM") }
    return kibibytes << 10
  }
}

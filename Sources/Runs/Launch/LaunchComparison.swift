import Base
import Collectives
import Datasets
import Foundation
import Storage

/// What all ranks of a job must have alike, compared by numbers in one gather.
enum LaunchComparison {
  /// Compares numbers over the ranks.
  ///
  /// - Parameters:
  ///   - numbers: This rank's; as many on all ranks.
  ///   - description: What they say, for people.
  ///   - what: The difference in the message: `other data`.
  ///   - communicator: All ranks.
  /// - Returns: The same on all ranks: which ranks differ from most, on which host, and in what;
  ///   nil where all are alike.
  /// - Throws: `Fault` where the exchange fails.
  static func difference(
    _ numbers: [Double], _ description: String, what: String, _ communicator: any Communicator
  ) throws -> String? {
    let comparison = RankComparison(try communicator.gather(numbers))
    guard let first = comparison.odd.first else { return nil }
    // Only now: texts take an exchange a rank.
    let hosts = try RankHosts(communicator)
    let texts = try communicator.gather(description)
    let has = comparison.odd.count == 1 ? "has" : "have"
    return "\(hosts.list(comparison.odd)) \(has) \(what) than "
      + "\(hosts.name(comparison.reference)): \(texts[first]); expected "
      + "\(texts[comparison.reference])"
  }

  /// A number for a text, to see whether texts are alike.
  static func number(_ text: String) -> Double {
    Double(Array(text.utf8).withUnsafeBytes { FileSystem.crc32($0) })
  }
}

/// The program's file, as a rank sees it.
struct ProgramFile {
  private static let path = "/proc/self/exe"
  let version: String
  private let size: Int
  /// Date of the last change, and the file's place: the same file has the same, a copy has not.
  private let place: [Double]

  init(version: String) throws {
    self.version = version
    var status = stat()
    guard stat(Self.path, &status) == 0 else { throw Fault("\(Self.path): cannot be read") }
    size = Int(status.st_size)
    // Of a number beyond what a Double holds the lower bits are enough.
    let bits = UInt64(1) << 53 - 1
    place = [
      Double(status.st_mtim.tv_sec), Double(status.st_mtim.tv_nsec),
      Double(UInt64(truncatingIfNeeded: status.st_dev) & bits),
      Double(UInt64(truncatingIfNeeded: status.st_ino) & bits),
      LaunchComparison.number(ProcessInfo.processInfo.hostName),
    ]
  }

  /// Compares the files of all ranks.
  ///
  /// - Parameters:
  ///   - readsAlways: Whether the file is read even where sizes and dates are alike.
  ///   - communicator: All ranks.
  /// - Returns: The same difference on all ranks, or nil; and the file, for people.
  /// - Throws: `Fault` where a file cannot be read or the exchange fails.
  func difference(
    readsAlways: Bool, _ communicator: any Communicator
  ) throws -> (text: String?, description: String) {
    let known = [Double(size), LaunchComparison.number(version)]
    let table = try communicator.gather(known + place)
    // A copy's date tells nothing, a whole one's does: then nobody has to read.
    let isAlike = table.allSatisfy { $0.prefix(4) == table[0].prefix(4) }
    guard readsAlways || !isAlike else { return (nil, "version \(version), \(size) bytes") }
    // One of those that see the same file reads it.
    let reader = table.firstIndex(of: table[communicator.rank]) ?? communicator.rank
    let isReader = reader == communicator.rank
    let mine = try communicator.agree {
      isReader ? try FileSystem.checksum(ofFile: Self.path).crc32 : 0
    }
    let checksum = try communicator.gather([Double(mine)])[reader][0]
    let description =
      "version \(version), \(size) bytes, CRC-32 "
      + UInt32(checksum).padded(to: 8, radix: 16)
    let difference = try LaunchComparison.difference(
      known + [checksum], description, what: "another program", communicator)
    return (difference, description)
  }
}

/// A data set, as a rank has read it.
struct DataFingerprint {
  /// Of so many samples, spread over the set, the start of a run compares the values.
  static let samplesAtStart = 256
  private var numbers: [Double]
  private(set) var description: String

  /// - Parameters:
  ///   - dataset: The data.
  ///   - limit: The most samples whose values are looked at.
  init(_ dataset: any Dataset, limit: Int) {
    let count = min(dataset.count, limit)
    let sample = FloatStorage(count: dataset.shape.elementCount)
    var checksum: UInt32 = 0
    for index in 0..<count {
      // The first and the last one are among them.
      let place = count == 1 ? 0 : index * (dataset.count - 1) / (count - 1)
      dataset.copySample(at: place, into: sample.buffer)
      checksum = withExtendedLifetime(sample) {
        FileSystem.crc32(UnsafeRawBufferPointer(sample.buffer), continuing: checksum)
      }
      guard dataset.classCount > 0 else { continue }
      withUnsafeBytes(of: dataset.label(at: place)) {
        checksum = FileSystem.crc32($0, continuing: checksum)
      }
    }
    numbers = [
      Double(dataset.count), LaunchComparison.number("\(dataset.shape)"),
      Double(dataset.classCount), Double(checksum),
    ]
    let part = count == dataset.count ? "" : " of \(count)"
    description =
      "\(dataset.count) samples of \(dataset.name), \(dataset.shape), CRC-32\(part) "
      + checksum.padded(to: 8, radix: 16)
  }

  /// Of the start of a run: the checksum of all that was read, by one rank a node, since the others
  /// map what that has read; of data that are drawn, or are a rank's own, some samples.
  ///
  /// - Parameters:
  ///   - dataset: The data.
  ///   - checksum: That of all of it, where this rank has it already.
  ///   - communicator: All ranks.
  /// - Throws: `Fault` where the exchange fails.
  init(_ dataset: any Dataset, checksum: String?, _ communicator: any Communicator) throws {
    self.init(dataset, limit: Self.samplesAtStart)
    let node = communicator.layout.nodeOfRank[communicator.rank]
    let mine = node == communicator.rank ? checksum ?? dataset.checksum : nil
    let number = mine.flatMap { UInt32($0, radix: 16) }.map(Double.init) ?? -1
    let whole = try communicator.gather([number])[node][0]
    guard whole >= 0 else { return }
    numbers.append(whole)
    description += ", of all \(UInt32(whole).padded(to: 8, radix: 16))"
  }

  /// Compares the data of all ranks.
  ///
  /// - Parameter communicator: All ranks.
  /// - Returns: The same difference on all ranks, or nil.
  /// - Throws: `Fault` where the exchange fails.
  func difference(_ communicator: any Communicator) throws -> String? {
    try LaunchComparison.difference(numbers, description, what: "other data", communicator)
  }
}

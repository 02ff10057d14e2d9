import Base

/// What the trainer needs of its fellow ranks.
///
/// All ranks call the same functions in the same order with the same counts, on error paths too.
/// Only the main thread calls them.
package protocol Communicator: AnyObject {
  var rank: Int { get }
  var size: Int { get }

  /// Which ranks share a node's memory.
  var layout: NodeLayout { get }

  /// Seconds spent inside collectives so far, waiting included.
  var exchangeSeconds: Double { get }

  /// Overwrites `all` (size x mine.count) with every rank's values, in rank order.
  func allGather(
    _ mine: UnsafeBufferPointer<Double>, into all: UnsafeMutableBufferPointer<Double>) throws

  /// Prepares gathering from these places again and again: what `allGather` does, without its
  /// set-up.
  func makeAllGather(
    _ mine: UnsafeBufferPointer<Double>, into all: UnsafeMutableBufferPointer<Double>
  ) throws -> any PreparedAllGather

  /// Prepares summing the ranks' vectors at this place again and again: at most some thousands of
  /// values, where latency counts.
  func makeSmallSum(_ vector: UnsafeMutableBufferPointer<Double>) throws -> any SmallSum

  /// Chooses how the sums and gathers travel that are prepared from now on; no bit depends on it.
  ///
  /// - Throws: Where the ranks' places do not allow it, on all ranks.
  func useExchange(_ mode: ExchangeMode) throws

  /// How they travel, for people.
  var exchangeDescription: String { get }

  /// Prepares sums of `count` Float values over all ranks.
  func makeOrderedSum(count: Int) throws -> any OrderedSum

  /// Overwrites `bytes` on every rank with those of rank `root`.
  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws

  func barrier() throws

  /// Ends the whole job at once with this exit status.
  ///
  /// For failures that other ranks cannot know of.
  func abort(status: Int32) -> Never
}

extension Communicator {
  /// Ranks of one process are on one node.
  package var layout: NodeLayout { NodeLayout(nodeOfRank: Array(repeating: 0, count: size)) }

  package func makeAllGather(
    _ mine: UnsafeBufferPointer<Double>, into all: UnsafeMutableBufferPointer<Double>
  ) throws -> any PreparedAllGather { PlainAllGather(self, mine, all) }

  package func makeSmallSum(
    _ vector: UnsafeMutableBufferPointer<Double>
  ) throws -> any SmallSum {
    if size == 1 { return SmallSumOfOne() }
    return try GatheredSum(vector, ranks: size) { try makeAllGather($0, into: $1) }
  }

  /// Lets every rank say whether it is well.
  ///
  /// If one is not, all throw the same: the message of the lowest rank that has one, with the
  /// rank's number unless all say the same.
  ///
  /// - Parameters:
  ///   - failure: This rank's message, or nil.
  ///   - ranks: The ranks that did something; nil for all.
  /// - Throws: `Fault` with that message, on every rank.
  package func agree(_ failure: String?, of ranks: [Int]? = nil) throws {
    // Of a table too, with a line for each of a file's tensors.
    let longest = 1 << 20
    let bytes = Array((failure ?? "").utf8.prefix(longest))
    // 0 without a message, else one more than its bytes.
    let flag = [Double(failure == nil ? 0 : bytes.count + 1), Double(Self.hash(bytes))]
    var flags = [Double](repeating: 0, count: 2 * size)
    try flag.withUnsafeBufferPointer { flag in
      try flags.withUnsafeMutableBufferPointer { try allGather(flag, into: $0) }
    }
    guard let first = (0..<size).first(where: { flags[2 * $0] != 0 }) else { return }
    var text = bytes
    if rank != first { text = [UInt8](repeating: 0, count: Int(flags[2 * first]) - 1) }
    try text.withUnsafeMutableBytes { try broadcast($0, from: first) }
    let message = String(decoding: text, as: UTF8.self)
    let common = (ranks ?? Array(0..<size)).allSatisfy {
      flags[2 * $0] != 0 && flags[2 * $0 + 1] == flags[2 * first + 1]
    }
    throw Fault(common || size == 1 ? message : "rank \(first): \(message)")
  }

  /// Runs `body`, which does something on `ranks` (nil for all), and throws on every rank if it
  /// threw on one.
  package func agree<Result>(
    of ranks: [Int]? = nil, _ body: () throws -> Result
  ) throws -> Result {
    let result = Swift.Result { try body() }
    switch result {
    case .success(let value):
      try agree(nil, of: ranks)
      return value
    case .failure(let error):
      try agree("\(error)", of: ranks)
      throw error
    }
  }

  /// Checks that all ranks hold the same text, line by line.
  ///
  /// - Parameters:
  ///   - text: This rank's text.
  ///   - what: The name of the text in the message.
  /// - Throws: `Fault` on every rank, naming the first line that differs from rank 0's.
  package func requireSame(_ text: String, what: String) throws {
    var length = [Double(text.utf8.count)]
    var lengths = [Double](repeating: 0, count: size)
    try length.withUnsafeBufferPointer { length in
      try lengths.withUnsafeMutableBufferPointer { try allGather(length, into: $0) }
    }
    length = [lengths[0]]
    var first = Array(text.utf8)
    first += [UInt8](repeating: 0, count: max(0, Int(lengths[0]) - first.count))
    first.removeLast(first.count - Int(lengths[0]))
    try first.withUnsafeMutableBytes { try broadcast($0, from: 0) }
    let expected = String(decoding: first, as: UTF8.self)
    guard expected != text else { return try agree(nil) }
    let (mine, theirs) = (text.split(separator: "\n"), expected.split(separator: "\n"))
    let line = zip(mine, theirs).first { $0 != $1 }
    let found = line.map { $0.0.trimmed } ?? "\(mine.count) lines"
    let wanted = line.map { $0.1.trimmed } ?? "\(theirs.count) lines"
    try agree("\(what) differs from rank 0's: '\(found)' here, '\(wanted)' there")
  }

  /// Every rank's text, in rank order; texts are cut to 500 bytes.
  package func gather(_ text: String) throws -> [String] {
    let longest = 500
    return try (0..<size).map { root in
      var bytes = [UInt8](repeating: 0, count: longest)
      let mine = Array(text.utf8.prefix(longest))
      if rank == root { bytes.replaceSubrange(0..<mine.count, with: mine) }
      try bytes.withUnsafeMutableBytes { try broadcast($0, from: root) }
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// Whether `value` is true on all ranks.
  package func agreed(_ value: Bool) throws -> Bool {
    let mine = [value ? 1.0 : 0]
    var all = [Double](repeating: 0, count: size)
    try mine.withUnsafeBufferPointer { mine in
      try all.withUnsafeMutableBufferPointer { try allGather(mine, into: $0) }
    }
    return !all.contains(0)
  }

  private static func hash(_ bytes: [UInt8]) -> UInt32 {
    // FNV-1a: only to see whether messages are alike.
    bytes.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
  }
}

extension Substring {
  fileprivate var trimmed: String {
    String(drop { $0 == " " })
  }
}

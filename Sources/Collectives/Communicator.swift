import Kernels

/// What the trainer needs of its fellow ranks.
///
/// All ranks call the same functions in the same order with the same counts, on error paths too.
/// Only the main thread calls them.
package protocol Communicator: AnyObject {
  var rank: Int { get }
  var size: Int { get }

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

/// An all-gather whose places are fixed.
package protocol PreparedAllGather: AnyObject {
  func callAsFunction() throws
}

/// The plain all-gather, for communicators that have nothing better.
private final class PlainAllGather: PreparedAllGather {
  private unowned let communicator: any Communicator
  private let mine: UnsafeBufferPointer<Double>
  private let all: UnsafeMutableBufferPointer<Double>

  init(
    _ communicator: any Communicator, _ mine: UnsafeBufferPointer<Double>,
    _ all: UnsafeMutableBufferPointer<Double>
  ) {
    self.communicator = communicator
    self.mine = mine
    self.all = all
  }

  func callAsFunction() throws { try communicator.allGather(mine, into: all) }
}

/// A sum over ranks in the order of a reduction tree, with its buffers.
///
/// It has two halves, between which every rank has the sum of its own parts of the vector only: what
/// is made of the sum value by value (an optimizer's step) then takes each rank its share of the time.
package protocol OrderedSum: AnyObject {
  /// The parts of the vector that a rank adds up: every value is in one part of one rank.
  ///
  /// They begin at multiples of `OrderedSumParts.block`.
  func parts(ofRank rank: Int) -> [Range<Int>]

  /// Replaces this rank's parts of `vector` by the sum of all ranks' vectors: leaf r of the tree is
  /// rank r's. The other parts are undefined then.
  ///
  /// The same vector at every call costs least.
  func reduce(_ vector: MutableFloatBuffer) throws

  /// Gives all ranks every rank's parts of `vector`.
  ///
  /// A few vectors in turn cost no more than one.
  func share(_ vector: MutableFloatBuffer) throws
}

extension OrderedSum {
  /// Replaces `vector` on every rank by the sum of all ranks' vectors.
  package func callAsFunction(_ vector: MutableFloatBuffer) throws {
    try reduce(vector)
    try share(vector)
  }
}

/// How vectors are cut into parts.
package enum OrderedSumParts {
  /// Values that stay in one part.
  package static let block = 2048

  /// Part `index` of `count` of a range that begins with a block.
  package static func part(_ index: Int, of count: Int, in range: Range<Int>) -> Range<Int> {
    let blocks = (range.count + block - 1) / block
    func start(_ index: Int) -> Int {
      min(range.lowerBound + index * blocks / count * block, range.upperBound)
    }
    return start(index)..<start(index + 1)
  }
}

extension Communicator {
  package func makeAllGather(
    _ mine: UnsafeBufferPointer<Double>, into all: UnsafeMutableBufferPointer<Double>
  ) throws -> any PreparedAllGather { PlainAllGather(self, mine, all) }

  /// Lets every rank say whether it is well.
  ///
  /// If one is not, all throw the same: the message of the lowest rank that has one, with the
  /// rank's number unless all say the same.
  ///
  /// `failure`: This rank's message, or nil.
  package func agree(_ failure: String?) throws {
    let longest = 1000
    let bytes = Array((failure ?? "").utf8.prefix(longest))
    let flag = [Double(failure == nil ? 0 : 1), Double(Self.hash(bytes))]
    var flags = [Double](repeating: 0, count: 2 * size)
    try flag.withUnsafeBufferPointer { flag in
      try flags.withUnsafeMutableBufferPointer { try allGather(flag, into: $0) }
    }
    guard let first = (0..<size).first(where: { flags[2 * $0] != 0 }) else { return }
    var text = [UInt8](repeating: 0, count: longest)
    if rank == first { text.replaceSubrange(0..<bytes.count, with: bytes) }
    try text.withUnsafeMutableBytes { try broadcast($0, from: first) }
    let message = String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    let common = (0..<size).allSatisfy {
      flags[2 * $0] != 0 && flags[2 * $0 + 1] == flags[2 * first + 1]
    }
    throw CollectivesError(common || size == 1 ? message : "rank \(first): \(message)")
  }

  /// Runs `body`, and throws on every rank if it threw on one.
  package func agree<Result>(_ body: () throws -> Result) throws -> Result {
    let result = Swift.Result { try body() }
    switch result {
    case .success(let value):
      try agree(nil)
      return value
    case .failure(let error):
      try agree("\(error)")
      throw error
    }
  }

  /// Checks that all ranks hold the same text, line by line.
  ///
  /// `what`: What the text is, for the message.
  /// Throws: On every rank, naming the first line that differs from rank 0's.
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

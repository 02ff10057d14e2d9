import Base
import Collectives
import Datasets

extension RunConfiguration.DataSection {
  /// Reads or draws the samples for all ranks, images once a node.
  ///
  /// The first rank of a node reads them and writes them into a file, which all of the node map
  /// while the others wait. A rank that cannot have it holds the images for itself.
  ///
  /// - Parameter communicator: All ranks, with the same configuration.
  /// - Returns: The samples.
  /// - Throws: On all ranks, as `open()`.
  package func open(_ communicator: any Communicator) throws -> any Dataset {
    if let arrays { return try openArrays(arrays, communicator) }
    let layout = communicator.layout
    guard source.holdsImages, layout.nodes < layout.ranks else {
      return try communicator.agree { try open() }
    }
    let node = layout.nodeOfRank[communicator.rank]
    let isFirst = node == communicator.rank
    var images = try communicator.agree(of: Set(layout.nodeOfRank).sorted()) {
      isFirst ? try readImages() : nil
    }
    let isAlone = layout.nodeOfRank.count { $0 == node } == 1
    let key = SharedFile.Key.make()
    let made = Result { try isAlone ? nil : images.map { try SharedFile($0, key: key) } }
    let shared = try share(made, key, communicator, needsIt: !isAlone) { try SharedImages($0) }
    if shared != nil { images = nil }
    return try communicator.agree {
      if let shared {
        return ByteImageDataset(shared, range: range, dequantization: dequantization)
      }
      guard let own = try images ?? readImages() else { return try open() }
      return ByteImageDataset(own, range: range, dequantization: dequantization)
    }
  }

  private func readImages() throws -> ByteImages? {
    try reader.locatingErrors { try source.images(limit: limit, resize: resize) }
  }

  /// Gives the ranks of a node what its first rank has written; all ranks call it.
  ///
  /// - Parameters:
  ///   - made: The file that this rank has made for its node; nil on all but the first.
  ///   - key: Of this rank.
  ///   - communicator: All ranks.
  ///   - needsIt: Whether this rank is to have it: on a node of one rank there is nobody to share
  ///     with.
  ///   - map: Finds the file.
  /// - Returns: What was written; nil where it is not to be had, which rank 0 warns of.
  /// - Throws: What an exchange throws.
  func share<Shared>(
    _ made: Result<SharedFile?, any Error>, _ key: SharedFile.Key,
    _ communicator: any Communicator, needsIt: Bool, map: (SharedFile.Key) throws -> Shared
  ) throws -> Shared? {
    var failure: String?
    if case .failure(let error) = made { failure = "\(error)" }
    // Behind the agreement below, when all have mapped the file.
    defer { if case .success(let file?) = made { file.removeName() } }
    // Also says that the file is whole.
    let first = try communicator.keyOfFirst(key)
    var shared: Shared?
    if needsIt, failure == nil {
      do { shared = try map(first) } catch { failure = "\(error)" }
    }
    do { try communicator.agree(failure) } catch {
      Messages.warning(
        "not all nodes can hold the data set once for their ranks, who then hold it each: \(error)")
    }
    return shared
  }
}

extension Communicator {
  /// The key of the first rank of this rank's node.
  fileprivate func keyOfFirst(_ key: SharedFile.Key) throws -> SharedFile.Key {
    let mine = [Double(key.token), Double(key.process)]
    var all = [Double](repeating: 0, count: mine.count * size)
    try mine.withUnsafeBufferPointer { mine in
      try all.withUnsafeMutableBufferPointer { try allGather(mine, into: $0) }
    }
    let first = mine.count * layout.nodeOfRank[rank]
    return SharedFile.Key(token: UInt64(all[first]), process: Int32(all[first + 1]))
  }
}

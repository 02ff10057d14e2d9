import Base

/// Decodes the pictures of a folder block by block, on all cores, and says how far it is.
package enum PictureReading {
  /// Pictures that are decoded before they are used.
  private static let blockSize = 256
  /// Seconds from one word of progress to the next.
  private static let pause = 5.0

  /// Decodes pictures, and hands them on in their order.
  ///
  /// The launcher has bound this process to a core or two; the others of its node wait meanwhile,
  /// so that theirs are taken too. Progress is told by whoever reads, which may be any rank.
  ///
  /// - Parameters:
  ///   - files: Their names.
  ///   - folder: Where they are, for messages.
  ///   - decode: Reads one, on any thread.
  ///   - use: Takes some files' pictures.
  /// - Throws: What `decode` throws of the first that cannot be read, and what `use` throws.
  package static func forEachBlock<Picture: Sendable>(
    of files: [String], in folder: String, decode: (_ file: String) throws -> Picture,
    use: (_ files: ArraySlice<String>, _ pictures: [Picture]) throws -> Void
  ) throws {
    try Processor.onAvailableCores { cores in
      // Where the system refuses threads, this one does all: dispatch queues would wait for them.
      let pool = try (try? ThreadPool(threads: cores)) ?? ThreadPool(threads: 1)
      var lastWord = monotonicSeconds()
      for first in stride(from: 0, to: files.count, by: blockSize) {
        if monotonicSeconds() - lastWord > pause {
          Messages.notice(
            "read \(first) of \(files.count) pictures of \(folder)", everyRank: true)
          lastWord = monotonicSeconds()
        }
        let block = files[first..<min(first + blockSize, files.count)]
        try use(block, pool.map(block.count) { try decode(block[first + $0]) })
      }
    }
  }
}

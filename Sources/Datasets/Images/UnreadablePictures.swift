import Base

/// The pictures of a folder that cannot be read: all are tried, so that one go names them.
struct UnreadablePictures {
  private static let named = 3

  private let folder: String
  private let total: Int
  private var count = 0
  private var first: [any Error] = []

  /// - Parameters:
  ///   - folder: For messages.
  ///   - total: Pictures in all.
  init(in folder: String, of total: Int) {
    self.folder = folder
    self.total = total
  }

  var isEmpty: Bool { count == 0 }

  /// Notes those that failed.
  ///
  /// - Returns: What became of the others, in their order.
  mutating func take<Element>(_ results: [Result<Element, any Error>]) -> [Element] {
    var good: [Element] = []
    for result in results {
      switch result {
      case .success(let element): good.append(element)
      case .failure(let error):
        count += 1
        if first.count < Self.named { first.append(error) }
      }
    }
    return good
  }

  /// - Throws: Where there are any: the error of the only one, else how many there are and the
  ///   errors of the first three.
  func check() throws {
    guard let error = first.first else { return }
    guard count > 1 else { throw error }
    let list = first.map { "\($0)" }.joined(separator: "; ")
    let rest = count > first.count ? "; and \(count - first.count) more" : ""
    throw Fault("\(folder): \(count) of \(total) pictures cannot be used: \(list)\(rest)")
  }
}

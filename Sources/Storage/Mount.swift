import Foundation

/// A file system at its place.
package struct Mount: Equatable {
  /// Such as `ext4`, `tmpfs`.
  package var type: String
  /// What is mounted: a block device, a server's folder, or any word.
  package var source: String

  /// The block device, such as `/dev/sda1`; nil for a file system that has none.
  package var device: String? { source.hasPrefix("/dev/") ? source : nil }

  /// Whether what is written there stays in memory.
  package var isInMemory: Bool { type == "tmpfs" || type == "ramfs" }

  /// The file system that a folder is in; nil where the system does not say.
  package init?(of folder: String) {
    guard let path = realpath(folder, nil) else { return nil }
    defer { free(path) }
    let lines = (try? FileSystem.readFile("/proc/self/mountinfo")) ?? []
    self.init(of: String(cString: path), in: String(decoding: lines, as: UTF8.self))
  }

  /// What is mounted at the deepest of the folders above a path.
  ///
  /// - Parameters:
  ///   - path: Without links.
  ///   - mounts: `/proc/self/mountinfo`.
  package init?(of path: String, in mounts: String) {
    var best: (place: String, mount: (type: String, source: String))?
    for line in mounts.split(separator: "\n") {
      // 36 35 98:0 /root /place options optional... - type source options
      let words = line.split(separator: " ")
      guard let dash = words.firstIndex(of: "-"), words.count > dash + 2, words.count > 4 else {
        continue
      }
      let place = Self.unescaped(words[4])
      let isAbove = place == "/" || path == place || path.hasPrefix("\(place)/")
      // Of two at one place the later one hides the other.
      guard isAbove, place.utf8.count >= best?.place.utf8.count ?? 0 else { continue }
      best = (place, (String(words[dash + 1]), Self.unescaped(words[dash + 2])))
    }
    guard let mount = best?.mount else { return nil }
    (type, source) = mount
  }

  /// A space is `\040` there.
  private static func unescaped(_ text: Substring) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")].reduce(String(text)) {
      $0.replacingOccurrences(of: $1.0, with: $1.1)
    }
  }
}

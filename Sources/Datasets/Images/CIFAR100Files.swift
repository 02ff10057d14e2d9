import Storage

/// How to know the files of CIFAR-100, which look like CIFAR-10's.
enum CIFAR100 {
  /// What they are, behind a path.
  static let what =
    "is of CIFAR-100 (two labels an image); expected CIFAR-10's files, as 'wgangp-dist data "
    + "download cifar10' fetches them"

  /// Whether bytes are whole records of two labels and an image, one of 20 kinds and 100 classes.
  static func isBatch(_ bytes: [UInt8]) -> Bool {
    let record = 2 + 3 * 32 * 32
    guard !bytes.isEmpty, bytes.count.isMultiple(of: record),
      !bytes.count.isMultiple(of: record - 1)
    else { return false }
    return stride(from: 0, to: bytes.count, by: record).allSatisfy {
      bytes[$0] < 20 && bytes[$0 + 1] < 100
    }
  }

  /// Whether a folder has its splits, or its own folder or archive.
  static func isFolder(_ folder: String) -> Bool {
    [
      "cifar-100-binary", "cifar-100-python", "cifar-100-binary.tar.gz", "cifar-100-python.tar.gz",
      "fine_label_names.txt",
    ].contains { FileSystem.exists("\(folder)/\($0)") }
      || ["train", "test", "meta"].allSatisfy { FileSystem.exists("\(folder)/\($0)") }
  }

  /// Whether an archive has its folder: the names of its first files say so.
  static func isArchive(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: Array("cifar-100-".utf8))
  }
}

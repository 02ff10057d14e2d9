/// Files that are given in place of those that a reader takes.
package enum ForeignFile {
  /// What bytes are that a checkout of Git has in place of a large file; nil for anything else.
  package static func pointer(_ bytes: [UInt8]) -> String? {
    bytes.starts(with: Array("version https://git-lfs.github.com/spec/".utf8))
      ? "a Git LFS pointer, not the file itself; 'git lfs pull' fetches it" : nil
  }

  /// What bytes are that were to be a safetensors file; nil where they may be one.
  ///
  /// The header's length is in front of its brace: of some length it looks like a pickle.
  static func inPlaceOfSafetensors(_ bytes: [UInt8]) -> String? {
    if bytes.count > 8, bytes[8] == UInt8(ascii: "{") { return nil }
    if bytes.starts(with: [0x50, 0x4B, 3, 4]) {
      return "a zip, such as torch.save writes (PyTorch's .pt and .pth); 'wgangp-dist import' "
        + "reads them"
    }
    if bytes.count > 1, bytes[0] == 0x80, (2...5).contains(bytes[1]) {
      return "a pickle, such as PyTorch and Paddle write; 'wgangp-dist import' reads them"
    }
    return pointer(bytes)
  }
}

import Base
import Datasets
import Foundation
import Pictures
import Storage
import Testing

func write(_ bytes: [UInt8], to path: String, inNewFolder: Bool = false) throws {
  let url = URL(fileURLWithPath: path)
  if inNewFolder {
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
  }
  try Data(bytes).write(to: url)
}

/// The bytes of an IDX file of unsigned bytes.
func idx(_ dimensions: [UInt32], _ elements: [UInt8]) -> [UInt8] {
  [0, 0, 8, UInt8(dimensions.count)] + dimensions.flatMap(bigEndian) + elements
}

/// The bytes of a NumPy file: a Python dictionary of up to 254 letters, and the elements.
func npy(_ header: String, _ elements: [UInt8]) -> [UInt8] {
  let text = Array((header + "\n").utf8)
  return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.count), 0] + text + elements
}

/// `count` images of 3 x 2 (height x width) whose bytes count up, and their file.
func countingImages(_ count: Int) -> [UInt8] {
  idx([UInt32(count), 3, 2], (0..<count * 6).map { UInt8(truncatingIfNeeded: $0) })
}

private func bigEndian(_ word: UInt32) -> [UInt8] {
  (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) }
}

/// The path of a file in `Fixtures`, made by `Fixtures/make.py`.
func fixture(_ name: String) throws -> String {
  let url = Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Fixtures")
  return try #require(url, "no fixture \(name)").path
}

/// What the fixtures hold: bytes `first` ..< `count` of image `image`.
func fixtureImage(_ image: Int, _ elements: Range<Int>) -> [UInt8] {
  elements.map { UInt8((7 * image + 3 * $0 + $0 / 96) % 251) }
}

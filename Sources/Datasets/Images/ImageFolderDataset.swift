import Base
import Foundation
import Storage

/// What is made of a folder of pictures.
package struct ImageFolderSettings: Sendable, Equatable {
  package var path: String
  package var size: ImageSize
  package var crop: ImageCrop
  /// 3, or 1 for grey.
  package var channels: Int
  /// The file with the pictures as they are used; nil for one beside the folder.
  package var cache: String?

  package init(
    path: String, size: ImageSize, crop: ImageCrop = .center, channels: Int = 3,
    cache: String? = nil
  ) {
    precondition(channels == 1 || channels == 3, "\(channels) channels")
    self.path = path
    self.size = size
    self.crop = crop
    self.channels = channels
    self.cache = cache
  }

  /// `faces/` -> `faces.64x64-center-rgb.cache`: other settings have another file.
  package var cachePath: String {
    if let cache { return cache }
    let parent = FileSystem.folder(of: path)
    let colours = channels == 1 ? "grey" : "rgb"
    let name =
      "\(FileSystem.name(of: path)).\(size.height)x\(size.width)-\(crop.rawValue)-\(colours).cache"
    return parent == "." && !path.hasPrefix("./") ? name : "\(parent)/\(name)"
  }
}

/// A folder's pictures at one size, in a file that is mapped into memory.
///
/// The file is made by the first process that asks for it; others on the node wait for it and map
/// the same pages, so ranks share one copy of the pixels. It is made anew where pictures were
/// added, removed or changed, or where it is damaged. Its folder must be writable the first time.
package final class ImageFolderDataset: Dataset {
  package let name: String
  package let count: Int
  package let shape: Shape
  package let condition: ConditionShape
  /// The names of the folders that are classes.
  package let classes: [String]
  private let cache: ImageCache
  private let conversion: ByteConversion

  /// Opens a folder's cache, and makes it where it must be made.
  ///
  /// - Parameters:
  ///   - settings: Folder, size and cache.
  ///   - range: What bytes 0 and 255 become.
  ///   - dequantization: Noise that is added, if any.
  /// - Returns: The pictures; the cache has them all, whatever is taken of them.
  /// - Throws: `Fault` naming the picture that cannot be read, or what else is wrong with
  ///   the folder or the cache.
  package static func open(
    _ settings: ImageFolderSettings, range: ClosedRange<Float>,
    dequantization: Dequantization? = nil
  ) throws -> AvailableSamples<ImageFolderDataset> {
    let cache = try ImageCache.open(settings)
    let conversion = ByteConversion(range: range, dequantization: dequantization)
    return AvailableSamples(count: cache.count) { count in
      ImageFolderDataset(
        cache, name: "imageFolder \(settings.path)", count: count, conversion: conversion)
    }
  }

  private init(_ cache: ImageCache, name: String, count: Int, conversion: ByteConversion) {
    self.cache = cache
    self.conversion = conversion
    self.name = name
    self.count = count
    shape = cache.shape
    classes = cache.classes
    condition = ConditionShape(classes: classes.count)
  }

  package var checksum: String? { cache.checksum.padded(to: 8, radix: 16) }

  package func copyCondition(at index: Int, into condition: Condition) {
    guard self.condition.classes > 0 else { return }
    precondition(index >= 0 && index < count, "sample \(index) of \(count)")
    condition.label = cache.label(at: index)
  }

  package func copySample(
    at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(index >= 0 && index < count, "sample \(index) of \(count)")
    conversion.convert(cache.image(at: index), index: index, draw: draw, into: output)
  }
}

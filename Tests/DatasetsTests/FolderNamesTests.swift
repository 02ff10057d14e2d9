import Base
import Datasets
import Foundation
import Storage
import TestSupport
import Testing

/// What lies in folders of pictures beside plain PNG files with plain names.
@Suite struct FolderNamesTests {
  private func listing(_ folder: String) throws -> ImageFolderListing {
    try ImageFolderListing(folder)
  }

  private func copy(_ name: String, to path: String) throws {
    try FileSystem.createDirectory(FileSystem.folder(of: path))
    try FileSystem.writeAtomically(FileSystem.readFile(fixture(name)), to: path)
  }

  private func open(_ folder: String) throws -> ImageFolderDataset {
    try ImageFolderDataset.open(
      ImageFolderSettings(path: folder, size: ImageSize(height: 8, width: 8)), range: 0...255
    ).first()
  }

  /// As old disks and archives have them: the bytes are Latin-1.
  @Test func namesNeedNotBeUTF8() throws {
    try withTemporaryFolder { folder in
      try copy("rgb.png", to: "\(folder)/set/a/1.png")
      try copy("grey.png", to: "\(folder)/set/d/2.png")
      let bytes = Array("\(folder)/set/caf".utf8) + [0xE9]
      let name = bytes.map { CChar(bitPattern: $0) }
      #expect(mkdir(name + [0], 0o777) == 0)
      let file = name + Array("/\u{FC}.png".utf8).map { CChar(bitPattern: $0) }
      #expect(try symlink(fixture("rgb.jpg"), file + [0]) == 0)
      let second = name + [0x2F, CChar(bitPattern: 0xFC)] + Array(".png".utf8CString)
      #expect(try symlink(fixture("rgb.png"), second) == 0)
      let set = try open("\(folder)/set")
      #expect(set.count == 4 && set.classCount == 3)
      #expect(set.classes.map(Messages.shown) == ["a", "caf\\xE9", "d"])
      // By their bytes: 0xC3 of UTF-8 comes in front of 0xFC.
      #expect(
        try listing("\(folder)/set").files.map(Messages.shown) == [
          "a/1.png", "caf\\xE9/\u{FC}.png", "caf\\xE9/\\xFC.png", "d/2.png",
        ])
      let source = DatasetSource.imageFolder(
        ImageFolderSettings(path: "\(folder)/set", size: ImageSize(height: 8, width: 8)))
      #expect(source.classNames == set.classes)
    }
  }

  @Test(arguments: ["a.jfif", "b.jpe", "c.JIF", "d.Jpeg"])
  func endingsOfJPEG(name: String) throws {
    try withTemporaryFolder { folder in
      try copy("rgb.jpg", to: "\(folder)/set/\(name)")
      try copy("rgb.png", to: "\(folder)/set/z.png")
      #expect(try open("\(folder)/set").count == 2)
    }
  }

  @Test(arguments: [
    "heif", "HEIC", "jxl", "pnm", "pbm", "ico", "psd", "svg", "dng", "webp", "tiff", "gif", "bmp",
    "avif",
  ])
  func otherPicturesAreRefusedByName(ending: String) throws {
    try withTemporaryFolder { folder in
      try copy("rgb.png", to: "\(folder)/set/a.png")
      try copy("rgb.png", to: "\(folder)/set/b.\(ending)")
      #expect(
        message { try listing("\(folder)/set") }
          == "\(folder)/set/b.\(ending): only PNG and JPEG pictures are read; convert or remove it")
    }
  }

  @Test func linksToFoldersAbove() throws {
    try withTemporaryFolder { folder in
      try copy("rgb.png", to: "\(folder)/set/a/deep/1.png")
      try copy("rgb.png", to: "\(folder)/set/b/1.png")
      // To a folder beside it: its pictures are meant.
      #expect(symlink("../b", "\(folder)/set/a/b") == 0)
      #expect(try listing("\(folder)/set").files.count == 3)
      for (link, target) in [("a/deep/up", ".."), ("a/self", "."), ("top", "."), ("a/x", "../..")] {
        let path = "\(folder)/set/\(link)"
        #expect(symlink(target, path) == 0)
        #expect(
          message { try listing("\(folder)/set") }
            == "\(path): a link to a folder above it; remove it")
        unlink(path)
      }
    }
  }

  /// All in one go: a count and the first three.
  @Test func severalBadPictures() throws {
    try withTemporaryFolder { folder in
      let set = "\(folder)/set"
      for name in ["a", "f"] { try copy("rgb.png", to: "\(set)/\(name).png") }
      try write([], to: "\(set)/b.png")
      let one = "\(set)/b.png: is empty; expected a PNG or JPEG file"
      #expect(message { try open(set) } == one)
      #expect(message { try ImageFiles.open(set) } == one)
      try write(Array("GIF89a".utf8), to: "\(set)/c.png")
      try write(
        Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n".utf8),
        to: "\(set)/d.jpg")
      try write([1], to: "\(set)/e.png")
      let unknown = "neither a PNG nor a JPEG file by its contents; convert or remove it"
      let expected =
        "\(set): 4 of 6 pictures cannot be used: \(one); \(set)/c.png: \(unknown); \(set)/d.jpg: "
        + "a Git LFS pointer, not the file itself; 'git lfs pull' fetches it; and 1 more"
      #expect(message { try open(set) } == expected)
      #expect(message { try ImageFiles.open(set) } == expected)
      // Nothing is kept of it.
      #expect(try FileSystem.listDirectory(folder) == [".set.8x8-center-rgb.cache.lock", "set"])
      for name in ["a.png", "f.png"] { unlink("\(set)/\(name)") }
      #expect(message { try ImageFiles.open(set) }?.hasPrefix("\(set): 4 of 4 pictures") == true)
    }
  }
}

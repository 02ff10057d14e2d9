import Datasets
import Foundation
import Pictures
import TestSupport
import Testing

/// Pictures made by `Fixtures/make_pictures.py`; the checksums are those of what Pillow 12.3.0
/// gives.
@Suite struct PictureTests {
  private func checksum(_ picture: Picture) -> UInt32 { crc32(picture.pixels) }

  /// Pixels in RGB, in grey, Resize(8) + CenterCrop(8), Resize(9) + CenterCrop(9), and stretched to
  /// 6 rows of 11.
  @Test(
    arguments: [
      ("rgb.png", [0x1417_BDFC, 0x6F19_5A64, 0xA4D9_8000, 0x8392_BAF1, 0x5131_3790]),
      ("grey.png", [0xD531_74FB, 0xBC43_2A98, 0x5E84_63C9, 0x753A_A3BF, 0x0758_07CD]),
      ("palette.png", [0xAAA9_9394, 0xC372_8E0D, 0x8853_ECDE, 0xE11D_A55E, 0x28A9_0E86]),
      ("sixteen.png", [0x3CF9_20DA, 0xEFAD_5AF2, 0xFC3B_F8D0, 0x4D0B_7562, 0x90F2_ACC7]),
      ("rgb.jpg", [0x56A6_C758, 0xB565_47ED, 0xC010_C3DE, 0x6389_C539, 0x9165_3F88]),
      ("grey.jpg", [0x35E8_A857, 0x8854_F80A, 0xA313_FC17, 0x1C7E_4054, 0xA93A_2EFC]),
      ("progressive.jpg", [0xD221_040C, 0x55A5_97E6, 0x6CBB_F9C4, 0xD0F8_4632, 0x052C_01BC]),
    ] as [(String, [UInt32])])
  func pixelsArePillows(name: String, expected: [UInt32]) throws {
    let picture = try Picture.read(fixture(name))
    let square = { (side: Int) in ImageSize(height: side, width: side) }
    let got = [
      checksum(picture), checksum(picture.grey),
      try checksum(picture.fitted(to: square(8), crop: .center)),
      try checksum(picture.fitted(to: square(9), crop: .center)),
      try checksum(picture.fitted(to: ImageSize(height: 6, width: 11), crop: .none)),
    ]
    #expect(got == expected)
    #expect(picture.grey.channels == 1 && picture.channels == 3)
  }

  /// Where values could be read in more than one way: transparent parts, pasted on black; a file
  /// that says that its values are linear light; four inks, of both kinds.
  @Test(
    arguments: [
      ("alpha.png", 0xFA50_B4F8), ("grey-alpha.png", 0x5D8A_E603),
      ("palette-alpha.png", 0x046C_2E21), ("gamma.png", 0x1417_BDFC),
      ("cmyk.jpg", 0x5CB4_E418), ("ycck.jpg", 0xE51F_EE89),
    ] as [(String, UInt32)])
  func valuesAreThoseThatAreStored(name: String, expected: UInt32) throws {
    #expect(checksum(try Picture.read(fixture(name))) == expected)
  }

  @Test func transparencyIsPutOnBlack() throws {
    // Alpha is 0, 128, 255 in turn.
    let picture = try Picture.read(fixture("alpha.png"))
    #expect((picture.height, picture.width) == (9, 7))
    #expect(Array(picture.pixels[..<3]) == [0, 0, 0])
    #expect(Array(picture.pixels[6..<9]) == [26, 76, 126])
    // 13 + 50 of opacity 128: 63 * 128 / 255.
    #expect(picture.pixels[4] == 32)
    // A grey file stays grey.
    let grey = try PNG.read(fixture("grey-alpha.png"))
    #expect(grey.channels == 1 && grey.pixels[51] == 0 && grey.pixels[52 * 19 + 51] == 190)
  }

  @Test func cropsCoverTheTarget() throws {
    // A picture of 4 x 10 whose columns count: of twice the height 8 x 20 the middle 8 x 8.
    let picture = Picture(
      width: 10, height: 4, channels: 1, pixels: (0..<40).map { UInt8($0 % 10 * 20) })
    let wide = try picture.fitted(to: ImageSize(height: 8, width: 8), crop: .center)
    #expect(wide.pixels.count == 64 && wide.pixels[0] > 50 && wide.pixels[7] < 130)
    let tall = try Picture(
      width: 4, height: 10, channels: 1, pixels: (0..<40).map { UInt8($0 / 4 * 20) }
    ).fitted(to: ImageSize(height: 8, width: 8), crop: .center)
    let turned = (0..<64).map { wide.pixels[$0 % 8 * 8 + $0 / 8] }
    #expect(tall.pixels == turned)
    // Any ratio to any other.
    for (height, width) in [(1, 1), (3, 7), (7, 3), (10, 1), (16, 40)] {
      let fitted = try picture.fitted(to: ImageSize(height: height, width: width), crop: .center)
      #expect((fitted.height, fitted.width, fitted.pixels.count) == (height, width, height * width))
    }
  }

  @Test func narrowPicturesAreBoundedBeforeTheCrop() {
    let line = Picture(
      width: 40_000, height: 1, channels: 1, pixels: [UInt8](repeating: 0, count: 40_000))
    let size = ImageSize(height: 1024, width: 1024)
    #expect(
      message { try line.fitted(to: size, crop: .center, path: "line.png") }
        == "line.png: 40000 x 1 pixels become 40960000 x 1024 before the crop; expected up to "
        + "268435456")
  }

  /// What reading `bytes` complains of, without the path in front.
  private func complaint(_ bytes: [UInt8]) throws -> String {
    var text = ""
    try withTemporaryFolder { folder in
      let path = folder + "/picture"
      try write(bytes, to: path)
      text = message { try Picture.read(path) } ?? ""
      #expect(text.hasPrefix(path + ": "))
      text.removeFirst(min(path.count + 2, text.count))
    }
    return text
  }

  @Test func damage() throws {
    let png = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture("rgb.png"))))
    let jpeg = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture("rgb.jpg"))))
    #expect(
      try complaint(Array("GIF89a".utf8))
        == "neither a PNG nor a JPEG file by its contents; convert or remove it")
    #expect(try complaint([]) == "is empty; expected a PNG or JPEG file")
    for size in 1..<33 { #expect(try !complaint(Array(png[..<size])).isEmpty) }
    #expect(try complaint(Array(png.dropLast(60))).hasPrefix("not a readable PNG file: "))
    #expect(try complaint(Array(png[..<20])).hasPrefix("not a readable PNG file: "))
    #expect(try complaint(Array(jpeg.dropLast(100))).hasPrefix("not a readable JPEG file: "))
    #expect(try complaint(Array(jpeg[..<100])).hasPrefix("not a readable JPEG file: "))
    var flipped = png
    flipped[png.count / 2] ^= 1
    #expect(try complaint(flipped).hasPrefix("not a readable PNG file: "))
    // A header that claims 2^31 - 1 pixels each way, with its checksum.
    var huge = Array(png[..<33])
    for place in [16, 20] { huge.replaceSubrange(place..<place + 4, with: [0x7F, 255, 255, 255]) }
    let sum = crc32(huge[12..<29])
    huge.replaceSubrange(
      29..<33, with: (0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * $0)) })
    #expect(try !complaint(huge + png[33...]).isEmpty)
  }
}

import Base
import Datasets
import Foundation
import Storage
import TestSupport
import Testing

/// NumPy files, and images in them.
@Suite struct NumPyTests {
  /// What `make_numpy.py` puts into image `image`, channels last.
  private static func byte(_ image: Int, _ element: Int) -> Int { (7 * image + 3 * element) % 251 }

  private func bytes(_ images: ArrayImages) throws -> [Int] {
    switch images.values {
    case .bytes(let bytes): bytes.map(Int.init)
    case .numbers(let numbers): numbers.map { Int($0) }
    }
  }

  /// Whatever the order of the elements and the versions of the format, the images are the same.
  @Test(arguments: [
    "nhwc.npy", "fortran.npy", "version2.npy", "stored.npz", "deflated.npz", "int64.npy",
    "grey.npy",
  ])
  func imagesAreChannelsLast(file: String) throws {
    let array = file == "deflated.npz" ? "samples" : nil
    let images = try ArrayImages(path: fixture("numpy/\(file)"), array: array)
    let channels = file == "grey.npy" ? 1 : 3
    #expect(images.count == 4)
    #expect(images.shape == Shape(channels: channels, height: 5, width: 6))
    let size = images.shape.elementCount
    let expected = (0..<4 * size).map { Self.byte($0 / size, $0 % size) }
    #expect(try bytes(images) == expected)
  }

  /// Numbers are brought from the range that holds them all to the one that is asked for.
  @Test(arguments: [
    ("unit.npy", 1e-6), ("big-endian.npy", 1e-6), ("half.npy", 1e-3), ("nhwc.npy", 1e-6),
  ])
  func numbersAreScaled(file: String, tolerance: Double) throws {
    let set = try ImageFiles.open(fixture("numpy/\(file)"), range: -1...1)
    let size = set.shape.elementCount
    #expect(set.count == 4 && size == (file == "half.npy" ? 30 : 90))
    var values = [Float](repeating: 0, count: size)
    for image in 0..<4 {
      values.withUnsafeMutableBufferPointer { set.copySample(at: image, into: $0) }
      for element in 0..<size {
        expectClose(
          Double(values[element]), 2 * Double(Self.byte(image, element)) / 255 - 1,
          absolute: tolerance, "\(file), image \(image), element \(element)")
      }
    }
  }

  @Test func rangesAreFoundOrSaid() throws {
    func range(_ values: [Float]) throws -> ClosedRange<Float> {
      try FloatImageDataset.range(of: values, name: "x")
    }
    #expect(try range([0, 1]) == 0...1)
    #expect(try range([-0.5, 1]) == -1...1)
    #expect(try range([0, 2]) == 0...255)
    #expect(message { _ = try range([-2, 2]) }?.contains("say by --range") == true)
    #expect(message { _ = try range([0, .nan]) }?.contains("value 1 is nan") == true)
    var options = ImageFiles.Options()
    options.stored = 0...0.5
    let path = try fixture("numpy/unit.npy")
    #expect(
      message { _ = try ImageFiles.open(path, options) }?.contains("outside [0.0, 0.5]") == true)
  }

  @Test(arguments: [
    ("objects.npy", "objects are pickles, which are not read"),
    ("records.npy", "an array of records"),
  ])
  func whatIsNoNumbersIsRefused(file: String, expected: String) throws {
    let path = try fixture("numpy/\(file)")
    let found = message { _ = try NumPyReader(path: path) }
    #expect(found?.contains(expected) == true, "\(found ?? "")")
  }

  @Test func arraysAreChosenByName() throws {
    let path = try fixture("numpy/deflated.npz")
    #expect(try NumPyReader.names(in: path) == ["samples", "labels"])
    #expect(try NumPyReader.names(in: fixture("numpy/nhwc.npy")) == [])
    #expect(try NumPyReader(path: path, array: "labels.npy").header.shape == [4])
    #expect(
      message { _ = try NumPyReader(path: path) }
        == "\(path): expected one array \"arr_0\", found \"samples\", \"labels\"")
    let plain = try fixture("numpy/nhwc.npy")
    #expect(
      message { _ = try NumPyReader(path: plain, array: "a") }?.contains("is no .npz file") == true)
  }

  /// Headers as other programs write them, and damaged ones.
  @Test(
    arguments: [
      ("{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 3), }", nil),
      ("{\"shape\":(6,),\"descr\":\"|i1\",\"fortran_order\":True}", nil),
      ("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 4), }", "says 8 bytes of elements"),
      ("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }", "says 4 bytes of elements"),
      ("{'descr': '|u1', 'fortran_order': False, 'shape': (-2, 3), }", "expected a size"),
      ("{'descr': '|u1', 'fortran_order': 0, 'shape': (2, 3), }", "expected True or False"),
      ("{'descr': '|u1', 'shape': (2, 3), }", "lacks one of"),
      ("{'descr': '|u1', 'descr': '|u1', 'shape': (2, 3), }", "there twice"),
      ("{'descr': '<c8', 'fortran_order': False, 'shape': (2, 3), }", "elements of type '<c8'"),
      (
        "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
        "says a shape of 4294967296x4294967296"
      ),
      ("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), } x", "expected its end"),
    ] as [(String, String?)])
  func headers(header: String, expected: String?) throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.npy"
      try write(npy(header, [1, 2, 3, 4, 5, 6]), to: path)
      let found = message {
        var bytes: [UInt8] = []
        try NumPyReader(path: path).forEachPiece { bytes += $0 }
        #expect(bytes == [1, 2, 3, 4, 5, 6])
      }
      #expect(
        expected == nil ? found == nil : found?.contains(expected ?? "") == true,
        "\(header): \(found ?? "read")")
    }
  }

  /// A deflated member is whole only where its checksum says so.
  @Test func damagedMembersAreRefused() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.npz"
      var bytes = try FileSystem.readFile(fixture("numpy/stored.npz"))
      bytes[300] ^= 1
      try write(bytes, to: path)
      let found = message { _ = try ArrayImages(path: path) }
      #expect(found?.contains("damaged, or no zip archive") == true, "\(found ?? "read")")
    }
  }

  @Test(
    arguments: [
      ([4, 3, 5, 3], nil, "can be nhwc or nchw"), ([4, 5, 6, 2], nil, "no dimension of 1 or 3"),
      ([4, 5, 6, 3], .nchw, "has 5 channels"), ([4, 90], nil, "expected images"),
      ([4, 3, 5, 3], .nchw, nil),
    ] as [([Int], ArrayLayout?, String?)])
  func shapesOfImages(shape: [Int], layout: ArrayLayout?, expected: String?) throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.npy"
      let sizes = shape.map(String.init).joined(separator: ", ")
      let elements = (0..<shape.reduce(1, *)).map { UInt8(truncatingIfNeeded: $0) }
      try write(
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (\(sizes))}", elements), to: path)
      let found = message {
        let images = try ArrayImages(path: path, layout: layout)
        #expect(images.shape == Shape(channels: 3, height: 5, width: 3))
        // Channel 1 of the first pixel.
        #expect(try bytes(images)[1] == 15)
      }
      #expect(
        expected == nil ? found == nil : found?.contains(expected ?? "") == true,
        "\(found ?? "read")")
    }
  }

  // MARK: - Folders

  /// Grey where all pictures are; of one size.
  @Test func foldersArePictures() throws {
    try withTemporaryFolder { folder in
      for name in ["a", "b"] {
        try write(FileSystem.readFile(fixture("grey.png")), to: "\(folder)/\(name).png")
      }
      let grey = try ImageFiles.open(folder)
      #expect(grey.count == 2 && grey.shape.channels == 1)
      try write(FileSystem.readFile(fixture("rgb.png")), to: "\(folder)/c.png")
      #expect(
        try ImageFiles.open(folder).shape == Shape(channels: 3, height: 20, width: 30))
      try write(FileSystem.readFile(fixture("rgb.jpg")), to: "\(folder)/d.jpg")
      let found = message { _ = try ImageFiles.open(folder) }
      #expect(
        found
          == "\(folder): pictures of several sizes: d.jpg has 17 x 24 pixels, a.png has 30 x 20")
    }
    #expect(
      message { _ = try ImageFiles.open("/nowhere/x") } == "/nowhere/x: no such file or folder")
  }
}

import Base

/// JPEG files by libjpeg-turbo's TurboJPEG interface, which returns its errors; the accurate
/// transform and the smooth upsampling that libjpeg has by default.
enum JPEG {
  /// The picture in the bytes of a JPEG file.
  ///
  /// - Parameters:
  ///   - bytes: All of the file.
  ///   - path: For messages.
  /// - Returns: The picture, of 3 channels; of one for print (CMYK, YCCK) as Pillow converts it.
  /// - Throws: `Fault` if it is no JPEG file, damaged or too large; `Fault`
  ///   without the library.
  static func decode(_ bytes: [UInt8], path: String) throws -> Picture {
    let library = try Library.loaded.get()
    guard let handle = library.makeDecompressor() else {
      throw Fault("\(path): out of memory")
    }
    defer { _ = library.destroy(handle) }
    var width: Int32 = 0
    var height: Int32 = 0
    var subsampling: Int32 = 0
    var colours: Int32 = 0
    let size = UInt(bytes.count)
    guard
      library.readHeader(handle, bytes, size, &width, &height, &subsampling, &colours) == 0
    else { throw library.unreadable(handle, path) }
    // A file that ends before its frame begins is a table of quantizers to the library.
    guard width > 0, height > 0 else {
      throw Fault("\(path): not a readable JPEG file: there is no picture in it")
    }
    let most = max(smallPicture, pixelsOfByte * bytes.count)
    try Picture.check(width: Int(width), height: Int(height), most: most, path: path)
    // Each goes over all of the picture, whatever there is of it.
    let scans = scanCount(bytes)
    guard scans <= fewScans * most / (Int(width) * Int(height)) else {
      throw Fault(
        "\(path): \(scans) scans of \(width) x \(height) pixels", advice: "is it a picture?")
    }
    let count = Int(width) * Int(height)
    let isForPrint = Library.printColours.contains(colours)
    let (format, channels) = isForPrint ? (Library.cmyk, 4) : (Library.rgb, 3)
    try MemoryLimit.require(channels * count, for: path)
    let pixels = try [UInt8](unsafeUninitializedCapacity: channels * count) { output, initialized in
      let status = library.decompress(
        handle, bytes, size, output.start, width, 0, height, format, Library.limitScans)
      // Bytes between segments do no harm, and cameras write them; every other warning is damage.
      if status != 0,
        !(library.isWarning(handle) && library.message(handle).contains("extraneous bytes"))
      {
        throw library.unreadable(handle, path)
      }
      if isForPrint { makeRGB(output, count: count) }
      initialized = 3 * count
    }
    return Picture(width: Int(width), height: Int(height), channels: 3, pixels: pixels)
  }

  /// Makes four bytes a pixel three: red, green and blue of the inks that Photoshop writes the
  /// other way round, 255 for none (every program of today takes them so).
  ///
  /// As Pillow has it: red is k - c k / 255, of k = 255 - black and cyan c.
  private static func makeRGB(_ pixels: UnsafeMutableBufferPointer<UInt8>, count: Int) {
    for pixel in 0..<count {
      let light = pixels[4 * pixel + 3]
      for ink in 0..<3 {
        let product = Picture.product(255 - pixels[4 * pixel + ink], light)
        // Never in front of what is read next.
        pixels[3 * pixel + ink] = light - product
      }
    }
  }

  /// Beginnings of scans, those of a thumbnail in the file too.
  private static func scanCount(_ bytes: [UInt8]) -> Int {
    zip(bytes, bytes.dropFirst()).count { $0 == 0xFF && $1 == 0xDA }
  }

  /// More than an encoder makes of a picture as large as its file allows.
  private static let fewScans = 32

  /// Pixels that a byte of a file stands for at most, in blocks of 64 of one colour of two bits or
  /// one, and those of a picture that may be all of one by arithmetic coding.
  private static let (pixelsOfByte, smallPicture) = (1024, 1 << 22)

  /// The functions of TurboJPEG that reading takes, loaded by the first picture.
  private struct Library: Sendable {
    static let loaded = Result { try Library() }
    /// TJFLAG_LIMITSCANS, since a small file can ask for thousands of passes over a large picture.
    static let limitScans: Int32 = 32768
    /// `TJPF_RGB`, `TJPF_CMYK` and `TJERR_WARNING`.
    static let (rgb, cmyk, warning): (Int32, Int32, Int32) = (0, 11, 0)
    /// `TJCS_CMYK` and `TJCS_YCCK`.
    static let printColours: Set<Int32> = [3, 4]

    typealias Handle = OpaquePointer
    typealias Number = UnsafeMutablePointer<Int32>

    let makeDecompressor: @convention(c) () -> Handle?
    let destroy: @convention(c) (Handle) -> Int32
    let readHeader:
      @convention(c) (Handle, UnsafePointer<UInt8>, UInt, Number, Number, Number, Number) -> Int32
    let decompress:
      @convention(c) (
        Handle, UnsafePointer<UInt8>, UInt, UnsafeMutablePointer<UInt8>, Int32, Int32, Int32, Int32,
        Int32
      ) -> Int32
    private let errorCode: @convention(c) (Handle) -> Int32
    private let errorText: @convention(c) (Handle) -> UnsafePointer<CChar>?

    init() throws {
      let library = try SharedLibrary(.turboJPEG)
      makeDecompressor = try library.function("tjInitDecompress")
      destroy = try library.function("tjDestroy")
      readHeader = try library.function("tjDecompressHeader3")
      decompress = try library.function("tjDecompress2")
      errorCode = try library.function("tjGetErrorCode")
      errorText = try library.function("tjGetErrorStr2")
    }

    func isWarning(_ handle: Handle) -> Bool { errorCode(handle) == Self.warning }

    func message(_ handle: Handle) -> String {
      errorText(handle).map { String(cString: $0) } ?? "unknown error"
    }

    func unreadable(_ handle: Handle, _ path: String) -> Fault {
      let line = message(handle).split(separator: "\n").joined(separator: " ")
      return Fault("\(path): not a readable JPEG file: \(line)")
    }
  }
}

import CJPEG

/// JPEG files by libjpeg-turbo's TurboJPEG interface, which returns its errors; the accurate
/// transform and the smooth upsampling that libjpeg has by default.
enum JPEG {
  /// The picture in the bytes of a JPEG file.
  ///
  /// - Parameters:
  ///   - bytes: All of the file.
  ///   - path: For messages.
  /// - Returns: The picture, of 3 channels.
  /// - Throws: `PictureError` if it is no JPEG file, damaged or too large.
  static func decode(_ bytes: [UInt8], path: String) throws -> Picture {
    guard let handle = tjInitDecompress() else { throw PictureError("\(path): out of memory") }
    defer { tjDestroy(handle) }
    var width: Int32 = 0
    var height: Int32 = 0
    var subsampling: Int32 = 0
    var colours: Int32 = 0
    let size = UInt(bytes.count)
    guard
      tjDecompressHeader3(handle, bytes, size, &width, &height, &subsampling, &colours) == 0
    else { throw unreadable(handle, path) }
    // A file that ends before its frame begins is a table of quantizers to the library.
    guard width > 0, height > 0 else {
      throw PictureError("\(path): not a readable JPEG file: there is no picture in it")
    }
    try Picture.check(width: Int(width), height: Int(height), path: path)
    var pixels = [UInt8](repeating: 0, count: 3 * Int(width) * Int(height))
    let status = tjDecompress2(
      handle, bytes, size, &pixels, width, 0, height, Int32(TJPF_RGB.rawValue), 0)
    // Bytes between segments do no harm, and cameras write them; every other warning is damage.
    if status != 0, !(isWarning(handle) && message(handle).contains("extraneous bytes")) {
      throw unreadable(handle, path)
    }
    return Picture(width: Int(width), height: Int(height), channels: 3, pixels: pixels)
  }

  private static func isWarning(_ handle: tjhandle) -> Bool {
    tjGetErrorCode(handle) == Int32(TJERR_WARNING.rawValue)
  }

  private static func message(_ handle: tjhandle) -> String {
    tjGetErrorStr2(handle).map { String(cString: $0) } ?? "unknown error"
  }

  private static func unreadable(_ handle: tjhandle, _ path: String) -> PictureError {
    let line = message(handle).split(separator: "\n").joined(separator: " ")
    return PictureError("\(path): not a readable JPEG file: \(line)")
  }
}

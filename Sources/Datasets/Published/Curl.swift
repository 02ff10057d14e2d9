import Base
import CCurl
import Foundation

/// The functions of libcurl that a download calls, loaded by the first one.
struct Curl: @unchecked Sendable {
  typealias Handle = UnsafeMutableRawPointer

  let makeHandle: @convention(c) () -> Handle?
  let perform: @convention(c) (Handle) -> Int32
  let cleanUp: @convention(c) (Handle) -> Void
  private let describe: @convention(c) (Int32) -> UnsafePointer<CChar>?
  /// Of variable arguments: for the shim.
  private let setOption: UnsafeMutableRawPointer

  private static let loaded = Result { try Curl() }

  /// The library.
  ///
  /// - Throws: `Fault` if it is not installed.
  static func load() throws -> Curl { try loaded.get() }

  private init() throws {
    let library = try SharedLibrary(.curl)
    makeHandle = try library.function("curl_easy_init")
    perform = try library.function("curl_easy_perform")
    cleanUp = try library.function("curl_easy_cleanup")
    describe = try library.function("curl_easy_strerror")
    setOption = try library.function("curl_easy_setopt")
    // By itself the first handle would do this, which is not safe on several threads at once.
    let initialize: @convention(c) (Int) -> Int32 = try library.function("curl_global_init")
    _ = initialize(3)
  }

  /// The numbers of curl/curl.h, which never change.
  enum Option: Int32 {
    case timeout = 13
    case noProgress = 43
    case followsLocation = 52
    case maximumRedirects = 68
    case connectTimeout = 78
    case noSignal = 99
    case decodesContent = 158
    case protocols = 181
    case redirectProtocols = 182
    case suppressesConnectHeaders = 265
    case writeContext = 10001
    case url = 10002
    case range = 10007
    case errorBuffer = 10010
    case userAgent = 10018
    case headerContext = 10029
    case cookieFile = 10031
    case progressContext = 10057
    case acceptedEncoding = 10102
    case onBody = 20011
    case onHeader = 20079
    case onProgress = 20219
  }

  func set(_ option: Option, _ value: Int, of handle: Handle) {
    _ = wgangp_curl_long(setOption, handle, option.rawValue, value)
  }

  /// libcurl copies strings.
  func set(_ option: Option, _ value: String, of handle: Handle) {
    _ = wgangp_curl_pointer(setOption, handle, option.rawValue, value)
  }

  func set(_ option: Option, _ value: UnsafeRawPointer, of handle: Handle) {
    _ = wgangp_curl_pointer(setOption, handle, option.rawValue, value)
  }

  func set(_ option: Option, _ callback: @escaping wgangp_curl_data, of handle: Handle) {
    _ = wgangp_curl_on_data(setOption, handle, option.rawValue, callback)
  }

  func set(_ option: Option, _ callback: @escaping wgangp_curl_progress, of handle: Handle) {
    _ = wgangp_curl_on_progress(setOption, handle, option.rawValue, callback)
  }

  /// What an error code of libcurl means.
  func description(of code: Int32) -> String {
    describe(code).map { String(cString: $0) } ?? "libcurl's error \(code)"
  }
}

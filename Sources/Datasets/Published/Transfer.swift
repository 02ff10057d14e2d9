import Foundation

/// One HTTP request by libcurl, which calls back on the thread that waits for the answer.
///
/// Redirects are followed, proxies are those of the environment (`https_proxy`, `no_proxy`, ...).
/// What is not the file's missing rest is refused by its header, before any of it takes the place
/// of what is there.
final class Transfer {
  private let body: PartFile
  private let start: Int
  private let patience: Double
  private var answer = Answer()
  /// Whether the last answer's header has been looked at.
  private var isJudged = false
  private var failure: String?
  private var lastByte = DispatchTime.now()

  /// The header of an answer.
  private struct Answer {
    var status: Int?
    var length: Int?
    var range = ""
  }

  /// - Parameters:
  ///   - body: What the bytes are added to.
  ///   - start: The first byte asked for.
  ///   - patience: Seconds without a byte after which the server is given up.
  init(body: PartFile, start: Int, patience: Double) {
    self.body = body
    self.start = start
    self.patience = patience
  }

  /// Sends the request and takes what comes.
  ///
  /// - Parameters:
  ///   - url: An http or https address.
  ///   - curl: The library.
  /// - Returns: Nil if all came, else why not.
  func run(_ url: URL, by curl: Curl) -> String? {
    guard let handle = curl.makeHandle() else { return "libcurl: out of memory" }
    defer { curl.cleanUp(handle) }
    // CURL_ERROR_SIZE.
    let reason = UnsafeMutablePointer<CChar>.allocate(capacity: 256)
    reason.initialize(repeating: 0, count: 256)
    defer { reason.deallocate() }
    curl.set(.errorBuffer, UnsafeRawPointer(reason), of: handle)
    prepare(handle, url, by: curl)
    setCallbacks(handle, by: curl)
    lastByte = .now()
    let code = withExtendedLifetime(self) { curl.perform(handle) }
    // A redirection to nowhere, or no header at all.
    if failure == nil, code == 0, !isJudged { failure = begin() }
    if failure == nil, code != 0 {
      failure = reason.pointee == 0 ? curl.description(of: code) : String(cString: reason)
    }
    return failure
  }

  private func prepare(_ handle: Curl.Handle, _ url: URL, by curl: Curl) {
    curl.set(.url, url.absoluteString, of: handle)
    curl.set(.userAgent, "wgangp-dist", of: handle)
    if start > 0 { curl.set(.range, "\(start)-", of: handle) }
    // A server that packs the file once more for the way would make ranges and sizes mean another
    // thing; nor is a file unpacked that a server calls packed because its name ends in .gz.
    curl.set(.acceptedEncoding, "identity", of: handle)
    curl.set(.decodesContent, 0, of: handle)
    // CURLPROTO_HTTP and CURLPROTO_HTTPS.
    curl.set(.protocols, 3, of: handle)
    curl.set(.redirectProtocols, 3, of: handle)
    curl.set(.followsLocation, 1, of: handle)
    curl.set(.maximumRedirects, 16, of: handle)
    // An empty name: cookies are kept for the redirections, in memory.
    curl.set(.cookieFile, "", of: handle)
    // What a proxy answers to CONNECT is not the server's answer.
    curl.set(.suppressesConnectHeaders, 1, of: handle)
    curl.set(.noSignal, 1, of: handle)
    curl.set(.connectTimeout, max(1, Int(patience.rounded(.up))), of: handle)
    // A whole day: slow lines are no error as long as bytes come.
    curl.set(.timeout, 86_400, of: handle)
  }

  private func setCallbacks(_ handle: Curl.Handle, by curl: Curl) {
    let context = UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque())
    curl.set(.headerContext, context, of: handle)
    curl.set(.onHeader, { Transfer.take($0, $1 * $2, $3) { $0.takeHeader($1) } }, of: handle)
    curl.set(.writeContext, context, of: handle)
    curl.set(.onBody, { Transfer.take($0, $1 * $2, $3) { $0.takeBody($1) } }, of: handle)
    curl.set(.noProgress, 0, of: handle)
    curl.set(.progressContext, context, of: handle)
    curl.set(
      .onProgress,
      { context, _, _, _, _ in
        guard let context else { return 1 }
        return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().isTooLate ? 1 : 0
      }, of: handle)
  }

  /// Hands bytes to `taker`.
  ///
  /// - Returns: Their number, or 0 for libcurl to break off.
  private static func take(
    _ bytes: UnsafePointer<CChar>?, _ count: Int, _ context: UnsafeMutableRawPointer?,
    _ taker: (Transfer, UnsafeRawBufferPointer) -> Void
  ) -> Int {
    guard let context else { return 0 }
    let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    transfer.lastByte = .now()
    taker(transfer, UnsafeRawBufferPointer(start: bytes, count: count))
    return transfer.failure == nil ? count : 0
  }

  /// Asked for about once a second while nothing comes.
  private var isTooLate: Bool {
    let waited = Double(DispatchTime.now().uptimeNanoseconds - lastByte.uptimeNanoseconds) * 1e-9
    guard waited > patience else { return false }
    failure = failure ?? "no byte came for \(Int(waited.rounded())) seconds"
    return true
  }

  private func takeHeader(_ bytes: UnsafeRawBufferPointer) {
    let line = String(decoding: bytes, as: UTF8.self).trimmingCharacters(
      in: .whitespacesAndNewlines)
    if line.isEmpty {
      // After "go on" and redirections another answer comes.
      if let status = answer.status, !(100..<200).contains(status), !(300..<400).contains(status) {
        failure = begin()
      }
    } else if line.hasPrefix("HTTP/") {
      answer = Answer()
      answer.status = line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    } else {
      let parts = line.split(separator: ":", maxSplits: 1)
      let value = parts.count == 2 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
      switch parts[0].lowercased() {
      case "content-length": answer.length = Int(value)
      case "content-range": answer.range = value
      default: break
      }
    }
  }

  private func takeBody(_ bytes: UnsafeRawBufferPointer) {
    if !isJudged { failure = begin() }
    guard failure == nil else { return }
    do { try body.append(bytes) } catch { failure = "\(error)" }
  }

  /// Nil if the body that follows is what the part file lacks.
  private func begin() -> String? {
    isJudged = true
    guard let status = answer.status else { return "not an HTTP answer" }
    switch status {
    case 206:
      guard answer.range.hasPrefix("bytes \(start)-") else {
        return "the server sent '\(answer.range)' for the bytes from \(start)"
      }
      // Behind the slash: all bytes of the server's file, or * where it does not know.
      if let total = answer.range.split(separator: "/").last.flatMap({ Int($0) }),
        total != body.file.size
      {
        return body.otherSize(total)
      }
      return nil
    case 200:
      // Refused before it takes the place of what is there.
      if let length = answer.length, length != body.file.size { return body.otherSize(length) }
      // A server without ranges sends everything again.
      do { if start > 0 { try body.empty() } } catch { return "\(error)" }
      return nil
    default:
      return "HTTP status \(status)"
    }
  }
}

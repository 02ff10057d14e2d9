import Foundation

/// An HTTP server for files in memory on a port of 127.0.0.1, a connection after the other.
final class TinyServer: @unchecked Sendable {
  /// How it fails its clients.
  struct Behaviour {
    /// Byte ranges are answered; otherwise everything is sent again.
    var knowsRanges = true
    /// The connection ends after so many bytes of a body.
    var breaksAfter: Int?
    /// Bodies are announced in chunks and not by their length.
    var hidesLength = false
    /// Nothing comes after so many bytes of a body, and the connection stays.
    var stallsAfter: Int?
    /// A further header line of the file.
    var header: String?
  }

  private let files: [String: [UInt8]]
  private let behaviour: Behaviour
  private let listener: Int32
  private let port: UInt16
  private let lock = NSLock()
  private var seen: [String] = []

  init(_ files: [String: [UInt8]], _ behaviour: Behaviour = Behaviour()) throws {
    self.files = files
    self.behaviour = behaviour
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener, address, size) == 0 && listen(listener, 8) == 0
          && getsockname(listener, address, &size) == 0
      }
    }
    guard bound else { throw POSIXError(.EADDRNOTAVAIL) }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [self] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else {
          close(listener)
          return
        }
        answer(client)
        close(client)
      }
    }
  }

  /// Where the files are: `http://127.0.0.1:PORT/`.
  var address: String { "http://127.0.0.1:\(port)/" }

  /// `NAME` or `NAME bytes=5-` of every request so far.
  var requests: [String] { lock.withLock { seen } }

  /// From here on nobody is let in. The thread that accepts closes the socket: closed here, its
  /// number could be the next server's before that thread asks again, and it would answer for it.
  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
  }

  private func answer(_ client: Int32) {
    var request: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while !String(decoding: request, as: UTF8.self).contains("\r\n\r\n") {
      let count = recv(client, &buffer, buffer.count, 0)
      guard count > 0 else { return }
      request += buffer[..<count]
    }
    let lines = String(decoding: request, as: UTF8.self).components(separatedBy: "\r\n")
    let target = String(lines[0].split(separator: " ")[1])
    // A proxy is asked by the whole address.
    let name = target.hasPrefix("/") ? String(target.dropFirst()) : target
    let range = lines.first { $0.lowercased().hasPrefix("range: ") }?.dropFirst(7)
    lock.withLock { seen.append(name + (range.map { " \($0)" } ?? "")) }
    if name.hasPrefix("moved/") {
      let place = name.dropFirst("moved".count)
      send(client, Array("HTTP/1.1 302 Found\r\nLocation: \(place)\r\n\r\nmoved".utf8))
      return
    }
    guard let file = files[name] else {
      send(client, Array("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone".utf8))
      return
    }
    var body = file
    var head = "HTTP/1.1 200 OK\r\n"
    if let range, behaviour.knowsRanges,
      let start = Int(range.dropFirst("bytes=".count).dropLast())
    {
      body = Array(file[start...])
      head = "HTTP/1.1 206 Partial Content\r\n"
      head += "Content-Range: bytes \(start)-\(file.count - 1)/\(file.count)\r\n"
    }
    if !behaviour.hidesLength { head += "Content-Length: \(body.count)\r\n" }
    if let header = behaviour.header { head += header + "\r\n" }
    send(client, Array((head + "Connection: close\r\n\r\n").utf8))
    send(client, Array(body.prefix(behaviour.breaksAfter ?? behaviour.stallsAfter ?? body.count)))
    // Until the client has gone.
    if behaviour.stallsAfter != nil { _ = recv(client, &buffer, buffer.count, 0) }
  }

  private func send(_ client: Int32, _ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Foundation.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }
}

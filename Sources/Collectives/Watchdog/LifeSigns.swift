import Base
import Foundation

/// A small message between the watchdogs of two ranks.
struct LifeSign {
  /// Of this job: what comes from elsewhere is dropped.
  var token: UInt64 = 0
  var sign = StallWatch.Sign()
}

/// The messages' way, beside MPI: a rank that waits in MPI sends nothing by it.
///
/// UDP, since a lost message is followed by the next, and nobody waits for anybody.
final class LifeSignSocket {
  private let descriptor: Int32
  /// In the machine's byte order.
  let port: UInt16

  /// - Throws: `Fault` where the system has no sockets to give.
  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    self.descriptor = descriptor
    guard descriptor >= 0 else {
      throw Fault("no socket for the watchdog: \(String(cString: strerror(errno)))")
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    guard code == 0 else {
      close(descriptor)
      throw Fault("no port for the watchdog: \(String(cString: strerror(errno)))")
    }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  deinit { close(descriptor) }

  /// The addresses of this machine's interfaces, loopback's last, in dotted form.
  static var ownAddresses: [String] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return ["127.0.0.1"] }
    defer { freeifaddrs(list) }
    var found: [String] = []
    var next = list
    while let entry = next {
      next = entry.pointee.ifa_next
      guard let address = entry.pointee.ifa_addr, Int32(address.pointee.sa_family) == AF_INET
      else { continue }
      var text = [CChar](repeating: 0, count: Int(INET_ADDRSTRLEN))
      address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        _ = inet_ntop(AF_INET, &$0.pointee.sin_addr, &text, socklen_t(INET_ADDRSTRLEN))
      }
      found.append(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self))
    }
    let isLoopback = { (address: String) in address.hasPrefix("127.") }
    return found.filter { !isLoopback($0) } + found.filter(isLoopback)
  }

  /// A place to send to; nil where the text is no address.
  static func place(_ address: String, port: UInt16) -> sockaddr_in? {
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_port = port.bigEndian
    return inet_pton(AF_INET, address, &place.sin_addr) == 1 ? place : nil
  }

  /// Sends; what does not arrive is not missed.
  func send(_ message: LifeSign, to place: sockaddr_in) {
    withUnsafeBytes(of: message) { bytes in
      withUnsafePointer(to: place) { place in
        place.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          _ = sendto(
            descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT), $0,
            socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
  }

  /// Waits for messages for at most so many seconds; they are fetched by `receive`.
  func wait(_ seconds: Double) {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    _ = poll(&entry, 1, Int32(seconds * 1000))
  }

  /// The next message that has come, and from where.
  func receive(token: UInt64) -> (sign: StallWatch.Sign, from: sockaddr_in)? {
    while true {
      var (message, from) = (LifeSign(), sockaddr_in())
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let size = MemoryLayout<LifeSign>.size
      let count = withUnsafeMutableBytes(of: &message) { bytes in
        withUnsafeMutablePointer(to: &from) { from in
          from.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            recvfrom(
              descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT), $0,
              &length)
          }
        }
      }
      if count < 0 { return nil }
      if count == size && message.token == token { return (message.sign, from) }
    }
  }
}

import Base
import Storage

/// The MD5 of bytes that come in pieces (RFC 1321), by libcrypto.
///
/// It tells a damaged file from the published one, whose MD5 is what its makers give. It is no
/// protection against somebody who wants another file to pass.
package final class MD5 {
  private let crypto: Crypto
  private let context: OpaquePointer

  /// The functions of libcrypto that an MD5 takes, loaded by the first one.
  private struct Crypto: Sendable {
    static let loaded = Result { try Crypto() }

    let makeContext: @convention(c) () -> OpaquePointer?
    let freeContext: @convention(c) (OpaquePointer) -> Void
    let md5: @convention(c) () -> OpaquePointer?
    let begin: @convention(c) (OpaquePointer, OpaquePointer?, OpaquePointer?) -> Int32
    let update: @convention(c) (OpaquePointer, UnsafeRawPointer?, Int) -> Int32
    let finish:
      @convention(c) (OpaquePointer, UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<UInt32>) ->
        Int32

    init() throws {
      let library = try SharedLibrary(.crypto)
      makeContext = try library.function("EVP_MD_CTX_new")
      freeContext = try library.function("EVP_MD_CTX_free")
      md5 = try library.function("EVP_md5")
      begin = try library.function("EVP_DigestInit_ex")
      update = try library.function("EVP_DigestUpdate")
      finish = try library.function("EVP_DigestFinal_ex")
    }
  }

  /// - Throws: `Fault` without libcrypto, `Fault` where it refuses MD5, as in a
  ///   system's FIPS mode.
  package init() throws {
    crypto = try Crypto.loaded.get()
    guard let context = crypto.makeContext() else { throw Fault("MD5: out of memory") }
    self.context = context
    guard crypto.begin(context, crypto.md5(), nil) == 1 else {
      throw Fault("MD5: libcrypto refuses it on this machine", advice: "is it in FIPS mode?")
    }
  }

  deinit { crypto.freeContext(context) }

  /// Adds `bytes`.
  package func update(_ bytes: UnsafeRawBufferPointer) {
    _ = crypto.update(context, bytes.baseAddress, bytes.count)
  }

  /// The 16 bytes of the digest; nothing can be added any more.
  package func finish() -> [UInt8] {
    // EVP_MAX_MD_SIZE.
    var digest = [UInt8](repeating: 0, count: 64)
    var count: UInt32 = 0
    _ = crypto.finish(context, &digest, &count)
    return Array(digest[..<Int(count)])
  }

  /// The digest of `bytes` alone.
  package static func digest(_ bytes: [UInt8]) throws -> [UInt8] {
    let digest = try MD5()
    bytes.withUnsafeBytes { digest.update($0) }
    return digest.finish()
  }

  /// `d41d8cd98f00b204e9800998ecf8427e`.
  package static func hexadecimal(_ digest: [UInt8]) -> String {
    digest.map { $0.padded(to: 2, radix: 16) }.joined()
  }
}

extension MD5 {
  /// Size and MD5, in hexadecimal, of a file, read once.
  ///
  /// - Throws: `Fault` if it cannot be read.
  package static func digest(ofFile path: String) throws -> (size: Int, md5: String) {
    let digest = try MD5()
    var size = 0
    try FileSystem.forEachChunk(of: path) { chunk, _ in
      digest.update(chunk)
      size += chunk.count
    }
    return (size, hexadecimal(digest.finish()))
  }
}

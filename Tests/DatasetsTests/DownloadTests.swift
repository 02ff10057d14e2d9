import Base
import Datasets
import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct DownloadTests {
  private let contents = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 * $0 / 7) }

  private func published(_ bytes: [UInt8]? = nil) throws -> PublishedDataset.File {
    let bytes = bytes ?? contents
    return PublishedDataset.File(
      name: "set.gz", size: bytes.count, md5: MD5.hexadecimal(try MD5.digest(bytes)))
  }

  /// Runs `body` with a folder and a server that has the file.
  private func withServer(
    _ behaviour: TinyServer.Behaviour = .init(), serving bytes: [UInt8]? = nil,
    _ body: (_ folder: String, _ server: TinyServer) throws -> Void
  ) throws {
    let server = try TinyServer(["set.gz": bytes ?? contents], behaviour)
    defer { server.stop() }
    try withTemporaryFolder { try body($0 + "/to", server) }
  }

  private func fetch(_ folder: String, _ mirrors: [String]) throws -> Download.Outcome {
    try Download(patience: 10).fetch(published(), to: folder, mirrors: mirrors)
  }

  private func read(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  private func names(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  @Test func digestKnownAnswers() throws {
    // RFC 1321, appendix A.5.
    for (text, digest) in [
      ("", "d41d8cd98f00b204e9800998ecf8427e"), ("abc", "900150983cd24fb0d6963f7d28e17f72"),
      ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
    ] {
      #expect(MD5.hexadecimal(try MD5.digest(Array(text.utf8))) == digest)
    }
  }

  @Test func aFileIsFetchedOnce() throws {
    try withServer { (folder: String, server: TinyServer) throws in
      #expect(try fetch(folder, [server.address]) == .fetched(from: server.address))
      #expect(try read(folder + "/set.gz") == contents)
      #expect(try fetch(folder, [server.address]) == .alreadyThere)
      #expect(server.requests == ["set.gz"])
      #expect(try names(folder) == ["set.gz"])
    }
  }

  /// A folder that was there stays, and so do the parents that were.
  @Test func aFailureLeavesNoFolder() throws {
    try withTemporaryFolder { folder in
      #expect(throws: Fault.self) { try fetch("\(folder)/a/b", ["file:\(folder)/none/"]) }
      #expect(try names(folder).isEmpty)
      try FileManager.default.createDirectory(
        atPath: folder + "/a", withIntermediateDirectories: false)
      #expect(throws: Fault.self) { try fetch("\(folder)/a/b", ["file:\(folder)/none/"]) }
      #expect(throws: Fault.self) { try fetch("\(folder)/a", ["file:\(folder)/none/"]) }
      #expect(try names(folder) == ["a"])
      #expect(try names(folder + "/a").isEmpty)
    }
  }

  @Test func whatWasBrokenOffGoesOn() throws {
    try withServer(.init(breaksAfter: 40_000)) { (folder: String, server: TinyServer) throws in
      let text = message { try fetch(folder, [server.address]) } ?? ""
      #expect(text.hasPrefix("\(folder)/set.gz: cannot be downloaded: \(server.address)set.gz: "))
      #expect(text.hasSuffix("; 40000 of 100000 bytes are kept, run it again to go on"), "\(text)")
      #expect(try names(folder) == ["set.gz.part"])
      #expect(message { try fetch(folder, [server.address]) }?.contains("80000 of") == true)
      #expect(try fetch(folder, [server.address]) == .fetched(from: server.address))
      #expect(server.requests == ["set.gz", "set.gz bytes=40000-", "set.gz bytes=80000-"])
      #expect(try read(folder + "/set.gz") == contents)
      #expect(try names(folder) == ["set.gz"])
    }
  }

  @Test func serversWithoutRangesSendAllAgain() throws {
    try withServer(.init(knowsRanges: false)) { (folder: String, server: TinyServer) throws in
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
      try write([1, 2, 3], to: folder + "/set.gz.part")
      #expect(try fetch(folder, [server.address]) == .fetched(from: server.address))
      #expect(server.requests == ["set.gz bytes=3-"])
      #expect(try read(folder + "/set.gz") == contents)
    }
  }

  @Test func wrongContentsAreNotKept() throws {
    var other = contents
    other[5] ^= 1
    try withServer(serving: other) { (folder: String, server: TinyServer) throws in
      let text = message { try fetch(folder, [server.address]) } ?? ""
      #expect(text.contains("not the published file: MD5 "), "\(text)")
      #expect(text.contains(try published().md5))
      #expect(!FileManager.default.fileExists(atPath: folder))
    }
    // Longer than published: given up when the published size is passed.
    try withServer(.init(hidesLength: true), serving: contents + [0]) {
      (folder: String, server: TinyServer) throws in
      let text = message { try fetch(folder, [server.address]) } ?? ""
      #expect(text.contains("more than the published 100000 bytes"), "\(text)")
      #expect(!FileManager.default.fileExists(atPath: folder))
    }
    // Shorter, without a word of the server.
    try withServer(.init(hidesLength: true), serving: Array(contents.dropLast())) {
      (folder: String, server: TinyServer) throws in
      let text = message { try fetch(folder, [server.address]) } ?? ""
      #expect(text.contains("99999 bytes, expected 100000"), "\(text)")
      #expect(!FileManager.default.fileExists(atPath: folder))
    }
    // A part of another file: the whole is wrong, and the next try begins anew.
    try withServer { (folder: String, server: TinyServer) throws in
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
      try write([9, 9, 9], to: folder + "/set.gz.part")
      #expect(
        message { try fetch(folder, [server.address]) }?.contains("not the published file") == true)
      #expect(try fetch(folder, [server.address]) == .fetched(from: server.address))
    }
  }

  @Test func theNextMirrorIsTried() throws {
    try withServer { (folder: String, server: TinyServer) throws in
      let mirrors = [server.address + "nowhere/", server.address]
      #expect(try fetch(folder, mirrors) == .fetched(from: server.address))
      #expect(server.requests == ["nowhere/set.gz", "set.gz"])
    }
    try withServer { (folder: String, server: TinyServer) throws in
      let text = message { try fetch(folder, [server.address + "a", server.address + "b/"]) } ?? ""
      #expect(
        text
          == "\(folder)/set.gz: cannot be downloaded: \(server.address)a/set.gz: HTTP status 404; "
          + "\(server.address)b/set.gz: HTTP status 404")
    }
  }

  @Test(arguments: [
    // Shorter, longer, with ranges or without; announced, or seen only by what comes.
    (99_500, TinyServer.Behaviour(), 0, 0), (99_500, .init(), 777, 777),
    (99_500, .init(knowsRanges: false), 777, 777), (100_900, .init(), 777, 777),
    (99_500, .init(hidesLength: true), 0, 0), (100_900, .init(hidesLength: true), 0, 0),
    (99_500, .init(knowsRanges: false, hidesLength: true), 777, 0),
  ])
  func aMirrorWithAnotherFileDoesNoHarm(
    size: Int, behaviour: TinyServer.Behaviour, part: Int, kept: Int
  ) throws {
    let other = [UInt8](repeating: 3, count: size)
    let bad = try TinyServer(["set.gz": other], behaviour)
    defer { bad.stop() }
    try withServer { (folder: String, server: TinyServer) throws in
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      if part > 0 { try write(Array(contents[..<part]), to: folder + "/set.gz.part") }
      let text = message { try fetch(folder, [bad.address]) } ?? ""
      #expect(
        text.contains(
          size > 100_000 && behaviour.hidesLength ? "more than" : "\(size) bytes, expected 100000"),
        "\(text)")
      #expect(try names(folder) == (kept > 0 ? ["set.gz.part"] : []))
      #expect(try fetch(folder, [bad.address, server.address]) == .fetched(from: server.address))
      #expect(server.requests == [kept > 0 ? "set.gz bytes=\(kept)-" : "set.gz"])
      #expect(try read(folder + "/set.gz") == contents)
    }
  }

  @Test func noServerAtAll() throws {
    let server = try TinyServer([:])
    let address = server.address
    server.stop()
    try withTemporaryFolder { folder in
      let text = message { try fetch(folder, [address]) } ?? ""
      #expect(text.hasPrefix("\(folder)/set.gz: cannot be downloaded: \(address)set.gz: "))
      #expect(
        message { try fetch(folder, ["ftp://x/"]) }
          == "ftp://x/: expected an http, https or file address")
    }
  }

  @Test func redirectionsAreFollowed() throws {
    try withServer { (folder: String, server: TinyServer) throws in
      try write(Array(contents[..<777]), to: folder + "/set.gz.part", inNewFolder: true)
      let mirror = server.address + "moved/moved/"
      #expect(try fetch(folder, [mirror]) == .fetched(from: mirror))
      #expect(
        server.requests == ["moved/moved/", "moved/", ""].map { "\($0)set.gz bytes=777-" })
      #expect(try read(folder + "/set.gz") == contents)
    }
    // To a place that has nothing: what is there stays.
    try withServer { (folder: String, server: TinyServer) throws in
      try write(Array(contents[..<777]), to: folder + "/set.gz.part", inNewFolder: true)
      let text = message { try fetch(folder, [server.address + "moved/nowhere/"]) } ?? ""
      #expect(text.contains("HTTP status 404; 777 of 100000 bytes are kept"), "\(text)")
    }
  }

  /// Some servers call a file packed because of its name.
  @Test func packedFilesStayPacked() throws {
    try withServer(.init(header: "Content-Encoding: gzip")) {
      (folder: String, server: TinyServer) throws in
      #expect(try fetch(folder, [server.address]) == .fetched(from: server.address))
    }
  }

  @Test(arguments: [0, 40_000]) func aServerThatFallsSilentIsGivenUp(bytes: Int) throws {
    try withServer(.init(stallsAfter: bytes)) { (folder: String, server: TinyServer) throws in
      let begin = DispatchTime.now().uptimeNanoseconds
      let text =
        message {
          _ = try Download(patience: 1).fetch(published(), to: folder, mirrors: [server.address])
        } ?? ""
      let seconds = Double(DispatchTime.now().uptimeNanoseconds - begin) * 1e-9
      #expect(text.contains("set.gz: no byte came for "), "\(text)")
      #expect(
        text.hasSuffix(
          bytes > 0 ? "; 40000 of 100000 bytes are kept, run it again to go on" : " seconds"),
        "\(text)")
      // Other tests have the cores too.
      #expect(seconds > 1 && seconds < 20)
    }
  }

  @Test func proxiesAreThoseOfTheEnvironment() throws {
    let address = "http://published.invalid/set.gz"
    let proxy = try TinyServer([address: contents])
    defer { proxy.stop() }
    setenv("http_proxy", proxy.address, 1)
    defer { unsetenv("http_proxy") }
    try withTemporaryFolder { (folder: String) throws in
      let mirror = "http://published.invalid/"
      #expect(try fetch(folder, [mirror]) == .fetched(from: mirror))
      #expect(proxy.requests == [address])
    }
  }

  @Test func filesOfThisMachine() throws {
    try withTemporaryFolder { folder in
      try write(contents, to: folder + "/set.gz")
      try FileManager.default.createDirectory(
        atPath: folder + "/to", withIntermediateDirectories: true)
      try write(Array(contents[..<777]), to: folder + "/to/set.gz.part")
      #expect(try fetch(folder + "/to", ["file://\(folder)"]) == .fetched(from: "file://\(folder)"))
      #expect(try read(folder + "/to/set.gz") == contents)
      // A shorter file takes nothing from what is there.
      try write([1, 2], to: folder + "/short/set.gz", inNewFolder: true)
      try write(Array(contents[..<777]), to: folder + "/3/set.gz.part", inNewFolder: true)
      #expect(
        message { try fetch(folder + "/3", ["file://\(folder)/short"]) }?.contains(
          "2 bytes, expected 100000; 777 of 100000 bytes are kept") == true)
      #expect(
        message { try fetch(folder + "/2", ["file://\(folder)/none"]) }?.contains("No such file")
          == true)
    }
  }

  @Test func anotherFileUnderTheNameStays() throws {
    try withTemporaryFolder { folder in
      try write([1, 2], to: folder + "/set.gz")
      #expect(
        message { try fetch(folder, ["file:///none"]) }
          == "\(folder)/set.gz: another file of this name is there (2 bytes, expected 100000); "
          + "remove or rename it")
      #expect(try read(folder + "/set.gz") == [1, 2])
    }
  }

  @Test func publishedSets() throws {
    #expect(
      message { try PublishedDataset.named("imagenet") }
        == "no published set 'imagenet'; expected mnist, fashion-mnist, cifar10, cifar10-python, "
        + "mnist-pickle")
    for set in PublishedDataset.all {
      #expect(!set.mirrors.isEmpty && set.mirrors.allSatisfy { $0.hasSuffix("/") })
      for file in set.files {
        #expect(file.md5.count == 32 && file.md5.allSatisfy(\.isHexDigit) && file.size > 4000)
      }
    }
    #expect(
      try PublishedDataset.named("cifar10").source(in: "d", split: .test)
        == .cifar10(path: "d/cifar-10-binary.tar.gz", split: .test))
    #expect(
      try PublishedDataset.named("fashion-mnist").source(in: "d") == .idx(path: "d", split: .train))
  }
}

import EventMessages
import Foundation
import Pictures
import Reports
import Storage
import TestSupport
import Testing

@Suite struct EventLogTests {
  /// Of RFC 3720, appendix B.4, and the check value of the Rocksoft catalogue.
  @Test func checksumsAreThePublishedOnes() {
    #expect(MaskedChecksum.crc32c("123456789".utf8) == 0xE306_9283)
    #expect(MaskedChecksum.crc32c([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(MaskedChecksum.crc32c([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(MaskedChecksum.crc32c(UInt8(0)..<32) == 0x46DD_794E)
  }

  /// What TensorBoard 2.21's own writer makes of the first event, at a time of 1 s.
  @Test func recordsAreTensorBoards() throws {
    let event = TensorBoardEvent.with {
      $0.wallTime = 1
      $0.fileVersion = "brain.Event:2"
    }
    let hex = try EventRecords.record(event).map { String(format: "%02x", $0) }.joined()
    #expect(
      hex == "1800000000000000" + "a37f4b22"
        + "09000000000000f03f1a0d627261696e2e4576656e743a32" + "86bf577a")
  }

  private static func events(_ path: String) throws -> [TensorBoardEvent] {
    try EventRecords.events(in: FileSystem.readFile(path), path: path)
  }

  @Test func whatIsAddedIsInTheFile() throws {
    try withTemporaryFolder { folder in
      let log = try EventLog(folder: "\(folder)/a", start: 0)
      try log.add([("train/x", 1.5), ("train/y", .nan)], step: 7)
      let picture = Picture(width: 3, height: 2, channels: 1, pixels: [1, 2, 3, 4, 5, 6])
      try log.add(png: [1, 2], of: picture, tag: "samples", step: 8)
      try log.add(text: "a: 1", tag: "configuration/text_summary", step: 0)
      try log.addHyperparameters(["batch": "64", "loss": "hinge"], group: "run")
      var values: [Float] = [-1, 0, 0, 3, .nan]
      values.withUnsafeMutableBufferPointer { buffer in
        try? log.add(EventHistogram(.init(buffer)), tag: "weights", step: 9)
      }
      try log.close()
      try log.close()
      let events = try Self.events(log.path)
      try #require(events.count == 7)
      #expect(events[0].fileVersion == "brain.Event:2")
      #expect(events[1].sessionLog.status == .start && events[1].step == 1)
      #expect(events[2].step == 7 && events[2].summary.value.map(\.tag) == ["train/x", "train/y"])
      #expect(events[2].summary.value[0].simpleValue == 1.5)
      #expect(events[2].summary.value[1].simpleValue.isNaN)
      let image = events[3].summary.value[0].image
      #expect(image.width == 3 && image.height == 2 && image.colorspace == 1)
      #expect(image.encodedImageString == Data([1, 2]))
      #expect(events[4].summary.value[0].tensor.stringVal == [Data("a: 1".utf8)])
      let content = events[5].summary.value[0].metadata.pluginData.content
      let session = try TensorBoardHParamsPluginData(serializedBytes: content).sessionStartInfo
      #expect(session.hparams["batch"]?.numberValue == 64)
      #expect(session.hparams["loss"]?.stringValue == "hinge" && session.groupName == "run")
      let histogram = events[6].summary.value[0].histo
      #expect(histogram.num == 4 && histogram.sum == 2 && histogram.sumSquares == 10)
      #expect(histogram.min == -1 && histogram.max == 3 && histogram.bucketLimit.last == 3)
      #expect(histogram.bucket.reduce(0, +) == 4 && histogram.bucket[16] == 2)
    }
  }

  /// A run that goes on has a file of its own, whose steps replace those behind its start.
  @Test func anotherFileBeginsBehind() throws {
    try withTemporaryFolder { folder in
      let first = try EventLog(folder: folder, start: 0)
      let second = try EventLog(folder: folder, start: 40)
      #expect(first.path != second.path && first.path < second.path)
      try second.close()
      #expect(try Self.events(second.path)[1].step == 41)
    }
  }

  @Test func damageIsFound() throws {
    try withTemporaryFolder { folder in
      let log = try EventLog(folder: folder, start: 0)
      try log.close()
      let whole = try FileSystem.readFile(log.path)
      for index in whole.indices {
        var bytes = whole
        bytes[index] ^= 1
        #expect(
          message { _ = try EventRecords.events(in: bytes, path: "x") }?.hasPrefix("x: record ")
            == true, "\(index)")
      }
      #expect(
        message { _ = try EventRecords.events(in: whole.dropLast(), path: "x") }
          == "x: record 1 is damaged")
    }
  }
}

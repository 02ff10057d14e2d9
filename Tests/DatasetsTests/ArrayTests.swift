import Base
import Datasets
import Foundation
import Storage
import TestSupport
import Testing

/// Arrays of any format: the fixtures of `make_arrays.py` hold the same numbers.
@Suite struct ArrayTests {
  private func open(
    _ name: String, rows: Range<Int>? = nil, limit: Int? = nil,
    _ change: (inout ArraySettings) -> Void = { _ in }
  ) throws -> ArrayDataset {
    try openArrays([fixture("arrays/\(name)")], limit: limit) {
      $0.rows = rows
      change(&$0)
    }
  }

  private let x = (0..<6).map { row in (0..<4).map { Float(10 * row + $0) + 0.25 } }

  /// The field of the samples, of files with several; a table's columns.
  private static let formats: [(file: String, samples: [String])] = [
    ("x.npy", []), ("x-big.npy", []), ("x-fortran.npy", []), ("x.npz", ["x"]),
    ("x-deflated.npz", ["x"]), ("x.csv", ["a", "b \"b\"", "c", "d"]), ("contiguous.h5", ["x"]),
    ("chunked.h5", ["x"]), ("gzip.h5", ["x"]), ("contiguous.h5", ["group/half"]),
    ("contiguous.h5", ["group/big"]),
  ]

  @Test(arguments: 0..<formats.count)
  func formatsHoldTheSameNumbers(_ index: Int) throws {
    let (file, names) = Self.formats[index]
    let set = try open(file) { $0.samples = names }
    #expect(set.count == 6 && set.shape == Shape(channels: 4) && set.condition.isEmpty)
    #expect(samples(set) == x, "\(file)")
    // The numbers, not the bytes that they are stored as.
    #expect(try set.checksum == open("x.npy").checksum, "\(file)")
    let part = try open(file, rows: 1..<5) {
      $0.samples = names
      $0.columns = 1..<3
    }
    #expect(samples(part) == x[1..<5].map { Array($0[1..<3]) }, "\(file)")
    #expect(try samples(open(file, limit: 2) { $0.samples = names }) == Array(x[..<2]))
  }

  @Test(arguments: [
    ("x.npy", "energy.npy", "label.npy"), ("x.npz", "energy", "label"),
    ("x.csv", "energy", "label"), ("gzip.h5", "energy", "label"),
  ]) func conditionsAndLabelsStandBesideSamples(
    _ file: String, _ energy: String, _ label: String
  ) throws {
    let set = try open(file, rows: 2..<6) {
      // Of a table: all columns that are nothing else.
      $0.samples = ["x.npz", "gzip.h5"].contains(file) ? ["x"] : []
      $0.conditions = [ArrayCondition(name: energy)]
      $0.labels = label
      $0.classes = 3
    }
    #expect(set.condition == ConditionShape(classes: 3, numbers: 1))
    #expect(samples(set) == Array(x[2...]))
    #expect(conditions(set) == [[4], [8], [16], [32]])
    #expect((0..<4).map(set.label) == [2, 0, 1, 2])
  }

  /// [c, h, w] in the file, channels last in memory, and back again.
  @Test(arguments: [("x.npz", "image"), ("contiguous.h5", "group/image")])
  func channelsComeLast(_ file: String, _ field: String) throws {
    let set = try open(file) { $0.samples = [field] }
    #expect(set.shape == Shape(channels: 2, height: 3, width: 2))
    let expected: [Float] = [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11]
    #expect(samples(set)[1] == expected.map { $0 + 100 })
    #expect(
      set.units.units(of: samples(set)[1], condition: []) == (0..<12).map { 100 + Double($0) })
    let flat = try open("x.npy") { $0.shape = [2, 1, 2] }
    #expect(flat.shape == Shape(channels: 2, height: 1, width: 2))
    #expect(samples(flat)[0] == [0.25, 2.25, 1.25, 3.25])
    #expect(flat.units.sizes == [4])
  }

  @Test func filesAreReadAsOne() throws {
    let set = try open("x.npy", rows: 4..<9) {
      $0.paths += [$0.paths[0], $0.paths[0]]
    }
    #expect(samples(set) == [x[4], x[5], x[0], x[1], x[2]])
  }

  @Test func idxOfAllTypes() throws {
    let words: [(UInt8, [UInt8])] = [
      (0x08, [0, 1, 200]), (0x09, [0, 1, 200]), (0x0B, [0, 0, 0, 1, 0xFF, 0xC8]),
      (0x0C, [0, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xC8]),
      (0x0D, [0, 0, 0, 0, 0x3F, 0x80, 0, 0, 0xC2, 0x60, 0, 0]),
      (
        0x0E,
        [0, 0, 0, 0, 0, 0, 0, 0, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0, 0xC0, 0x4C, 0, 0, 0, 0, 0, 0]
      ),
    ]
    try withTemporaryFolder { folder in
      for (type, bytes) in words {
        let file: [UInt8] = [0, 0, type, 2, 0, 0, 0, 3, 0, 0, 0, 1] + bytes
        for (path, contents) in [("\(folder)/x", file), ("\(folder)/x.gz", gzip(file))] {
          try write(contents, to: path)
          let found = try samples(openArrays([path]))
          #expect(found == [[0], [1], [type == 8 ? 200 : -56]], "\(type) \(path)")
        }
      }
    }
  }

  // MARK: - Transforms

  /// Each step, and all of them at once, there and back.
  @Test func transformsAreInvertible() throws {
    let logarithms: [Float] = [10.25, 11.25, 12.25, 13.25].map { (x: Double) in Float(log(x)) }
    // Samples lie 10 apart.
    let deviations = [Float](repeating: -15 / Float(8750.0 / 30).squareRoot(), count: 4)
    let steps: [(ArrayTransform, [Float])] = [
      (.divide(condition: "energy"), x[2].map { $0 / 4 }),
      (.add([0.75]), [11, 12, 13, 14]),
      (.add([1, 2, 3, 4]), [11.25, 13.25, 15.25, 17.25]),
      (.scale([2]), [20.5, 22.5, 24.5, 26.5]),
      (.clipBelow(at: 12, inverse: nil), [12, 12, 12.25, 13.25]),
      (.log, logarithms), (.standardize(per: .feature), deviations),
    ]
    for (step, expected) in steps {
      let set = try open("gzip.h5") {
        $0.samples = ["x"]
        $0.conditions = [ArrayCondition(name: "energy")]
        $0.transforms = [step]
      }
      // Sample 2 is divided by 4.
      let found = samples(set)[step == .divide(condition: "energy") ? 2 : 1]
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 }, "\(step): \(found)")
    }
    let set = try open("gzip.h5") {
      $0.samples = ["x"]
      $0.conditions = [ArrayCondition(name: "energy")]
      $0.conditionTransforms = [.log, .scale([0.5])]
      $0.transforms = [
        .divide(condition: "energy"), .scale([0.05]), .clipBelow(at: 1e-4, inverse: 0),
        .logit(alpha: 1e-3), .standardize(per: .all),
      ]
      $0.threshold = 2
    }
    #expect(set.condition.numbers == 1)
    for (row, sample) in samples(set).enumerated() {
      let condition = set.units.units(ofCondition: conditions(set)[row])
      #expect(abs(condition[0] / pow(2, Double(row)) - 1) < 1e-6)
      let units = set.units.units(of: sample, condition: condition)
      for (found, expected) in zip(units, x[row]) {
        let wanted = expected < 2 ? 0 : Double(expected)
        #expect(abs(found - wanted) < 2e-4 * max(1, wanted), "row \(row): \(found), \(expected)")
      }
    }
    let values = samples(set).flatMap { $0 }
    let mean = values.reduce(0, +) / 24
    #expect(abs(mean) < 1e-5)
    #expect(abs(values.reduce(0) { $0 + $1 * $1 } / 24 - 1) < 1e-4)
  }

  /// A run that goes on takes the statistics that it began with, not those of other data.
  @Test func recordKeepsLayoutAndStatistics() throws {
    let set = try open("x.npz") {
      $0.samples = ["x"]
      $0.conditions = [ArrayCondition(name: "energy")]
      $0.transforms = [.standardize(per: .feature)]
    }
    let record = try ArrayRecord(json: set.record.json, path: "data.json")
    #expect(record == set.record)
    #expect(record.samples.sizes == [4] && record.samples.type == .float64)
    #expect(record.conditions.map(\.sizes) == [[1]] && record.statistics.count == 8)
    #expect(record.statistics[..<4] == [25.25, 26.25, 27.25, 28.25])
  }

  // MARK: - Errors

  private func fault(
    _ name: String, _ change: (inout ArraySettings) -> Void = { _ in }
  ) throws -> String {
    let text = message { try open(name, change) }
    return try #require(text).replacing(
      FileSystem.folder(of: try fixture("arrays/x.npy")) + "/", with: "")
  }

  @Test func whatDoesNotFitIsSaid() throws {
    #expect(try fault("x.npz").contains("expected one array \"arr_0\", found \"x\", \"energy\""))
    #expect(
      try fault("gzip.h5") { $0.samples = ["y"] }
        == "gzip.h5: expected a field 'y', found energy, label, x")
    #expect(try fault("contiguous.h5").hasSuffix("expected the name of one of them"))
    #expect(
      try fault("contiguous.h5") { $0.samples = ["group/words"] }
        .contains("its elements are no numbers"))
    #expect(
      try fault("x.csv") { $0.samples = ["z"] }.contains("expected a column 'z', found a, b \"b\""))
    #expect(
      try fault("x.npy") { $0.rows = 9..<10 } == "x.npy: 6 samples; expected some in rows 9 and on")
    #expect(
      try fault("x.npy") { $0.columns = 2..<7 }
        == "columns: found [2, 7], but the last dimension has 4")
    #expect(try fault("x.npy") { $0.shape = [5] }.hasPrefix("shape: found [5], 5 numbers"))
    #expect(
      try fault("x.npz") {
        $0.samples = ["x"]
        $0.labels = "energy"
        $0.classes = 3
      } == "labels: found 4.0 of sample 2, expected a class in 0 ... 2")
    #expect(
      try fault("x.npz") {
        $0.samples = ["x"]
        $0.conditions = [ArrayCondition(name: "image")]
      }.hasPrefix("condition.size: found 1 for image, but a sample has 12 numbers of it"))
    #expect(
      try fault("x.npz") {
        $0.samples = ["label"]
        $0.transforms = [.log]
      }.hasSuffix(
        "number 0 of sample 0 is 0.0, -inf after data.transforms; expected finite ones"))
  }

  @Test(arguments: [
    ("a,b\n1,2\n3,\n", "x.csv:3: column 2 ('b'): expected a number, found nothing"),
    ("a,b\n1,2\n\n3,x y\n", "x.csv:4: column 2 ('b'): expected a number, found 'x y'"),
    ("a,b\n1,2\n3\n", "x.csv:3: found 1 columns, expected 2 as in the first line"),
    ("a,b\n1,nan\n", "x.csv:2: column 2 ('b'): expected a number, found 'nan'"),
    ("a,a\n1,2\n", "x.csv:1: columns 1 and 2 are both called 'a'"),
    ("a,b\n1,\"2\n", "x.csv:2: a quote that is never closed"),
    ("a,b\n", "x.csv: 0 samples; expected some in rows 0 and on"),
  ]) func tablesSayLineAndColumn(_ text: String, _ expected: String) throws {
    try withTemporaryFolder { folder in
      try write(Array(text.utf8), to: "\(folder)/x.csv")
      let found = message {
        try DatasetSource.array(ArraySettings(paths: ["\(folder)/x.csv"])).open(range: -1...1)
      }
      #expect(found?.replacing(folder + "/", with: "") == expected)
    }
  }

  @Test func tablesWithoutNamesAndWithOtherSeparators() throws {
    try withTemporaryFolder { folder in
      for text in [
        "1;2.5\n3;-4e1", "\u{FEFF}1\t2.5\r\n3\t -4e1 \r\n", "\"a b\",c\n1,2.5\n3,-4e1\n",
      ] {
        try write(Array(text.utf8), to: "\(folder)/x.csv")
        let set = try openArrays(["\(folder)/x.csv"])
        #expect(samples(set) == [[1, 2.5], [3, -40]], "\(text)")
      }
    }
  }

  /// What another process maps is what this one has read.
  @Test func arraysAreSharedInAFile() throws {
    try withTemporaryFolder { folder in
      var settings = ArraySettings(paths: [try fixture("arrays/gzip.h5")])
      settings.samples = ["x"]
      settings.conditions = [ArrayCondition(name: "energy")]
      let key = SharedFile.Key.make()
      let file = try HeldArrays.makeFile(settings, limit: 5, key: key, places: [folder]).get()
      let arrays = try HeldArrays(key, places: [folder])
      file.removeName()
      let set = try ArrayDataset(settings, arrays, statistics: [])
      #expect(samples(set) == Array(x[..<5]) && conditions(set)[4] == [16])
      // Data that are damaged are an error, not a place that does not do.
      settings.samples = ["y"]
      #expect(throws: Fault.self) {
        try HeldArrays.makeFile(settings, limit: nil, key: .make(), places: [folder])
      }
      settings.samples = ["x"]
      let none = try HeldArrays.makeFile(
        settings, limit: nil, key: .make(), places: ["\(folder)/none"])
      #expect(throws: Fault.self) { try none.get() }
    }
  }

  /// A file in memory counts as the job's: what its control group does not leave goes to the cache.
  @Test func whatDoesNotFitInMemoryIsHeldOnDisk() throws {
    try withTemporaryFolder { folder in
      guard Mount(of: folder)?.isInMemory == false else { return }
      var settings = ArraySettings(paths: [try fixture("arrays/gzip.h5")])
      settings.samples = ["x"]
      settings.cache = folder
      func room(_ bytes: Int) -> MemoryLimit.Room? {
        var room = MemoryLimit.roomForFiles()
        room?.bytes = bytes
        room?.name = "a test's limit"
        return room
      }
      // 6 x 4 float64 are 192 bytes.
      for (bytes, isOnDisk) in [(300, true), (1 << 40, false)] {
        let key = SharedFile.Key.make()
        let made = try HeldArrays.makeFile(settings, limit: nil, key: key) { room(bytes) }
        let file = try made.get()
        defer { file.removeName() }
        #expect(file.path.hasPrefix(isOnDisk ? "\(folder)/" : "/dev/shm/"), "\(file.path)")
        let arrays = try HeldArrays(key, places: SharedFile.places(cache: folder))
        #expect(try samples(ArrayDataset(settings, arrays, statistics: [])) == x)
      }
      let key = SharedFile.Key.make()
      let none = try HeldArrays.makeFile(
        settings, limit: nil, key: key, places: ["/dev/shm"]
      ) { room(300) }
      #expect(
        message { try none.get() }
          == "/dev/shm: found 300 bytes free of a test's limit, expected 384")
      // Nothing is left of the try.
      let token = String(key.token, radix: 16)
      #expect(try !FileSystem.listDirectory("/dev/shm").contains { $0.contains(token) })
    }
  }

  @Test func volumesLieChannelsLast() throws {
    let set = try open("x.npy") { $0.shape = [2, 2, 1, 1] }
    #expect(set.shape == Shape(channels: 2, depth: 2, height: 1, width: 1))
    #expect(set.shape.dimensions == 3)
    let first = samples(set)[0]
    #expect(first == [0.25, 2.25, 1.25, 3.25])
    #expect(set.units.units(of: first, condition: []) == [0.25, 1.25, 2.25, 3.25])
    let line = try open("x.npy") { $0.shape = [1, 4] }
    #expect(line.shape.dimensions == 1 && samples(line) == x)
    let text = message { try open("x.npy") { $0.shape = [1, 1, 1, 1, 4] } }
    #expect(text?.contains("[channels, depth, height, width]") == true, "\(text ?? "")")
    let large = message { try open("x.npy") { $0.shape = [1 << 31, 1 << 31, 1 << 31] } }
    #expect(large?.contains("too many numbers") == true, "\(large ?? "")")
  }

  /// What a user asks for is what the same number of the files becomes.
  @Test func askedConditionsAreTransformed() throws {
    var settings = ArraySettings(paths: [try fixture("arrays/x.npz")])
    settings.samples = ["x"]
    settings.conditions = [ArrayCondition(name: "energy")]
    #expect(!DatasetSource.array(settings).transformsConditions)
    settings.conditionTransforms = [.log, .standardize(per: .all)]
    let source = DatasetSource.array(settings)
    #expect(source.transformsConditions && settings.conditionNames == ["energy"])
    let opened = try source.open(range: -1...1)
    let set = try #require(opened as? ArrayDataset)
    var numbers: [Float] = [8]
    numbers.withUnsafeMutableBufferPointer { set.transformCondition($0) }
    #expect(numbers == conditions(set)[3])
    #expect(set.units.condition(ofUnits: [8]) == numbers)
    #expect(abs(set.units.units(ofCondition: numbers)[0] / 8 - 1) < 1e-6)
    settings.conditions = [ArrayCondition(name: "p", size: 2), ArrayCondition(name: "e")]
    #expect(settings.conditionNames == ["p_0", "p_1", "e"])
  }

  /// Damaged in any byte, each format is read or refused; nothing is taken on a file's word.
  @Test(arguments: [
    "x.npy", "x.npz", "x-deflated.npz", "x.csv",
  ]) func damageIsRefused(_ name: String) throws {
    let whole = try FileSystem.readFile(fixture("arrays/\(name)"))
    try withTemporaryFolder { folder in
      let state = seededNumbers()
      for _ in 0..<400 {
        var bytes = whole
        for _ in 0..<Int(state() % 4 + 1) {
          bytes[Int(state() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: state() >> 8)
        }
        if state() % 4 == 0 { bytes.removeLast(Int(state() % UInt64(bytes.count))) }
        let path = "\(folder)/\(name)"
        try write(bytes, to: path)
        var settings = ArraySettings(paths: [path])
        if name.hasSuffix("npz") { settings.samples = ["x"] }
        let text = message { try DatasetSource.array(settings).open(range: -1...1) }
        guard let text else { continue }
        // What is wrong with a sample's sizes is said of a key.
        #expect(
          (text.contains(name) || text.hasPrefix("shape: ")) && !text.contains("\n"), "\(text)")
      }
    }
  }
}

/// Numbers of a fixed seed (Knuth's 64-bit linear congruential generator).
private func seededNumbers() -> () -> UInt64 {
  var state: UInt64 = 1
  return {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 20
  }
}

import Base
import Datasets
import Storage
import TestSupport
import Testing

/// Transforms by hand: which number of a sample each table, mean and divisor belongs to.
@Suite struct ArrayTransformTests {
  /// Six samples of four numbers, 10 row + column + 0.25.
  ///
  /// Beside them `energy`, 1, 2, 4 and on, and `image`, 100 row + 0 ... 11.
  private func open(
    _ transforms: [ArrayTransform], _ change: (inout ArraySettings) -> Void = { _ in }
  ) throws -> ArrayDataset {
    try openArrays([fixture("arrays/x.npz")]) {
      $0.samples = ["x"]
      $0.transforms = transforms
      change(&$0)
    }
  }

  private func openTable(
    _ text: String, _ change: (inout ArraySettings) -> Void = { _ in }
  ) throws -> ArrayDataset {
    try withTemporaryFolder { folder in
      try write(Array(text.utf8), to: "\(folder)/x.csv")
      return try openArrays(["\(folder)/x.csv"], change)
    }
  }

  private func back(_ set: ArrayDataset) -> [[Double]] {
    samples(set).map { set.units.units(of: $0, condition: []) }
  }

  /// Also a value that is exactly at the bound.
  @Test func whatIsClippedComesBackAsTheInverse() throws {
    let clipped = try openTable("0,1,4\n") {
      $0.transforms = [.clipBelow(at: 1, inverse: 0.5)]
    }
    #expect(samples(clipped) == [[1, 1, 4]] && back(clipped) == [[0.5, 0.5, 4]])
    let left = try openTable("0,1,4\n") { $0.transforms = [.clipBelow(at: 1, inverse: nil)] }
    #expect(back(left) == [[1, 1, 4]])
    // The threshold itself stays.
    let written = try openTable("0,1,4\n") { $0.threshold = 1 }
    #expect(back(written) == [[0, 1, 4]])
  }

  /// A number a channel, and a number a feature in the order of the file, of a sample [2, 1, 2].
  @Test func tablesGoByChannelOrFeature() throws {
    let byChannel = try open([.add([1, 2])]) { $0.shape = [2, 1, 2] }
    #expect(samples(byChannel)[0] == [1.25, 4.25, 2.25, 5.25])
    #expect(back(byChannel)[0] == [0.25, 1.25, 2.25, 3.25])
    let byFeature = try open([.add([10, 20, 30, 40])]) { $0.shape = [2, 1, 2] }
    #expect(samples(byFeature)[0] == [10.25, 32.25, 21.25, 43.25])
    #expect(back(byFeature)[0] == [0.25, 1.25, 2.25, 3.25])
    #expect(
      message { try open([.add([1, 2, 3])]) { $0.shape = [2, 1, 2] } }
        == "transforms.0: found 3 numbers, expected 1, 2 (a channel) or 4 (a feature)")
  }

  @Test func meansAndDeviationsGoByChannel() throws {
    let set = try open([.standardize(per: .channel)]) { $0.shape = [2, 1, 2] }
    // Rows lie 10 apart, the two numbers of a channel 1.
    let deviation = (8750.0 / 30 + 0.25).squareRoot()
    expectClose(
      set.record.statistics, [25.75, 27.75, deviation, deviation], absolute: 1e-12)
    let first = [-25.5, -25.5, -24.5, -24.5].map { $0 / deviation }
    expectClose(samples(set)[0], first, absolute: 1e-6)
  }

  /// Statistics are of what a standardization is given: after the steps before it, and not after
  /// those behind.
  @Test func standardizationsStandInARow() throws {
    let deviation = (8750.0 / 30).squareRoot()
    let set = try open([
      .scale([2]), .standardize(per: .feature), .add([1]), .standardize(per: .all), .scale([3]),
    ])
    let means = [50.5, 52.5, 54.5, 56.5]
    let expected = means + means.map { _ in 2 * deviation } + [1, 1]
    expectClose(set.record.statistics, expected, absolute: 1e-12)
    expectClose(samples(set)[0], Array(repeating: -75 / deviation, count: 4), absolute: 1e-5)
  }

  /// What never varies is moved to 0, not divided by 0.
  @Test func constantsAreMoved() throws {
    let set = try openTable("5,1\n5,3\n") { $0.transforms = [.standardize(per: .feature)] }
    #expect(samples(set) == [[0, -1], [0, 1]] && back(set) == [[5, 1], [5, 3]])
  }

  /// Numbers beside a sample come from several fields, and one of them divides.
  @Test func conditionsOfSeveralFields() throws {
    let set = try open([.divide(condition: "energy")]) {
      $0.conditions = [ArrayCondition(name: "image", size: 12), ArrayCondition(name: "energy")]
    }
    let image = (0..<12).map { Float(200 + $0) }
    #expect(conditions(set)[2] == image + [4])
    let quarters: [Float] = [5.0625, 5.3125, 5.5625, 5.8125]
    #expect(samples(set)[2] == quarters)
    let (values, condition) = ([20.25, 21.25, 22.25, 23.25], image.map(Double.init) + [4])
    #expect(set.units.units(of: quarters, condition: condition) == values)
    #expect(set.units.networkValues(ofUnits: values, condition: condition) == quarters)
    #expect(set.units(at: 2).condition == condition)
    let unknown = message { try open([.divide(condition: "image")]) }
    #expect(
      unknown
        == "transforms.0: found condition 'image', expected one of single numbers: there are none")
  }

  /// Samples are read in parts of some numbers: here of three parts.
  @Test func longSamplesGoInParts() throws {
    let row = (0..<300).map { "\($0)" }.joined(separator: ",")
    let set = try openTable("\(row)\n") {
      $0.shape = [3, 10, 10]
      $0.transforms = [.add((0..<300).map { -Double($0) })]
    }
    #expect(samples(set) == [[Float](repeating: 0, count: 300)])
    #expect(set.units(at: 0).values == (0..<300).map(Double.init))
  }

  /// What tells data apart covers conditions and labels, too.
  @Test func checksumsCoverAllThatIsRead() throws {
    let plain = try open([])
    let conditioned = try open([]) { $0.conditions = [ArrayCondition(name: "energy")] }
    let labelled = try open([]) { $0.labels = "label" }
    #expect(Set([plain, conditioned, labelled].map(\.checksum)).count == 3)
    // The numbers of the file, not those of the networks.
    #expect(try open([.scale([2])]).checksum == plain.checksum)
  }

  @Test func conditionsAreFinite() throws {
    let found = message {
      try openTable("a,e\n1,1\n2,0\n") {
        $0.samples = ["a"]
        $0.conditions = [ArrayCondition(name: "e")]
        $0.conditionTransforms = [.log]
      }
    }
    #expect(
      found?.hasSuffix(
        "number 0 of the condition of sample 1 is 0.0, -inf after its transforms; expected finite "
          + "ones") == true, "\(found ?? "read")")
  }

  /// A run's record fits its own files and settings, no others.
  @Test func recordsRefuseOtherLayouts() throws {
    let set = try open([]) {
      $0.conditions = [ArrayCondition(name: "energy")]
      $0.columns = 1..<3
    }
    let other = try openTable("1,2,3\n")
    try set.record.requireSameLayout(open([]).record, of: "x")
    #expect(
      message { try set.record.requireSameLayout(other.record, of: "held.csv") }
        == "held.csv: samples of [3], those of training are [4]")
    var settings = ArraySettings(paths: ["x.npz"])
    settings.columns = 1..<3
    settings.conditions = [ArrayCondition(name: "energy")]
    #expect(try set.record.units(settings).sizes == [2])
    settings.conditions[0].size = 2
    #expect(
      message { try set.record.units(settings) }?.contains("conditions of [1] numbers") == true)
    let table = try openTable("a,b,c\n1,2,3\n") { $0.columns = 1..<3 }
    #expect(table.record.samples.columns == ["b", "c"])
  }
}

import Base
import Datasets
import Sampling
import Storage
import TestSupport
import Testing

/// Conditions on the command line and in files.
@Suite struct RequestedConditionsTests {
  private static let both = RequestedConditions(
    ConditionShape(numbers: 2), names: ["energy", "angle"])
  private static let classes = RequestedConditions(
    ConditionShape(classes: 3, numbers: 1), names: ["energy"])

  @Test(arguments: [
    ("65536,0.5", [65536, 0.5]), ("energy=65536,angle=0.5", [65536, 0.5]),
    ("angle=-1e-3,energy=2", [2, -1e-3]),
  ])
  func numbersOfATextAreRead(text: String, expected: [Float]) throws {
    #expect(try Self.both.numbers(text) == expected)
  }

  @Test(arguments: ["", "1", "1,2,3", "energy=1", "energy=1,energy=2", "enrgy=1,angle=2", "1,x"])
  func otherTextsAreRefused(text: String) {
    let found = message { _ = try Self.both.numbers(text) }
    #expect(
      found == "--condition: expected energy=NUMBER,angle=NUMBER, found '\(text)'", "\(text)")
  }

  /// A name that is there twice is no answer to it.
  @Test func eachNameIsSaidOnce() {
    let one = RequestedConditions(ConditionShape(numbers: 1), names: ["energy"])
    let found = message { _ = try one.numbers("energy=1,energy=2") }
    #expect(found == "--condition: expected energy=NUMBER, found 'energy=1,energy=2'")
  }

  private func read(_ requested: RequestedConditions, _ text: String) throws -> [ConditionValues] {
    try withTemporaryFolder { folder in
      try FileSystem.writeAtomically(text, to: "\(folder)/conditions.csv")
      return try requested.read("\(folder)/conditions.csv")
    }
  }

  @Test func linesAreRead() throws {
    let expected = [[1, 2], [3, -4.5]].map { ConditionValues(numbers: $0) }
    #expect(try read(Self.both, "1,2\n3,-4.5\n") == expected)
    #expect(try read(Self.both, "angle, energy\r\n2, 1\r\n-4.5,3\r\n") == expected)
    #expect(try read(Self.both, "\"angle\";energy\n2;1\n\n-4.5;3\n") == expected)
    #expect(
      try read(Self.classes, "class,energy\n2,10\n0,11")
        == [(2, 10), (0, 11)].map { ConditionValues(label: $0.0, numbers: [$0.1]) })
  }

  @Test(arguments: [
    ("1,2\n3\n", "conditions.csv:2: expected 2 fields (energy,angle), found 1"),
    ("1,2\n3,x\n", "conditions.csv:2: angle: found 'x', expected a number"),
    ("1,2\n3,inf\n", "conditions.csv:2: angle: found 'inf', expected a number"),
    ("energy,phi\n3,1\n", ":1: expected the columns energy,angle, found 'energy,phi'"),
    ("energy,angle\n", "conditions.csv: has no conditions"), ("", "has no conditions"),
  ])
  func otherFilesAreRefused(text: String, expected: String) {
    let found = message { _ = try read(Self.both, text) }
    #expect(found?.contains(expected) == true, "\(found ?? "no error")")
  }

  @Test func classesAreChecked() {
    let found = message { _ = try read(Self.classes, "1,3\n") }
    #expect(found?.hasSuffix(":1: class: found '3', expected 0 ... 2") == true, "\(found ?? "")")
  }

  @Test func arraysAreRead() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/conditions.npy"
      func write(_ values: [Float], _ shape: [Int]) throws {
        try FileSystem.writeAtomically(to: path) { file in
          try NumPyPreamble(.float32, shape: shape).bytes.withUnsafeBytes { try file.write($0) }
          try values.withUnsafeBytes { try file.write($0) }
        }
      }
      try write([1, 2, 3, 4], [2, 2])
      #expect(
        try Self.both.read(path) == [[1, 2], [3, 4]].map { ConditionValues(numbers: $0) })
      try write([1, 2, 3], [1, 3])
      let found = message { _ = try Self.both.read(path) }
      #expect(found?.contains("expected an array of N x 2 numbers") == true, "\(found ?? "")")
      // Four numbers whose first index is the fastest.
      let header = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }\n"
      let start: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0]
      let elements = [UInt8](repeating: 0, count: 16)
      try FileSystem.writeAtomically(start + Array(header.utf8) + elements, to: path)
      let turned = message { _ = try Self.both.read(path) }
      #expect(turned?.hasSuffix("found 2 x 2 in Fortran's") == true, "\(turned ?? "")")
      let one = RequestedConditions(ConditionShape(numbers: 1), names: ["energy"])
      try write([5, 6], [2])
      #expect(try one.read(path) == [5, 6].map { ConditionValues(numbers: [$0]) })
    }
  }
}

import Foundation
import Reports
import Testing

@Suite struct MetricsTableTests {
  private func table(_ text: String, _ folder: String) throws -> MetricsTable {
    let path = folder + "/metrics.csv"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return try MetricsTable(path: path)
  }

  @Test func columnsByName() throws {
    try withTemporaryFolder { folder in
      let found = try table("iteration (count),w_distance (score)\n1,2.5\n2,-inf\n3,4", folder)
      #expect(found.names == ["iteration", "w_distance"])
      // The third line was cut off while it was written.
      #expect(found["iteration"] == [1, 2])
      #expect(found["w_distance"] == [2.5, -.infinity])
      #expect(found["penalty"] == [])
    }
  }

  @Test func errorsNameTheLine() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/metrics.csv"
      #expect(
        message(of: { _ = try table("a,b\n1,2\n3\n", folder) }) == "\(path):3: 1 fields, expected 2"
      )
      #expect(
        message(of: { _ = try table("a,b\n1,x\n", folder) }) == "\(path):2: field 2 is no number")
      #expect(message(of: { _ = try table("", folder) }) == "\(path): empty, expected a header")
    }
  }

  @Test func curvesShowTheValues() throws {
    try withTemporaryFolder { folder in
      let header = "iteration,w_distance,penalty,critic_loss,generator_loss\n"
      let rising = try table(header + "1,1,1,1,1\n2,2,2,2,2\n", folder).curves(title: "t")
      let falling = try table(header + "1,2,1,1,1\n2,1,2,2,2\n", folder).curves(title: "t")
      #expect(rising.channels == 3)
      #expect(rising != falling)
    }
  }
}

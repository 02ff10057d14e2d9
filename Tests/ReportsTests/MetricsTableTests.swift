import Foundation
import Reports
import TestSupport
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
      #expect(found.units == ["count", "score"])
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
        message(of: { _ = try table("iteration,b\n1,2\n3\n", folder) })
          == "\(path):3: 1 fields, expected 2"
      )
      #expect(
        message(of: { _ = try table("iteration,b\n1,x\n", folder) })
          == "\(path):2: field 2 is no number")
      #expect(message(of: { _ = try table("", folder) }) == "\(path): empty, expected a header")
    }
  }

  @Test func curvesShowTheValues() throws {
    try withTemporaryFolder { folder in
      let header = "iteration,w_distance,penalty,critic_loss,generator_loss\n"
      let rising = try table(header + "1,1,1,1,1\n2,2,2,2,2\n", folder).curves(title: "t").picture
      let falling = try table(header + "1,2,1,1,1\n2,1,2,2,2\n", folder).curves(title: "t").picture
      #expect(rising.channels == 3)
      #expect(rising != falling)
    }
  }

  @Test func aPanelAGroupOfColumns() throws {
    // Losses share a panel, gradient norms another; what is not known has its own.
    let all =
      "iteration,w_distance,penalty,critic_loss,generator_loss,critic_gradient_norm,"
      + "generator_gradient_norm,class_accuracy"
    let cases = [
      ("iteration,w_distance", "1,2", 1),
      ("iteration,epoch,seconds,w_distance,penalty", "1,1,1,2,1", 2),
      (all, "1,2,3,4,5,6,7,8", 5),
      // A hash is no quantity.
      ("iteration,w_distance,critic_hash (crc32)", "1,2,77", 1),
      // No penalty, and nothing at all.
      ("iteration,w_distance,penalty", "1,2,0", 1), ("iteration,w_distance,penalty", "1,nan,0", 1),
    ]
    try withTemporaryFolder { folder in
      for (header, row, panels) in cases {
        let image = try table("\(header)\n\(row)\n", folder).curves(title: "t")
        #expect(image.height == 300 * panels, "\(header)")
      }
    }
  }

  /// What axes and columns of tables have in brackets.
  @Test func unitsOfColumns() throws {
    try withTemporaryFolder { folder in
      let table = try table(
        "iteration,w_distance (score),critic_gradient_norm (score),seconds (s)\n1,2,3,4\n", folder)
      #expect(table.names.map(table.unit) == ["", "score", "", "s"])
    }
  }

  /// Scores stand below, over the same iterations; those of one word and unit in one panel.
  @Test func panelsOfScores() throws {
    try withTemporaryFolder { folder in
      let metrics = try table("iteration,w_distance\n1,1\n2,2\n3,2\n4,1\n", folder)
      let scores = try table(
        "iteration,epoch,modes_hit (count),modes_touched (count),on_mode (1),seconds\n"
          + "2,1,3,4,0.5,0.1\n4,1,5,5,0.7,0.1\n", folder)
      let image = metrics.curves(title: "t", scores: scores).picture
      #expect(image.height == 900)
      #expect(metrics.curves(title: "t").height == 300)
      // Both series of the second panel, in the right part of the picture only: the first third of
      // the iterations has no score.
      let red = CurvePlotTests.places(of: CurvePlotTests.vermillion, in: image)
      #expect(!red.isEmpty && red.allSatisfy { (300..<600).contains($0.y) && $0.x > 350 })
      let runs = [(name: "one", tables: [metrics, scores]), (name: "other", tables: [metrics])]
      #expect(try MetricsTable.comparison(runs).height == 1200)
      #expect(try MetricsTable.comparison(runs, columns: ["on_mode"]).height == 300)
    }
  }

  @Test func severalRunsInOnePicture() throws {
    try withTemporaryFolder { folder in
      let one = try table("iteration,w_distance,penalty\n1,1,1\n2,2,1\n", folder)
      let other = try table("iteration,w_distance\n1,2\n2,1\n3,5\n", folder)
      let runs = [(name: "one", tables: [one]), (name: "other", tables: [other])]
      let image = try MetricsTable.comparison(runs).picture
      #expect(image.height == 600)
      let blue = CurvePlotTests.places(of: CurvePlotTests.blue, in: image)
      let red = CurvePlotTests.places(of: CurvePlotTests.vermillion, in: image)
      // The second run has no penalty; the names stand over the upper panel only.
      #expect(blue.contains { $0.y > 300 } && red.allSatisfy { $0.y < 300 })
      #expect(red.contains { $0.x > 900 })
      let (single, log) = (
        try MetricsTable.comparison(runs, columns: ["penalty"]),
        try MetricsTable.comparison(runs, isSymmetricLog: true).picture
      )
      #expect(single.height == 300 && log != image)
      #expect(
        message(of: { _ = try MetricsTable.comparison(runs, columns: ["w"]) })
          == "no run has a column 'w'; there are iteration, w_distance, penalty")
    }
  }
}

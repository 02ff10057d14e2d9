import Base
import Collectives
import Configuration
import Foundation
import Scores
import TestSupport
import Testing

/// One rank with one thread.
func alone(threads: Int = 1) throws -> ScoreTeam {
  try ScoreTeam(SoloCommunicator(), threads: threads)
}

/// Expects the same bits of one rank, of three threads, and of every rank of two and four.
func expectSameOnAnyTeam(
  _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: @escaping @Sendable (ScoreTeam) throws -> [Double]
) throws {
  let expected = try body(alone()).map(\.bitPattern)
  #expect(
    try body(alone(threads: 3)).map(\.bitPattern) == expected, "\(what), 3 threads",
    sourceLocation: sourceLocation)
  for ranks in [2, 4] {
    let found = try ThreadedCommunicator.run(ranks: ranks) {
      try body(ScoreTeam($0, threads: 2))
    }
    for (rank, values) in found.enumerated() {
      #expect(
        values.map(\.bitPattern) == expected, "\(what), rank \(rank) of \(ranks)",
        sourceLocation: sourceLocation)
    }
  }
}

/// What a score gives of samples and reals.
func measured(
  _ score: any Score, samples: [Float], reals: [Float], shape: Shape = Shape(channels: 2)
) throws -> [Double] {
  try score.measure(
    ScoreInput(
      samples: SampleSet(samples, shape: shape), reals: SampleSet(reals, shape: shape),
      team: alone()))
}

/// The score that an entry of a configuration names.
func scoreOf(_ text: String, _ subject: ScoreSubject) throws -> any Score {
  let document = try ConfigurationDocument(text: "scores: [\(text)]", name: "test")
  let items = try #require(try document.root().optionalItems("scores"))
  return try ScoreCatalog.score(items[0], subject)
}

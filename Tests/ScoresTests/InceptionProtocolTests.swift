import Scores
import Testing

/// Samples and labels of published evaluations; FeaturesTests have what they do to pixels.
@Suite struct InceptionProtocolTests {
  private let paddle = InceptionProtocol.paddlescience
  private let original = InceptionProtocol.original

  @Test func samplesAndNames() {
    for found in [paddle, original] {
      #expect(found.samples == 50_000 && found.splits == 10)
      #expect(InceptionProtocol.named(found.name) == found)
    }
    #expect(InceptionProtocol.named("mine") == nil)
  }

  @Test func labelsOfTheTrainingSet() {
    let labels = { [3, 1, 4, 1, 5] }
    #expect(paddle.labels(count: 3, classes: 10, seed: 1, trainingLabels: labels) == [3, 1, 4])
    // Whoever takes them begins again at their end.
    #expect(paddle.labels(count: 9, classes: 10, seed: 1, trainingLabels: labels) == labels())
  }

  @Test func drawnLabels() {
    let labels = original.labels(count: 5000, classes: 10, seed: 1) { [99] }
    var counts = [Int](repeating: 0, count: 10)
    for label in labels { counts[label] += 1 }
    #expect(labels.count == 5000 && counts.allSatisfy { (400...600).contains($0) }, "\(counts)")
    #expect(labels != original.labels(count: 5000, classes: 10, seed: 2) { [99] })
    // A sample's label knows nothing of those beside it, nor of how many there are.
    for distance in 1...20 {
      let alike = zip(labels, labels.dropFirst(distance)).count { $0 == $1 }
      // 500 are expected, deviation 21.
      #expect((400...600).contains(alike), "\(distance): \(alike)")
    }
    #expect(original.labels(count: 7, classes: 10, seed: 1) { [99] } == Array(labels.prefix(7)))
  }
}

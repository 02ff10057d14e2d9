import Configuration
import Testing

@Suite struct NearestTests {
  @Test(arguments: [
    ("bacth", "batch"), ("Batch", "batch"), ("criticstep", "criticSteps"), ("epoch", "epochs"),
    ("learning_rate", "learningRate"), ("bahtc", "batch"),
  ])
  func findsTheNearest(_ word: String, _ expected: String) {
    let words = ["epochs", "batch", "criticSteps", "shards", "learningRate"]
    #expect(nearest(word, in: words) == expected)
  }

  @Test func findsNothingFarAway() {
    #expect(nearest("banana", in: ["batch", "epochs"]) == nil)
    #expect(nearest("a", in: ["b"]) == nil)
    #expect(nearest("", in: ["a", ""]) == nil)
    #expect(nearest("lr", in: ["learningRate"]) == nil)
    #expect(nearest("batch", in: []) == nil)
  }

  @Test func theFirstOfEqualsWins() {
    #expect(nearest("cat", in: ["bat", "rat"]) == "bat")
    #expect(nearest("rat", in: ["bat", "rat"]) == "rat")
  }

  @Test(arguments: [
    ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("abc", "acb", 1),
    ("abc", "abd", 1), ("abc", "abcd", 1), ("abc", "bc", 1), ("kitten", "sitting", 3),
    ("ab", "ba", 1), ("ca", "abc", 3),
  ])
  func distances(_ a: String, _ b: String, _ distance: Int) {
    #expect(editDistance(Array(a), Array(b)) == distance)
    #expect(editDistance(Array(b), Array(a)) == distance)
  }
}

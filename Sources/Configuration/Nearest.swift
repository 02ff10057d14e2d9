/// The candidate that `word` was probably meant to be, or nil when none is close.
///
/// Close is an edit distance (`editDistance`, letter case aside) of at most a third of the longer
/// word's length (1 for up to four letters, 2 for five to seven); of equals the first wins.
package func nearest(_ word: String, in candidates: [String]) -> String? {
  let letters = Array(word.lowercased())
  var best: (candidate: String, distance: Int)?
  for candidate in candidates {
    let other = Array(candidate.lowercased())
    let longer = max(letters.count, other.count)
    let limit = max(1, (longer + 1) / 3)
    // The difference in length is a lower bound, and spares the table for hopeless candidates.
    guard abs(letters.count - other.count) <= limit else { continue }
    let distance = editDistance(letters, other)
    // Words of one letter are all one step apart, which says nothing.
    guard distance <= limit, distance < longer else { continue }
    if let current = best, current.distance <= distance { continue }
    best = (candidate, distance)
  }
  return best?.candidate
}

/// The number of insertions, deletions, substitutions and swaps of neighbours from `a` to `b`
/// (optimal string alignment: no letter is edited twice).
package func editDistance(_ a: [Character], _ b: [Character]) -> Int {
  var beforePrevious = [Int](repeating: 0, count: b.count + 1)
  var previous = Array(0...b.count)
  for (i, letter) in a.enumerated() {
    var current = [i + 1]
    current.reserveCapacity(b.count + 1)
    for (j, other) in b.enumerated() {
      var distance = min(
        previous[j + 1] + 1, current[j] + 1, previous[j] + (letter == other ? 0 : 1))
      if i > 0, j > 0, letter == b[j - 1], a[i - 1] == other {
        distance = min(distance, beforePrevious[j - 1] + 1)
      }
      current.append(distance)
    }
    (beforePrevious, previous) = (previous, current)
  }
  return previous[b.count]
}

/// The list of suggestions as errors print it: `; did you mean 'batch'? (known: batch, shards)`.
func suggestion(for word: String, in known: [String]) -> String {
  guard !known.isEmpty else { return "; none is known here" }
  let hint = nearest(word, in: known).map { "; did you mean '\($0)'?" } ?? ""
  return "\(hint) (known: \(known.joined(separator: ", ")))"
}

extension [Double] {
  /// The middle value, or the mean of the two in the middle; there must be values.
  package var median: Double {
    precondition(!isEmpty, "the median of nothing")
    let sorted = sorted()
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
  }
}

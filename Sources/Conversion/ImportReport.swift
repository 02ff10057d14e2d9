import Training

/// What an import has taken of other programs' weights, and what not.
package struct ImportReport: Encodable {
  /// One network's part.
  struct Network: Encodable {
    let name: String
    /// The file that its weights come from.
    let source: String
    /// Tensors of the network.
    let tensors: Int
    /// Those that the file had.
    let taken: Int
    /// Left out by the map of names.
    let omitted: [String]
    /// Weights of linear layers that lay the other way round.
    let transposed: [String]
    /// Counters that the file did not have, set to 0.
    let addedCounters: [String]
    /// What does not fit; tensors of the network keep the values that they were drawn with.
    let notTaken: [StateDictionary.Mismatch]
  }

  /// The folder that was made.
  let output: String
  let networks: [Network]

  /// For people.
  package var lines: [String] {
    var lines = networks.flatMap(\.lines)
    if !networks.contains(where: { $0.name == "critic" }) {
      lines.append("critic: none; `train --from` begins with a fresh one")
    }
    return lines + [output]
  }
}

extension ImportReport.Network {
  fileprivate var lines: [String] {
    var lines = ["\(name): \(taken) of \(tensors) tensors from \(source)"]
    if !omitted.isEmpty {
      lines.append("  left out by the map: \(omitted.joined(separator: ", "))")
    }
    if !transposed.isEmpty {
      lines.append(
        "  transposed, as their shapes say: \(transposed.joined(separator: ", ")); square "
          + "weights do not say it, --layout does")
    }
    if !addedCounters.isEmpty {
      lines.append("  not in the file, set to 0: \(addedCounters.joined(separator: ", "))")
    }
    if !notTaken.isEmpty {
      lines.append("  not taken; what is missing keeps the values that it was drawn with:")
      lines += notTaken.table.map { "  \($0)" }
    }
    return lines
  }
}

import Base
import Networks
import Reports
import Storage
import Training

extension TrainingRun {
  /// What a replay found.
  package struct ReplayResult: Equatable, Sendable {
    /// Iterations that were computed again.
    package var iterations: Range<Int>
    /// Rows of metrics.csv that were compared.
    package var rows = 0
    /// Whether the rows have hashes of the parameters.
    package var hasHashes = false
    /// The first iteration, from 1, whose row differs, the column, and both texts.
    package var difference: (iteration: Int, column: String, found: String, expected: String)?
    /// The files of the checkpoint at the end that differ; nil where there is none.
    package var differingFiles: [String]?

    package var agrees: Bool { difference == nil && (differingFiles ?? []).isEmpty }

    package static func == (one: Self, other: Self) -> Bool {
      one.iterations == other.iterations && one.rows == other.rows
        && one.difference?.iteration == other.difference?.iteration
        && one.differingFiles == other.differingFiles
    }
  }

  /// Computes iterations of a run again and compares with what the run has written.
  ///
  /// On any rank count and machine: the rows of metrics.csv but for the seconds, and the checkpoint
  /// at the end. Writes nothing.
  ///
  /// - Parameters:
  ///   - first: Iterations done at the beginning: 0, or those of a checkpoint.
  ///   - last: Iterations done at the end.
  /// - Returns: What was found; the same on all ranks but for `differingFiles`, which rank 0 has.
  /// - Throws: On all ranks, where there is no such checkpoint or it cannot be read.
  package func replay(from first: Int, to last: Int) throws -> ReplayResult {
    guard 0 <= first, first < last, last <= schedule.iterations else {
      throw Fault(
        "replay: found --from \(first) --to \(last), expected 0 <= from < to <= "
          + "\(schedule.iterations), the run's iterations")
    }
    let store = CheckpointStore(directory: directory.checkpoints, keep: 1)
    if first == 0 {
      try restoreOrigin()
    } else {
      let snapshot = Snapshot(trainer)
      try communicator.agree {
        guard communicator.rank == 0 else { return }
        let folder = store.path(step: first)
        guard FileSystem.exists("\(folder)/DONE") else {
          let steps = try store.names().compactMap(CheckpointStore.step(ofName:)).map(String.init)
          throw Fault(
            "\(directory.path): has no checkpoint of step \(first); there are "
              + (steps.isEmpty ? "none, 0 is the beginning" : steps.joined(separator: ", ")))
        }
        try store.verify(folder)
        try snapshot.read(from: folder)
      }
      try snapshot.broadcast(over: communicator)
      snapshot.restore()
    }
    let rows = try communicator.agree {
      communicator.rank == 0 ? try LoggedRows(directory.metrics) : nil
    }
    var result = ReplayResult(iterations: first..<last)
    let columns = MetricsColumns(
      model.objective, hasHashes: configuration.checks.hashEvery != .never)
    for iteration in first..<last {
      let losses = try trainer.iterate(iteration, inputs)
      let hashes =
        configuration.checks.hashEvery.isDue(afterIteration: iteration + 1, schedule: schedule)
        ? ParameterHashes(model) : nil
      guard let rows, let expected = rows.fields[iteration + 1] else { continue }
      result.rows += 1
      let row = columns.row(
        iteration: iteration + 1,
        epoch: min(schedule.epochsDone(afterIteration: iteration) + 1, schedule.epochs), losses,
        hashes: hashes, seconds: 0)
      result.hasHashes = result.hasHashes || hashes != nil
      let found = row.dropLast().map(\.text)
      guard result.difference == nil, rows.names.dropLast() == columns.names.dropLast() else {
        continue
      }
      if let index = found.indices.first(where: { found[$0] != expected[$0] }) {
        result.difference = (iteration + 1, columns.names[index], found[index], expected[index])
      }
    }
    try trainer.completeState()
    let folder = store.path(step: last)
    result.differingFiles = try communicator.agree {
      guard communicator.rank == 0, FileSystem.exists("\(folder)/DONE") else { return nil }
      let snapshot = Snapshot(trainer)
      snapshot.take(iteration: last)
      return try snapshot.differences(from: folder)
    }
    return result
  }
}

/// The rows of a metrics.csv as texts, by iteration.
private struct LoggedRows {
  let names: [String]
  let fields: [Int: [String]]

  init(_ path: String) throws {
    let text = String(decoding: try FileSystem.readFile(path), as: UTF8.self)
    let lines = text.split(separator: "\n").map { line in
      line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    guard let names = lines.first else { throw Fault("\(path): empty, expected a header") }
    self.names = names
    fields = Dictionary(
      lines.dropFirst().filter { $0.count == names.count }.compactMap { line in
        Int(line[0]).map { ($0, line) }
      }, uniquingKeysWith: { $1 })
  }
}

import Collectives
import Datasets
import Recipe
import Storage

extension TrainingRun {
  /// Opens the data; arrays of a run that goes on with the statistics that it began with.
  ///
  /// - Parameters:
  ///   - configuration: Of the run.
  ///   - begin: How it begins.
  ///   - communicator: All ranks.
  /// - Returns: The samples.
  /// - Throws: On all ranks.
  static func openData(
    _ configuration: RunConfiguration, _ begin: RunStart, _ communicator: any Communicator
  ) throws -> any Dataset {
    var data = configuration.data
    if data.arrays != nil, begin.isResume, let folder = begin.folder {
      let path = RunDirectory(folder).data
      var text = ""
      try communicator.agree {
        guard communicator.rank == 0, FileSystem.exists(path) else { return }
        text = try ArrayRecord(path: path).json
      }
      text = try communicator.broadcast(text, from: 0)
      if !text.isEmpty { data.record = try ArrayRecord(json: text, path: path) }
    }
    return try data.open(communicator)
  }

  /// Writes what is kept of arrays; nothing for other data.
  func writeDataRecord() throws {
    guard let arrays = dataset as? ArrayDataset else { return }
    try FileSystem.writeAtomically(arrays.record.json, to: directory.data)
  }
}

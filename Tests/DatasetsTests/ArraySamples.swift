import Base
import Datasets
import Testing

/// Arrays of files, opened as a run does it.
func openArrays(
  _ paths: [String], limit: Int? = nil, _ change: (inout ArraySettings) -> Void = { _ in }
) throws -> ArrayDataset {
  var settings = ArraySettings(paths: paths)
  change(&settings)
  let set = try DatasetSource.array(settings).open(range: -1...1, limit: limit)
  return try #require(set as? ArrayDataset)
}

/// All samples, as networks see them.
func samples(_ set: some Dataset) -> [[Float]] {
  (0..<set.count).map { index in
    var sample = [Float](repeating: .nan, count: set.shape.elementCount)
    sample.withUnsafeMutableBufferPointer { set.copySample(at: index, into: $0) }
    return sample
  }
}

/// The numbers of all conditions, as networks see them.
func conditions(_ set: some Dataset) -> [[Float]] {
  (0..<set.count).map { index in
    Condition.withTemporary(set.condition) { found in
      set.copyCondition(at: index, into: found)
      return Array(found.numbers)
    }
  }
}

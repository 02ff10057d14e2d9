import Base

/// Samples that any thread may read in any order: sample i is the same on every rank.
package protocol Dataset: Sendable {
  /// What the user calls it, for logs: `glyphs`, `idx data/mnist (train)`.
  var name: String { get }
  /// Samples.
  var count: Int { get }
  var shape: Shape { get }
  /// What the samples are conditioned on.
  var condition: ConditionShape { get }

  /// CRC-32 in hexadecimal of what was read, pictures and labels; nil for samples that are drawn,
  /// which their parameters determine.
  ///
  /// Reads all of it.
  var checksum: String? { get }

  /// Overwrites a condition, of this data set's shape, with that of sample `index`; allocates
  /// nothing.
  func copyCondition(at index: Int, into condition: Condition)

  /// Makes numbers of a condition, as the data's files have them, those that `copyCondition` gives
  /// and networks take: in place, allocating nothing.
  func transformCondition(_ numbers: MutableFloatBuffer)

  /// Overwrites `output` (height x width x channels, channels last) with sample `index`, its values
  /// in the range that the data set was opened with. Allocates nothing.
  ///
  /// Only dequantized images and fresh samples depend on `draw`.
  func copySample(
    at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>)
}

extension Dataset {
  package var checksum: String? { nil }

  /// Networks take the files' own numbers.
  package func transformCondition(_ numbers: MutableFloatBuffer) {}

  /// Labels are in 0 ..< classCount; 0 says that there are none.
  package var classCount: Int { condition.classes }

  /// The class of sample `index`, of a data set that has classes.
  package func label(at index: Int) -> Int {
    precondition(classCount > 0, "\(name) has no classes")
    return Condition.withTemporary(condition) { found in
      copyCondition(at: index, into: found)
      return found.label
    }
  }

  /// Overwrites `output` with sample `index` as drawn for seed 0, batch 0 and place `index`: for
  /// previews and for data sets that do not draw.
  package func copySample(at index: Int, into output: UnsafeMutableBufferPointer<Float>) {
    copySample(at: index, draw: SampleDraw(seed: 0, batch: 0, position: index), into: output)
  }
}

/// The part of a published data set, under the names that configurations use.
package enum DatasetSplit: String, Sendable, CaseIterable {
  case train
  /// Only `mnist.pkl.gz` has one.
  case validation
  case test

  /// The split called `name`; throws an error that lists the names if there is none.
  package init(named name: String, of splits: [DatasetSplit] = [.train, .test]) throws {
    guard let split = splits.first(where: { $0.rawValue == name }) else {
      let names = splits.map(\.rawValue)
      throw Fault(
        "found \"\(name)\", expected \(names.dropLast().joined(separator: ", ")) or "
          + "\(names.last ?? "")", parameter: "split")
    }
    self = split
  }

  /// `test` for `train`, and `train` for the others.
  package var other: DatasetSplit { self == .train ? .test : .train }
}

import Base
import Datasets
import Scores

/// Samples and reals of data that are arrays, in the units of their files.
extension SampleGenerator {
  /// Samples of a layout, as `sample` writes them.
  ///
  /// - Parameters:
  ///   - layout: Their conditions.
  ///   - samples: As the generator draws them.
  ///   - units: Of the data.
  ///   - team: All ranks, which call this together and draw a part each.
  /// - Returns: The samples.
  /// - Throws: On all ranks, what drawing throws on one.
  func arraySamples(
    _ layout: Layout, _ samples: SampleSet, _ units: ArrayUnits, _ team: ScoreTeam
  ) throws -> ArraySet {
    guard condition.numbers > 0 || !units.dividesByCondition else {
      throw Fault(
        "data.transforms: samples were divided by a condition, of which this generator knows "
          + "nothing: their units cannot be had")
    }
    let values = try samples.values(team)
    let size = samples.shape.elementCount
    let conditions = condition.numbers > 0 ? layout.conditions : []
    return ArraySet(count: layout.count) { index in
      let condition =
        conditions.isEmpty
        ? [] : units.units(ofCondition: conditions[index % conditions.count].numbers)
      return ArrayRow(
        values: units.units(
          of: values[index * size..<(index + 1) * size], condition: condition),
        condition: condition)
    }
  }

  /// The reals beside them, as their file has them.
  func arrayReals(_ layout: Layout, _ dataset: ArrayDataset) -> ArraySet {
    let indices = RealChoice(layout, seed: seed).indices(of: dataset)
    return ArraySet(count: layout.count) { index in dataset.row(at: indices[index]) }
  }
}

extension ArrayDataset {
  /// A sample as its file has it.
  func row(at index: Int) -> ArrayRow {
    let (values, condition) = units(at: index)
    return ArrayRow(values: values, condition: condition)
  }
}

extension Dataset {
  /// The data set, which is one of arrays.
  var asArrays: ArrayDataset {
    get throws {
      guard let arrays = self as? ArrayDataset else {
        throw Fault("\(name): no arrays, which the score is made of")
      }
      return arrays
    }
  }
}

import Base
import Datasets
import Recipe
import RunSupport
import TestSupport
import Testing

/// Samples that training does not use.
@Suite struct HeldOutTests {
  @Test func drawnDataAreDrawnAnew() throws {
    let data = try configuration().data
    let (training, heldOut) = (try data.open(), try data.openHeldOut())
    #expect(heldOut.count == training.count && heldOut.shape == training.shape)
    let images = [training, heldOut].map { dataset in
      (0..<dataset.count).map { index in
        withOutput(dataset.shape.elementCount) { dataset.copySample(at: index, into: $0) }
      }
    }
    #expect(images[1].allSatisfy { !images[0].contains($0) })
  }

  @Test func pointsAreDrawnAnew() throws {
    let source = DatasetSource.toy(ToyDistribution(.gaussians8), count: 50, seed: 3)
    let heldOut = try #require(source.heldOut)
    let points = try [source, heldOut].map { try values($0.open(range: -1...1)) }
    #expect(points[1].count == 50 && points[1].allSatisfy { !points[0].contains($0) })
  }

  private func arrays(_ rest: String) throws -> RunConfiguration.DataSection {
    let path = repositoryFile("Tests/DatasetsTests/Fixtures/arrays/x.npy")
    return try configuration(["data={source: array, path: \(path), \(rest)}"]).data
  }

  private func values(_ dataset: any Dataset) -> [[Float]] {
    (0..<dataset.count).map { index in
      withOutput(dataset.shape.elementCount) { dataset.copySample(at: index, into: $0) }
    }
  }

  /// Other rows or another file, as the networks see them: by the statistics of training.
  @Test func arraysAreOtherRowsOrFiles() throws {
    let transforms = "transforms: [{standardize: {per: all}}]"
    let data = try arrays("rows: [0, 4], heldOut: {rows: [4, 6]}, \(transforms)")
    let heldOut = values(try data.openHeldOut())
    // 10 row + column + 0.25 of rows 0 to 3: 125 and 1.25 are the variances of rows and columns.
    let mean: Double = 16.75
    let deviation: Double = Double(126.25).squareRoot()
    for (row, found) in heldOut.enumerated() {
      for (column, value) in found.enumerated() {
        let number = Double(10 * (row + 4) + column) + 0.25
        let expected = (number - mean) / deviation
        #expect(abs(Double(value) - expected) < 1e-5, "\(row) \(column)")
      }
    }
    #expect(heldOut.count == 2)
    #expect(try values(data.openHeldOut(beside: data.open())) == heldOut)
    let file = repositoryFile("Tests/DatasetsTests/Fixtures/arrays/x-big.npy")
    for form in ["\(file)", "[\(file)]", "{path: \(file)}"] {
      #expect(try values(arrays("heldOut: \(form)").openHeldOut()).count == 6, "\(form)")
    }
    let part = try arrays("heldOut: {path: \(file), rows: [1, 3]}").openHeldOut()
    #expect(values(part) == [[10.25, 11.25, 12.25, 13.25], [20.25, 21.25, 22.25, 23.25]])
  }

  /// Held out files may be of another format, in which the name means nothing.
  @Test func namesAreOfTheFilesOfTraining() throws {
    let folder = repositoryFile("Tests/DatasetsTests/Fixtures/arrays")
    let data = try configuration([
      "data={source: array, path: \(folder)/x.npz, samples: x, heldOut: \(folder)/x.npy}"
    ]).data
    #expect(try values(data.openHeldOut(beside: data.open())) == values(data.open()))
  }

  @Test func whatIsNoPartOfArraysIsRefused() throws {
    for text in ["", "rows: [0, 4], "] {
      let form = text.isEmpty ? "{rows: [4, 6]}" : "{rows: [3, 6]}"
      let found = message { try arrays("\(text)heldOut: \(form)") }
      #expect(found?.contains("expected rows that data.rows does not have") == true)
    }
    let share = message { try arrays("heldOut: 0.1") }
    #expect(share?.contains("expected files, or {rows: [first, end]}") == true, "\(share ?? "")")
    #expect(message { try arrays("classes: 0").openHeldOut() }?.contains("no part") == true)
    let other = repositoryFile("Tests/DatasetsTests/Fixtures/arrays/energy.npy")
    let sizes = message { try arrays("heldOut: \(other)").openHeldOut() }
    #expect(sizes?.hasSuffix("samples of [1], those of training are [4]") == true, "\(sizes ?? "")")
  }

  /// A run that goes on finds its files elsewhere; which rows of them are no training data stays.
  @Test func filesMayMoveAndRowsMayNot() throws {
    try RunConfiguration.requireChangeable("data.heldOut.path=elsewhere.npy")
    let found = message { try RunConfiguration.requireChangeable("data.heldOut.rows.0=3") }
    #expect(found?.contains("a resumed run keeps its configuration") == true, "\(found ?? "")")
  }

  @Test func whatIsMissingIsSaid() throws {
    try withTemporaryFolder { folder in
      let data = try configuration(["data={source: idx, path: \(folder)}"]).data
      let found = message { try data.openHeldOut() }
      #expect(
        found?.hasPrefix("the data that are not trained on: \(folder): no t10k-images")
          == true, "\(found ?? "")")
    }
  }
}

import Base
import Datasets
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

import Base
import Datasets

/// Arrays of any shape: `data.source: array`.
extension Reader {
  /// A reader of one format, whose samples stand beside a number and a class where it has names.
  private static func arrays(
    _ place: Place, _ input: String, seeds: [[UInt8]], samples: [String]? = nil
  ) -> Reader {
    let path = "\(place.folder)/\(input)"
    var settings = ArraySettings(paths: [path])
    if let samples {
      settings.samples = samples
      settings.conditions = [ArrayCondition(name: "energy")]
      settings.labels = "label"
    }
    settings.transforms = [.clipBelow(at: -1e6, inverse: nil), .standardize(per: .feature)]
    let source = DatasetSource.array(settings)
    return Reader(path: path, seeds: seeds) {
      try naming(path) {
        let set = try source.open(range: -1...1, limit: 100)
        _ = set.checksum
        precondition((1...100).contains(set.count), "\(set.count)")
        var values = [Float](repeating: .nan, count: set.shape.elementCount)
        values.withUnsafeMutableBufferPointer { set.copySample(at: set.count - 1, into: $0) }
      }
    }
  }

  /// Puts the file's name before faults about a parameter, which the configuration does otherwise.
  private static func naming(_ path: String, _ body: () throws -> Void) throws {
    do { try body() } catch let fault as Fault {
      guard fault.parameter != nil else { throw fault }
      throw Fault("\(path): \(fault)")
    }
  }

  private static func arrayFixtures(_ place: Place, _ names: [String]) throws -> [[UInt8]] {
    try place.fixtures("DatasetsTests", names.map { "arrays/\($0)" })
  }

  static func arrayNumPy(_ place: Place) throws -> Reader {
    let names = ["x.npy", "x-big.npy", "x-fortran.npy"]
    return arrays(place, "input.npy", seeds: try arrayFixtures(place, names))
  }

  static func arrayNPZ(_ place: Place) throws -> Reader {
    let seeds = try arrayFixtures(place, ["x.npz", "x-deflated.npz"])
    return arrays(place, "input.npz", seeds: seeds, samples: ["x"])
  }

  /// Needs libhdf5.
  static func arrayHDF5(_ place: Place) throws -> Reader {
    let seeds = try arrayFixtures(place, ["contiguous.h5", "chunked.h5", "gzip.h5"])
    return arrays(place, "input.h5", seeds: seeds, samples: ["x"])
  }

  static func arrayCSV(_ place: Place) throws -> Reader {
    let semicolons = "label;energy;a\n0;2;0.5\n1;4;-1e-3\n"
    let seeds = try arrayFixtures(place, ["x.csv"]) + [Array(semicolons.utf8)]
    return arrays(place, "input.csv", seeds: seeds, samples: [])
  }

  static func arrayIDX(_ place: Place) throws -> Reader {
    let floats: [UInt8] = [0, 0, 13, 2, 0, 0, 0, 3, 0, 0, 0, 2] + (0..<24).map { $0 % 5 }
    return arrays(place, "input", seeds: idxSeeds + [floats])
  }

  /// What a run keeps of its arrays.
  static func arrayRecord(_ place: Place) throws -> Reader {
    let path = "\(place.folder)/data.json"
    let folder = "\(place.root)/Tests/DatasetsTests/Fixtures/arrays"
    var settings = ArraySettings(paths: ["\(folder)/x.csv"])
    settings.conditions = [ArrayCondition(name: "energy")]
    settings.labels = "label"
    settings.transforms = [.divide(condition: "energy"), .standardize(per: .feature)]
    guard let set = try DatasetSource.array(settings).open(range: -1...1) as? ArrayDataset else {
      throw Fault("x.csv: no arrays")
    }
    return Reader(path: path, seeds: [Array(try set.record.json.utf8)]) { [settings] in
      do {
        let units = try ArrayRecord(path: path).units(settings)
        let sample = [Float](repeating: 1, count: units.shape.elementCount)
        _ = units.units(of: sample, condition: units.units(ofCondition: [1]))
      } catch let fault as Fault {
        // Who asks for the units knows the file.
        throw fault.description.contains(path) ? fault : Fault("\(path): \(fault)")
      }
    }
  }
}

import Base
import Storage

/// A data set as its makers publish it: the files, how to know them, and where they are.
///
/// Sizes and MD5 sums of MNIST, Fashion-MNIST and CIFAR-10 are the published ones; that of
/// `mnist.pkl.gz` is the one that tutorials have checked since deeplearning.net was its home.
package struct PublishedDataset: Sendable {
  package struct File: Sendable, Equatable {
    package var name: String
    /// Bytes.
    package var size: Int
    /// 32 hexadecimal digits.
    package var md5: String

    package init(name: String, size: Int, md5: String) {
      self.name = name
      self.size = size
      self.md5 = md5
    }
  }

  /// What the command line calls it.
  package var name: String
  package var summary: String
  /// Where the configurations in `configs/` look for it.
  package var folder: String
  package var files: [File]
  /// Folders of the web that have the files, each with a slash at its end; tried in this order.
  package var mirrors: [String]

  /// What is known.
  package static let all = [
    PublishedDataset(
      name: "mnist", summary: "70,000 handwritten digits, grey, 28 x 28 (LeCun et al. 1998)",
      folder: "data/mnist",
      files: [
        File(
          name: "train-images-idx3-ubyte.gz", size: 9_912_422,
          md5: "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        File(
          name: "train-labels-idx1-ubyte.gz", size: 28_881,
          md5: "d53e105ee54ea40749a09fcbcd1e9432"),
        File(
          name: "t10k-images-idx3-ubyte.gz", size: 1_648_877,
          md5: "9fb629c4189551a2d022fa330f9573f3"),
        File(
          name: "t10k-labels-idx1-ubyte.gz", size: 4_542, md5: "ec29112dd5afa0611ce80d1b7f02629c"),
      ],
      mirrors: [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
      ]),
    PublishedDataset(
      name: "fashion-mnist",
      summary: "70,000 pieces of clothing, grey, 28 x 28 (Xiao et al. 2017)",
      folder: "data/fashion-mnist",
      files: [
        File(
          name: "train-images-idx3-ubyte.gz", size: 26_421_880,
          md5: "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        File(
          name: "train-labels-idx1-ubyte.gz", size: 29_515,
          md5: "25c81989df183df01b3e8a0aad5dffbe"),
        File(
          name: "t10k-images-idx3-ubyte.gz", size: 4_422_102,
          md5: "bef4ecab320f06d8554ea6380940ec79"),
        File(
          name: "t10k-labels-idx1-ubyte.gz", size: 5_148, md5: "bb300cfdad3c16e7a12a480ee83cd310"),
      ],
      mirrors: [
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
      ]),
    PublishedDataset(
      name: "cifar10", summary: "60,000 photographs, colour, 32 x 32 (Krizhevsky 2009)",
      folder: "data/cifar-10",
      files: [
        File(
          name: "cifar-10-binary.tar.gz", size: 170_052_171,
          md5: "c32a1d4ab5d03f1284b67883e8d87530")
      ],
      mirrors: ["https://www.cs.toronto.edu/~kriz/"]),
    PublishedDataset(
      name: "cifar10-python", summary: "the same as pickles",
      folder: "data/cifar-10",
      files: [
        File(
          name: "cifar-10-python.tar.gz", size: 170_498_071,
          md5: "c58f30108f718f92721af3b95e74349a")
      ],
      mirrors: ["https://www.cs.toronto.edu/~kriz/"]),
    PublishedDataset(
      name: "mnist-pickle",
      summary: "MNIST as 50,000 + 10,000 + 10,000 floats in [0, 1) (deeplearning.net)",
      folder: "data",
      files: [
        File(name: "mnist.pkl.gz", size: 16_168_813, md5: "a02cd19f81d51c426d7ca14024243ce9")
      ],
      mirrors: ["http://www.iro.umontreal.ca/~lisa/deep/data/mnist/"]),
  ]

  /// The set called `name`.
  ///
  /// - Throws: `Fault` with the names there are.
  package static func named(_ name: String) throws -> PublishedDataset {
    if let set = all.first(where: { $0.name == name }) { return set }
    throw Fault(
      "no published set '\(name)'; expected \(all.map(\.name).joined(separator: ", "))")
  }

  /// How to fetch what is not there, as a message's advice: the set whose folder a path names, else
  /// those of the format.
  ///
  /// - Parameters:
  ///   - folder: Where the files were looked for.
  ///   - format: The sets that a reader takes.
  /// - Returns: `'wgangp-dist data download NAME' fetches it`.
  static func advice(_ folder: String, of format: [String]) -> String {
    let end = FileSystem.name(of: folder)
    let set = all.first { format.contains($0.name) && FileSystem.name(of: $0.folder) == end }
    let name = set?.name ?? format.joined(separator: "|")
    let place = folder == set?.folder ? "" : " --to \(shellQuoted(folder))"
    return "'wgangp-dist data download \(name)\(place)' fetches it"
  }

  /// Bytes of all files.
  package var size: Int { files.reduce(0) { $0 + $1.size } }

  /// What a configuration says to read the set from `folder`.
  package func source(in folder: String, split: DatasetSplit = .train) -> DatasetSource {
    switch name {
    case "cifar10", "cifar10-python":
      return .cifar10(path: "\(folder)/\(files[0].name)", split: split)
    case "mnist-pickle": return .mnistPickle(path: "\(folder)/\(files[0].name)", split: split)
    default: return .idx(path: folder, split: split)
    }
  }
}

extension PublishedDataset.File {
  /// Nil if the file at `path` is this one, else what is wrong with it.
  ///
  /// - Throws: `Fault` if it cannot be read.
  package func difference(of path: String) throws -> String? {
    let found = try MD5.digest(ofFile: path)
    guard found.size == size else { return "\(found.size) bytes, expected \(size)" }
    guard found.md5 == md5 else { return "MD5 \(found.md5), expected \(md5)" }
    return nil
  }
}

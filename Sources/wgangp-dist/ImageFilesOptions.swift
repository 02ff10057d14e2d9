import ArgumentParser
import Base
import Datasets
import Sampling
import Scores

/// What `evaluate` is told of images or arrays of any program.
struct ImageFilesOptions: ParsableArguments {
  /// Its presence chooses the way: no run is read then.
  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      Compare --samples, a folder of pictures or a .npy or .npz file, with these: no run is needed.
      """, valueName: "folder|file"), completion: .file())
  var reals: String?

  /// Makes arrays of the files, with `data` and `evaluation` of this configuration.
  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      The files are arrays of the layout that this configuration's data have, and are compared by \
      its evaluation.quantities.
      """, valueName: "file.yaml"), completion: .file())
  var config: String?

  /// Not looked at in files that have no names.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "The arrays' name in .npz files (default: the only one, or arr_0).", valueName: "name"))
  var array: String?

  /// nil for what the sizes say; an error where both could be.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Where arrays have their channels (default: where the size is 1 or 3).",
      valueName: "nhwc|nchw"))
  var layout: ArrayLayout?

  // A number may begin with a minus.
  /// `low,high` with low < high: `stored` reads it.
  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      """
      The numbers in arrays, where they are no bytes, that stand for black and white (default: the \
      narrowest of 0,1 and -1,1 and 0,255 that holds all).
      """, valueName: "low,high"))
  var range: String?

  /// Refuses what belongs to images where there are none, and a range that is none.
  ///
  /// - Throws: `ValidationError`, which ends with status 64.
  func validate() throws {
    guard reals != nil || (array == nil && layout == nil && range == nil) else {
      throw ValidationError("--array, --layout and --range are about the files of --reals")
    }
    guard config == nil || (array == nil && layout == nil && range == nil) else {
      throw ValidationError("--array, --layout and --range are about images; found --config too")
    }
    guard reals?.isEmpty != true else {
      throw ValidationError("--reals: expected a path, found an empty word")
    }
    _ = try stored()
  }

  /// The numbers that stand for black and white in arrays of floats; nil to find them.
  ///
  /// - Returns: `--range` as two numbers.
  /// - Throws: `ValidationError` for anything but two finite numbers in their order.
  private func stored() throws -> ClosedRange<Float>? {
    guard let range else { return nil }
    let ends = range.split(separator: ",", omittingEmptySubsequences: false).map { Float($0) }
    guard ends.count == 2, let low = ends[0], let high = ends[1], low < high,
      (high - low).isFinite
    else { throw ValidationError("--range takes two numbers, such as 0,1; found '\(range)'") }
    return low...high
  }

  /// Reads the sets.
  ///
  /// - Parameters:
  ///   - reals: The folder or file of reals.
  ///   - samples: That of samples.
  ///   - scores: Which; nil for all that apply.
  ///   - features: The feature network that they compare by, where they need one.
  /// - Returns: The sets, to be measured.
  /// - Throws: As `ImageComparison`.
  func comparison(
    reals: String, samples: String, scores: [String]?, features: String?
  ) throws -> ImageComparison {
    var options = ImageFiles.Options()
    options.array = array
    options.layout = layout
    options.stored = try stored()
    return try ImageComparison(
      reals: reals, samples: samples, options, scores: scores, features: features)
  }
}

extension ArrayLayout: ExpressibleByArgument {}

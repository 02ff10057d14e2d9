extension DatasetSource {
  /// Samples of the same distribution that are in no epoch of this one; nil where there are none.
  ///
  /// Of published data the other split, `test` for `train`; of drawn ones those of another seed; of
  /// arrays what `data.heldOut` names.
  package var heldOut: DatasetSource? {
    switch self {
    case .idx(let path, let split): .idx(path: path, split: split.other)
    // One batch is all that there is.
    case .cifar10(let path, _) where isNamedAsCIFAR10Batch(path): nil
    case .cifar10(let path, let split): .cifar10(path: path, split: split.other)
    case .mnistPickle(let path, let split): .mnistPickle(path: path, split: split.other)
    // Any constant but 0 will do: seeds that people choose are small.
    case .glyphs(let count, let seed): .glyphs(count: count, seed: seed ^ 0x4845_4C44)
    case .toy(let distribution, let count, let seed):
      .toy(distribution, count: count, seed: (seed ?? 0) ^ 0x4845_4C44)
    case .array(let settings): settings.ofHeldOut.map(DatasetSource.array)
    case .imageFolder: nil
    }
  }
}

import Base
import Networks
import Storage
import Training

/// Inputs of recorded steps: keys `iter.I.critic.K.real|noise|alpha|labels|numbers|perturbation`
/// and `iter.I.generator.noise|labels|numbers`.
struct RecordedInputs: StepInputs {
  private let file: SafetensorsFile
  private let model: Model

  init(_ file: SafetensorsFile, model: Model) {
    self.file = file
    self.model = model
  }

  func criticBatch(_ step: Int, ofIteration iteration: Int) throws -> RecordedBatch {
    guard model.augmentation == nil else {
      throw Fault("\(file.path): a recording has no augmentation: set critic.augment=[]")
    }
    let shape = model.packing.sample
    let prefix = "iter.\(iteration).critic.\(step)."
    let key = prefix + "real"
    let found = try file.entry(key).shape
    guard let count = found.first, found.dropFirst().reduce(1, *) == shape.elementCount else {
      throw Fault(
        "\(file.path): \(key): samples of \(found.dropFirst()), expected \(shape)")
    }
    try check(batch: count, key, most: model.batch)
    try checkPacks(count, key)
    var batch = try batch(count, prefix)
    batch.reals = try file.floats(key)
    switch model.objective.penalty?.points {
    case .interpolates:
      let packs = count / model.packing.members
      batch.weights = try values(
        prefix + "alpha", packs, of: packs == count ? "one a sample" : "one a pack")
    case .noise:
      batch.perturbations = try values(
        prefix + "perturbation", count * shape.elementCount, of: "one for each value of a real")
    case .reals, .fakes, nil: break
    }
    return batch
  }

  func generatorBatch(ofIteration iteration: Int) throws -> RecordedBatch {
    let prefix = "iter.\(iteration).generator."
    let count = try file.entry(prefix + "noise").shape.first ?? 0
    try check(batch: count, prefix + "noise", most: model.generatorBatch)
    try checkPacks(count, prefix + "noise")
    return try batch(count, prefix)
  }

  /// What both kinds of step have.
  private func batch(_ count: Int, _ prefix: String) throws -> RecordedBatch {
    RecordedBatch(
      count: count, shape: model.packing.sample,
      noise: try values(prefix + "noise", count * model.latent, of: "batch x latent"),
      labels: try labels(prefix + "labels", count), numbers: try numbers(prefix, count))
  }

  private func labels(_ key: String, _ count: Int) throws -> [Int] {
    let classes = model.condition.classes
    guard classes > 0 else { return [] }
    let labels = try file.integers(key)
    try check(key, count: labels.count, expected: count, of: "one a sample")
    guard labels.allSatisfy({ (0..<classes).contains($0) }) else {
      throw Fault("\(file.path): \(key): expected classes below \(classes)")
    }
    return labels
  }

  private func numbers(_ prefix: String, _ count: Int) throws -> [Float] {
    let numbers = model.condition.numbers
    guard numbers > 0 else { return [] }
    return try values(prefix + "numbers", count * numbers, of: "\(numbers) a sample")
  }

  private func values(_ key: String, _ count: Int, of what: String) throws -> [Float] {
    let values = try file.floats(key)
    try check(key, count: values.count, expected: count, of: what)
    return values
  }

  /// Refuses a recorded tensor of another size than the configuration's networks take.
  private func check(_ key: String, count: Int, expected: Int, of what: String) throws {
    guard count == expected else {
      throw Fault(
        "\(file.path): \(key) has \(count) values, expected \(expected) (\(what))")
    }
  }

  private func checkPacks(_ count: Int, _ key: String) throws {
    let members = model.packing.members
    guard model.context.plan.cuts(batch: count, intoMultiplesOf: members) else {
      throw Fault(
        "\(file.path): \(key) has \(count) samples, whose shards are no packs of \(members)")
    }
  }

  private func check(batch: Int, _ key: String, most: Int) throws {
    guard (1...most).contains(batch) else {
      throw Fault(
        "\(file.path): \(key) has \(batch) samples, but the networks are planned for \(most): "
          + "training.batch, for a generator step times training.generatorBatchFactor")
    }
  }
}

import Collectives
import Configuration
import Foundation
import Recipe
import RunSupport
import Storage
import TestSupport
import Testing
import Training
import Verification

@Suite struct VerificationTests {
  private func findings(
    _ path: String, communicator: any Communicator = SoloCommunicator(), _ overrides: [String] = []
  ) throws -> [RecordingReplay.Finding] {
    let file = try SafetensorsFile(path: path)
    var document = try ConfigurationDocument(
      path: repositoryFile("configs/fashion-mnist-wgan-gp.yaml"))
    for (keyPath, value) in RecordingReplay.settings(of: file) {
      try document.override("\(keyPath)=\(value)")
    }
    try document.apply(overrides)
    let configuration = try RunConfiguration(document)
    let model = try configuration.makeModel(communicator: communicator)
    var verification = RecordingReplay(file, trainer: Trainer(model))
    try verification.run(criticSteps: configuration.training.criticSteps)
    return verification.findings
  }

  @Test(arguments: [1, 2, 4])
  func recordedRunPasses(ranks: Int) throws {
    let path = try recording()
    let found = try ThreadedCommunicator.run(ranks: ranks) {
      try self.findings(path, communicator: $0)
    }
    for rank in found {
      #expect(rank.count > 60)
      for finding in rank { #expect(finding.passes, "\(finding)") }
      #expect(rank == found[0])
    }
    let keys = Set(found[0].map(\.key))
    for key in [
      "iter.0.critic.1.penalty", "iter.0.critic.0.grad.3.weight", "iter.0.generator.grad.0.weight",
      "final.critic.6.running_var", "final.generator.1.num_batches_tracked",
    ] { #expect(keys.contains(key), "\(key)") }
  }

  /// Every kind of expected value, altered by a few percent, and every kind of input is noticed.
  @Test(arguments: [
    "iter.0.critic.0.loss", "iter.0.critic.1.wasserstein", "iter.0.critic.0.penalty",
    "iter.0.critic.0.grad.2.weight", "iter.0.critic.1.grad.6.weight", "iter.0.generator.loss",
    "iter.0.generator.grad.9.weight", "final.critic.0.weight", "final.critic.3.running_mean",
    "final.generator.4.running_var", "final.generator.1.num_batches_tracked",
    "init.critic.3.weight",
    "init.generator.0.weight", "iter.0.critic.0.real", "iter.0.critic.1.noise",
    "iter.0.critic.0.alpha",
    "iter.0.generator.noise",
  ])
  func alteredRecordingsFail(key: String) throws {
    try withTemporaryFolder { folder in
      let original = try SafetensorsFile(path: recording())
      let path = "\(folder)/altered.safetensors"
      let entries = try original.names.map { name in
        let entry = try original.entry(name)
        return SafetensorsEntry(
          name: name, type: entry.dtype == "I64" ? .int64 : .float32, shape: entry.shape)
      }
      _ = try SafetensorsWriter(entries: entries, metadata: original.metadata).write(to: path) {
        index, bytes in
        let name = entries[index].name
        if entries[index].type == .int64 {
          let values = try original.integers(name).map { Int64($0 + (name == key ? 1 : 0)) }
          values.withUnsafeBytes { bytes.copyMemory(from: $0) }
          return
        }
        var values = try original.floats(name)
        if name == key {
          // The largest value of the tensor.
          let at = values.indices.max { abs(values[$0]) < abs(values[$1]) } ?? 0
          values[at] *= 1.05
        }
        values.withUnsafeBytes { bytes.copyMemory(from: $0) }
      }
      let found = try findings(path)
      let failed = found.filter { !$0.passes }.map(\.key)
      #expect(!failed.isEmpty, "\(key)")
      if !key.hasPrefix("init.") && !key.hasSuffix("noise") && !key.hasSuffix("real")
        && !key.hasSuffix("alpha")
      {
        #expect(failed.contains(key), "\(failed)")
      }
    }
  }

  @Test func anUnchangedCopyPasses() throws {
    // The copying of the test above is not what it notices.
    #expect(try findings(recording()).allSatisfy(\.passes))
  }

  @Test func recordingsThatDoNotFit() throws {
    let path = try recording()
    let width = message { _ = try findings(path, ["width=3"]) }
    #expect(width?.contains("set the recording's width") == true, "\(width ?? "")")
    let steps = message { _ = try findings(path, ["training.criticSteps=1"]) }
    #expect(steps?.contains("expected tensors were not computed") == true, "\(steps ?? "")")
    let more = message { _ = try findings(path, ["training.criticSteps=3"]) }
    #expect(more?.contains("iter.0.critic.2") == true, "\(more ?? "")")
  }

  /// Allowances do not fall below rounding: 1e-4 with norm in the critic; counters are exact.
  @Test func allowancesHaveAFloor() throws {
    let found = try findings(recording())
    for finding in found {
      #expect(finding.error.isFinite)
      #expect(finding.tolerance >= (finding.key.hasSuffix("tracked") ? 0 : 1e-4))
    }
  }
}

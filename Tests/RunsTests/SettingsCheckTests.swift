import Collectives
import Foundation
import RunSupport
import Runs
import TestSupport
import Testing

@Suite struct SettingsCheckTests {
  /// The warnings of the tiny configuration, which ends in tanh on data in [-1, 1].
  private func warnings(_ overrides: [String], _ text: String = tinyConfiguration) throws
    -> [String]
  {
    let configuration = try configuration(overrides, text: text)
    return SettingsCheck.warnings(
      configuration, try configuration.makeModel(communicator: SoloCommunicator()))
  }

  @Test func criticsWithoutABound() throws {
    #expect(try warnings([]).isEmpty)
    let found = try warnings(["objective.gradientPenalty=null"])
    #expect(found.count == 1 && found[0].hasPrefix("objective: wasserstein without"), "\(found)")
    for override in [
      "objective.weightClip={limit: 0.01, parameters: all}",
      "critic.layers.0.conv2d.spectralNorm=true",
      "objective.loss=hinge",
    ] {
      #expect(try warnings(["objective.gradientPenalty=null", override]).isEmpty, "\(override)")
    }
  }

  @Test func rangesOfGeneratorAndData() throws {
    let sigmoid = tinyConfiguration.replacingOccurrences(of: "- tanh", with: "- sigmoid")
    #expect(try warnings(["data.range=[0, 1]"], sigmoid).isEmpty)
    for (overrides, text, words) in [
      ([], sigmoid, "its last sigmoid gives 0 to 1, but data.range is [-1.0, 1.0], of which"),
      (["data.range=[0, 1]"], tinyConfiguration, "data.range is [0.0, 1.0]: half of what it gives"),
      (["data.range=[0, 255]"], tinyConfiguration, "data.range is [0.0, 255.0], of which the rest"),
    ] as [([String], String, String)] {
      let found = try warnings(overrides, text)
      #expect(found.count == 1 && found[0].contains(words), "\(found)")
    }
    #expect(try warnings(["data.range=[-0.5, 0.5]"]).isEmpty)
  }
}

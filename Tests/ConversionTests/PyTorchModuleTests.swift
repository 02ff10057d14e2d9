import Base
import Collectives
import Configuration
import Conversion
import Foundation
import Networks
import Recipe
import RunSupport
import Sampling
import Storage
import TestSupport
import Testing
import Training

/// The Python file that `export` writes.
@Suite(.serialized) struct PyTorchModuleTests {
  private static func module(_ name: String, _ model: Model) throws -> PyTorchModule {
    try PyTorchModule(
      name: name, networks: [("Generator", model.generator), ("Critic", model.critic)])
  }

  /// Asymmetric padding, a crop, a reshape.
  @Test func textIsTheRecordedOne() throws {
    let (configuration, model) = try exampleModel("mnist-wgan-gp-paddlescience.yaml", ["width=4"])
    let text = try Self.module(configuration.name, model).text
    let recorded = try String(contentsOfFile: fixture("module.py"), encoding: .utf8)
    #expect(text == recorded, "\(text)")
  }

  @Test func aPrefixThatIsNoNameIsRefused() throws {
    var document = try document(text: tinyConfiguration)
    try document.override("generator.prefix=a.b")
    let model = try RunConfiguration(document).makeModel(communicator: SoloCommunicator())
    #expect(
      message { try Self.module("x", model) }
        == "export: generator.prefix: found 'a.b', expected one Python name or none")
  }

  @Test func everyLayerKindIsWrittenOrRefused() throws {
    var document = try document(text: tinyConfiguration)
    try document.override("critic.layers.0.conv2d.spectralNorm=true")
    let model = try RunConfiguration(document).makeModel(communicator: SoloCommunicator())
    #expect(try Self.module("x", model).text.contains("nn.utils.spectral_norm(nn.Conv2d(1, 2, 4"))
  }

  /// Modules of the data's own dimensions, with numbers for each direction.
  @Test(arguments: [
    (
      0,
      [
        "Reshape(8, 4)", "nn.ConvTranspose1d(8, 4, 4, stride=2, padding=1, bias=False)",
        "nn.BatchNorm1d(4", "nn.Upsample(scale_factor=2)", "nn.AvgPool1d(3, stride=1, padding=1)",
        "nn.InstanceNorm1d(8, eps=1e-05, affine=True)", "nn.MaxPool1d(3, stride=2)",
        "gives (N, 2, 16)",
      ]
    ),
    (
      1,
      [
        "input_shape = (6, 1, 1, 1)", "nn.ConvTranspose3d(6, 4, (3, 2, 4), bias=False)",
        "(4, 3, 4), stride=2, padding=1, output_padding=(0, 1, 0), bias=False)",
        "nn.LayerNorm([2, 6, 4, 8]", "nn.Conv3d(1, 4, 3, stride=(1, 1, 2), padding=1)",
        "nn.MaxPool3d((1, 2, 2))", "nn.BatchNorm3d(4", "gives (N, 1, 6, 4, 8)",
      ]
    ),
    (2, ["SelfAttention(nn.Conv2d, 16, pool=nn.MaxPool2d(2))", "class SelfAttention(nn.Module):"]),
  ])
  func modulesOfOtherDimensions(index: Int, lines: [String]) throws {
    let (configuration, model) = try exampleModel(otherFiles[index], [])
    let text = try Self.module(configuration.name, model).text
    for line in lines { #expect(text.contains(line), "\(line): \(text)") }
  }

  // MARK: - In PyTorch

  /// A Python with torch and safetensors; nil where it is not there.
  private static let python = findPython(importing: "torch, numpy, safetensors.torch")

  /// What a module is to give: samples of noise, and the critic's scores of them.
  private static func write(_ file: String, to folder: String) throws {
    // Sixteen samples are whole passes: batch norm by a batch's statistics sees four at a time.
    let (configuration, model) = try exampleModel(
      file, ["training.batch=8", "training.shards=4", "width=4"])
    stir(model.generator, seed: 1)
    stir(model.critic, seed: 2)
    try FileSystem.createDirectory(folder)
    for network in [model.generator, model.critic] {
      try network.arena.mutate {
        let state = StateDictionary(of: network, parameters: $0)
        try state.writeAtomically(to: "\(folder)/\(network.name).safetensors")
        try StateDictPickle(state.tensors).write(
          to: "\(folder)/\(network.name).pt", fill: state.copy)
      }
    }
    try FileSystem.writeAtomically(
      module(configuration.name, model).text, to: "\(folder)/model.py")
    let generator = SampleGenerator(
      model, configuration, dataset: { try configuration.data.open() })
    let layout = try generator.plainLayout(count: 16)
    _ = try SampleArrays(generator, layout).write(to: "\(folder)/arrays.npz", .npz)
    let scores = try generator.scores(
      of: generator.images(layout),
      conditions: configuration.data.numbers > 0 ? layout.conditions : [])
    try SafetensorsWriter(entries: [.init(name: "scores", shape: [scores.count])])
      .write(to: "\(folder)/scores.safetensors") { _, bytes in
        scores.withUnsafeBytes { bytes.copyMemory(from: $0) }
      }
    try FileSystem.writeAtomically(
      "\(model.generator.memory.shardCapacity)\n", to: "\(folder)/group")
  }

  @Test func modulesGiveTheSamplesInPyTorch() throws {
    guard let python = Self.python else {
      print("skipped: no Python with torch, numpy and safetensors to run the modules in")
      return
    }
    try withTemporaryFolder { folder in
      for file in exampleFiles { try Self.write(file, to: "\(folder)/\(exampleName(file))") }
      let (status, text) = try runPython(python, fixture("compare.py"), folder)
      #expect(status == 0, "\(text)")
      let missing = exampleFiles.filter { !text.contains("\(exampleName($0)): ") }
      #expect(missing.isEmpty, "\(text)")
    }
  }
}

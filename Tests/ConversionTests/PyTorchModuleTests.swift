import Base
import Collectives
import Configuration
import Conversion
import Features
import Foundation
import Networks
import Recipe
import RunSupport
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

  @Test func everyLayerIsWritten() throws {
    for file in catalogFiles + exampleFiles {
      let (_, networks) = try exampleNetworks(file)
      for network in networks {
        #expect(throws: Never.self, "\(file)") {
          try PyTorchModule(name: file, networks: [("Network", network)])
        }
      }
    }
  }

  /// What the catalogs have is written as one would write it by hand.
  @Test(arguments: [
    (
      "branches",
      [
        "Takes (N, 6) and a pair of labels (N,), conditions (N, 2), gives (N, 1, 4, 4).",
        "Takes (N, 2, 4, 4) and a pair of labels (N, 2), conditions (N, 4), gives (N, 1).",
        "images = generator(torch.randn(16, *Generator.input_shape), "
          + "(torch.arange(16) % 3, torch.rand(16, 2)))",
        "ConditionConcat([1], OrderedDict([",
        "(\"1.flatten\", nn.Flatten()),", "(\"a.pad_b\", nn.ZeroPad2d((1, 2, 1, 2))),",
        "(\"a.b\", BasicConv2d(4, 3, 4, eps=0.001)),",
        "(\"stem\", BasicConv2d(4, 2, 1, eps=0.001)),",
        "(\"\", Concat(", "(\"2.1\", nn.BatchNorm2d(2", "Concat([",
        "nn.ConstantPad2d((0, 1, 0, 1), -torch.inf)", "InnerMean(nn.ZeroPad2d((0, 1, 0, 1)), ",
      ]
    ),
    (
      "layers",
      [
        "nn.utils.spectral_norm(nn.Conv2d(",
        "SelfAttention(nn.Conv2d, 8, pool=nn.MaxPool2d(2), norm=",
        "ShuffledUpsample(2)", "Spans([\"tanh\", \"softmax\", \"sigmoid\"], [1, 2, 1])",
      ]
    ),
  ])
  func modulesOfTheCatalogs(name: String, lines: [String]) throws {
    let (_, networks) = try exampleNetworks("Tests/ConversionTests/Fixtures/\(name).yaml")
    let text = try PyTorchModule(
      name: name, networks: [("Generator", networks[0]), ("Critic", networks[1])]
    ).text
    for line in lines { #expect(text.contains(line), "\(line): \(text)") }
  }

  @Test(arguments: [
    (
      "{concat: {branches: [[{conv2d: {name: '', channels: 2, kernel: 1}}]]}}",
      "export: critic.layers: layer 0 is conv2d with the name '', for which no PyTorch module is "
        + "written"
    ),
    (
      "{conditionConcat: {layers: [{linear: {name: a.b, outputs: 2}}]}}",
      "export: critic.layers: layer 0: conditionConcat of layers whose names have points, for "
        + "which no PyTorch module is written"
    ),
  ])
  func whatCannotBeWrittenIsRefused(layer: String, expected: String) throws {
    let file = "Tests/ConversionTests/Fixtures/branches.yaml"
    let (_, model) = try exampleModel(
      file, ["critic.layers=[\(layer), flatten, {linear: {outputs: 1}}]"])
    #expect(message { try Self.module("x", model) } == expected)
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
  private static let python = findPython(importing: "torch, safetensors.torch")

  private static func write(
    _ name: String, _ networks: [(className: String, network: Network)], to folder: String
  ) throws {
    try FileSystem.createDirectory(folder)
    for (_, network) in networks {
      try network.arena.mutate {
        let state = StateDictionary(of: network, parameters: $0)
        try state.writeAtomically(to: "\(folder)/\(network.name).safetensors")
        try StateDictPickle(state.tensors).write(
          to: "\(folder)/\(network.name).pt", fill: state.copy)
      }
    }
    try FileSystem.writeAtomically(
      PyTorchModule(name: name, networks: networks).text, to: "\(folder)/model.py")
  }

  /// A run's modules, with what they are to give.
  private static func writeRun(_ file: String, to folder: String) throws {
    let (generator, networks) = try exampleNetworks(file)
    try write(
      exampleName(file), [("Generator", networks[0]), ("Critic", networks[1])], to: folder)
    for network in networks {
      try writeProbe(
        NetworkProbe(network, generator), network, input: "input",
        to: "\(folder)/\(network.name)-probe.safetensors")
    }
  }

  /// A feature network's module, with what it is to give of small images.
  private static func writeFeatures(_ file: String, to folder: String) throws {
    let description = try FeatureDescription(
      path: repositoryFile("configs/features/\(file)"), overrides: ["input.size=107"])
    let count = 2
    let network = try FeatureNetwork(withoutWeights: description, batch: count).network
    network.initialize(seed: 1, networkNumber: 0)
    // PyTorch's variance of weights is a sixth of He's, which keeps values at their size.
    for (_, parameter) in network.namedParameters where parameter.isWeight {
      parameter.mutate { for index in $0.indices { $0[index] *= Float(6).squareRoot() } }
    }
    stir(network, seed: 1)
    try write(exampleName(file), [("Features", network)], to: folder)
    let plan = network.context.plan
    let pass = Pass(
      .local(count: count, capacity: plan.capacity(batch: count)), groups: 0..<1,
      mode: .evaluation, plan: plan)
    let shape = network.inputShape
    let stream = RandomStream(seed: 1, purpose: .sampleNoise, step: 0)
    var inputs: [Float] = []
    for index in 0..<count {
      let input = network.input.sample(index, group: 0, pass, shard: 0)
      stream.normals(sample: index, into: input)
      inputs += shape.channelsFirst(Array(input)[...])
    }
    try network.forward(pass)
    let outputs = Array(network.output.read(pass, shard: 0))
    try writeTensors(
      [
        ("input", [count] + shape.arraySizes, inputs),
        ("expected", [count, outputs.count / count], outputs),
      ], to: "\(folder)/\(network.name)-probe.safetensors")
  }

  @Test func modulesGiveTheNetworksOutputsInPyTorch() throws {
    guard let python = Self.python else {
      print("skipped: no Python with torch and safetensors to run the modules in")
      return
    }
    let features = try FileManager.default.contentsOfDirectory(
      atPath: repositoryFile("configs/features")
    ).filter { $0.hasSuffix(".yaml") }
    #expect(features.count > 1)
    try withTemporaryFolder { folder in
      for file in catalogFiles + exampleFiles {
        try Self.writeRun(file, to: "\(folder)/\(exampleName(file))")
      }
      for file in features {
        try Self.writeFeatures(file, to: "\(folder)/\(exampleName(file))")
      }
      let (status, text) = try runPython(python, fixture("compare.py"), folder)
      #expect(status == 0, "\(text)")
      let runs = (catalogFiles + exampleFiles).flatMap { file in
        ["generator", "critic"].map { "\(exampleName(file))-\($0): " }
      }
      let expected = runs + features.map { "\(exampleName($0))-\(exampleName($0)): " }
      let missing = expected.filter { !text.contains($0) }
      #expect(missing.isEmpty, "\(missing): \(text)")
    }
  }
}

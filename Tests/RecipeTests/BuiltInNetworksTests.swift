import Foundation
import Recipe
import Storage
import TestSupport
import Testing

/// The feature networks that are built in.
@Suite struct BuiltInNetworksTests {
  @Test(arguments: BuiltInNetworks.names) func filesAreThere(name: String) throws {
    let found = try BuiltInNetworks.withDescription(of: name) { path in
      let text = try String(contentsOfFile: path, encoding: .utf8)
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
      let weights = try SafetensorsFile(path: "\(folder)/glyphs-network.safetensors")
      #expect(text.contains("weights: glyphs-network.safetensors\n"), "\(text)")
      #expect(text.contains("name: \(name)\n"), "\(text)")
      #expect(try weights.floats("logits.weight").count == 640)
      return path
    }
    #expect(found.map(FileSystem.exists) == false)
    #expect(try BuiltInNetworks.withDescription(of: "other") { $0 } == nil)
  }
}

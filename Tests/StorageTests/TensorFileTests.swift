import Base
import Foundation
import Storage
import TestSupport
import Testing

/// Tensors as `torch.save` and `paddle.save` write them; Fixtures/make_tensors.py has the values.
@Suite struct TensorFileTests {
  static func fixture(_ name: String) throws -> String {
    try #require(
      Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Fixtures"), "\(name)"
    ).path
  }

  private func ramp(_ count: Int) -> [Float] { (0..<count).map { Float($0) - 2.5 } }

  /// The zip, and the format of before version 1.6, whose file has the state dict alone.
  @Test(arguments: ["tensors.pt", "tensors-legacy.pth"]) func pytorch(name: String) throws {
    let file = try TensorFile(path: Self.fixture(name))
    #expect(file.format == .pytorch)
    let isZip = name == "tensors.pt"
    let model = isZip ? "model." : ""
    let names = [
      "single", "double", "half", "brain", "scalar", "counter", "counts", "flag", "base", "row",
      "turned", "parameter", "empty",
    ]
    #expect(file.names == names.map { model + $0 } + (isZip ? ["optimizer.state.0.step"] : []))
    for (name, type, shape) in [
      ("single", "F32", [2, 3]), ("double", "F64", [2]), ("half", "F16", [5]),
      ("brain", "BF16", [5]), ("parameter", "F32", [2]), ("base", "F32", [3, 4]),
    ] {
      let (foundType, foundShape) = try file.entry(model + name)
      #expect(foundType == type && foundShape == shape, "\(name)")
      #expect(try file.floats(model + name) == ramp(shape.reduce(1, *)), "\(name)")
    }
    #expect(try file.floats(model + "scalar") == [-2.5])
    #expect(try file.entry(model + "scalar").shape == [])
    // Views of another tensor's storage: a row, and all of it with its sides exchanged.
    #expect(try file.floats(model + "row") == Array(ramp(8)[4...]))
    #expect(try file.entry(model + "turned").shape == [4, 3])
    #expect(
      try file.floats(model + "turned") == (0..<12).map { Float($0 % 3 * 4 + $0 / 3) - 2.5 })
    #expect(try file.integers(model + "counter") == [5])
    #expect(try file.integers(model + "counts") == [5, 6, 7])
    #expect(try file.floats(model + "empty") == [])
    #expect(try file.entry(model + "empty").shape == [0, 3])
    #expect(
      message { try file.floats(model + "flag") }?.hasSuffix(
        "tensor '\(model)flag' is BOOL, F32, F64, F16 or BF16 is expected") == true)
    #expect(message { try file.integers(model + "single") }?.contains("is F32, I64") == true)
    #expect(message { try file.entry("x") }?.contains("has no tensor 'x', but \(model)sin") == true)
  }

  @Test(arguments: [2, 4]) func paddlePickle(_ version: Int) throws {
    let file = try TensorFile(path: Self.fixture("arrays-\(version).pdparams"))
    #expect(file.format == .paddle)
    #expect(file.names == ["linear.weight", "linear.bias", "turned", "half", "steps"])
    #expect(try file.entry("linear.weight").shape == [3, 4])
    #expect(try file.floats("linear.weight") == ramp(12))
    #expect(try file.floats("linear.bias") == ramp(4))
    // Stored with the first side fastest.
    #expect(try file.floats("turned") == ramp(12))
    #expect(try file.floats("half") == ramp(5))
    #expect(try file.integers("steps") == [5, 6, 7])
  }

  @Test func halfPrecisionIsExact() {
    // Largest, smallest normal and subnormal, infinity, -0 of F16; and of BF16 1 and a third.
    let half: [UInt16] = [0x7BFF, 0x0400, 0x0001, 0x7C00, 0x8000]
    let values = half.withUnsafeBytes { ElementType.float16.floats($0) } ?? []
    #expect(values == [65504, 0x1p-14, 0x1p-24, .infinity, 0] && values.last?.sign == .minus)
    let brain: [UInt16] = [0x3F80, 0x3EAB]
    #expect(brain.withUnsafeBytes { ElementType.bfloat16.floats($0) } == [1, 0.333984375])
  }

  @Test func othersAreRefused() throws {
    // 16 elements of a storage of one.
    #expect(
      message { try TensorFile(path: Self.fixture("expanded.pt")) }?.contains(
        "damaged: a tensor of shape [4, 4], strides [0, 0] and offset 0 in a storage of 1") == true)
    try withTemporaryFolder { folder throws in
      let path = "\(folder)/x"
      func complaint(_ bytes: [UInt8]) throws -> String {
        try FileSystem.writeAtomically(bytes, to: path)
        return message { try TensorFile(path: path) } ?? ""
      }
      #expect(try complaint([]).contains("not a valid safetensors file"))
      #expect(try complaint([0x80, 4] + Array("]........".utf8)).contains("found a list of 0"))
      #expect(try complaint([0x80, 4] + Array("}.......".utf8)).contains("holds no tensors"))
      let slices = "}VUnpackBigParamInfor@@\n}s."
      #expect(try complaint([0x80, 4] + Array(slices.utf8)).contains("save it with protocol 4"))
    }
  }

  /// A zip as `torch.save` writes it, with another pickle.
  private func archive(
    _ pickle: [UInt8], storage: [UInt8] = [], byteOrder: String = "little", name: String = "data/0",
    _ body: (String) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.pt"
      try FileSystem.writeAtomically(to: path) { file in
        let zip = ZipWriter(file, alignment: 64)
        for (name, bytes) in [
          ("x/data.pkl", pickle), ("x/byteorder", Array(byteOrder.utf8)), ("x/\(name)", storage),
        ] {
          try zip.begin(name, size: bytes.count)
          try bytes.withUnsafeBytes { try zip.write($0) }
        }
        try zip.finish()
      }
      try body(path)
    }
  }

  /// `{"w": tensor}` of float storage 0, in protocol 2 with texts of protocol 0.
  private func pickle(count: Int = 2, shape: String = "K\u{2}", stride: String = "K\u{1}")
    -> [UInt8]
  {
    let text =
      "}Vw\nctorch._utils\n_rebuild_tensor_v2\n((Vstorage\nctorch\nFloatStorage\nV0\nVcpu\n"
      + "I\(count)\ntQK\0(\(shape)t(\(stride)t\u{7F}ccollections\nOrderedDict\n)RtRs."
    // NEWFALSE is no ASCII.
    return [0x80, 2] + text.utf8.map { $0 == 0x7F ? 0x89 : $0 }
  }

  @Test func archivesThatDoNotFit() throws {
    let storage: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]
    try archive(pickle(), storage: storage) { path in
      let values = try TensorFile(path: path).floats("w")
      #expect(values == [1, 2])
    }
    func expect(
      _ pickle: [UInt8], _ words: String, byteOrder: String = "little", name: String = "data/0"
    ) throws {
      try archive(pickle, storage: storage, byteOrder: byteOrder, name: name) { path in
        let text = message { try TensorFile(path: path) } ?? "none"
        #expect(text.hasPrefix(path) && text.contains(words), "\(text)")
      }
    }
    try archive(pickle(), storage: storage) { path in
      var bytes = try FileSystem.readFile(path)
      let place = try #require(bytes.firstRange(of: storage)).lowerBound
      bytes[place] ^= 1
      try FileSystem.writeAtomically(bytes, to: path)
      let damaged = message { try TensorFile(path: path) }
      #expect(damaged?.contains("damaged, or no zip archive") == true)
    }
    try expect(pickle(), "big-endian", byteOrder: "big")
    try expect(pickle(count: 3, shape: "K\u{3}"), "storage 0 of 3 F32 has 8 bytes; truncated?")
    try expect(pickle(), "storage 0 of 2 F32 has no file", name: "data/1")
    // A name that leaves the folder is a key like another, and nobody asks for it.
    try expect(pickle(), "has no file", name: "../../data/0")
    try expect(pickle(shape: "K\u{3}"), "damaged: a tensor of shape [3]")
    try expect(pickle(stride: "K\u{2}"), "strides [2] and offset 0 in a storage of 2")
    try expect(pickle(stride: "J\u{7E}\u{7E}\u{7E}\u{7E}"), "damaged: a tensor")
    try expect(
      Array("cposix\nsystem\n(Vtrue\ntR.".utf8),
      "refused: the name posix.system; expected numpy arrays and PyTorch's tensors only")
    try expect(Array("c__builtin__\neval\n.".utf8), "refused: the name __builtin__.eval")
    try expect(Array("ctorch\nload\n.".utf8), "refused: the name torch.load")
    try expect(Array("ctorch\nFloatStorage\n)R.".utf8), "a call of torch.FloatStorage")
    try expect(Array("(Vmodule\nctorch\nFloatStorage\nV0\nVcpu\nI2\ntQ.".utf8), "the storage of a")
    try expect(Array("ccollections\nOrderedDict\n(V1\ntR.".utf8), "OrderedDict of arguments")
    try expect(Array("(dVa\n(dVa\n]ss.".utf8), "holds no tensors")
  }

  /// A dictionary that lies in many others is not visited without end.
  @Test func sharedDictionariesAreBounded() throws {
    // d0 = {}, d(n+1) = {a: dn, b: dn}
    var text = "}q\u{0}"
    for index in 0..<40 {
      let (last, next) = (Character(Unicode.Scalar(UInt8(index))), UInt8(index + 1))
      text += "0}Va\nh\(last)sVb\nh\(last)sq\(Character(Unicode.Scalar(next)))"
    }
    try archive([0x80, 2] + Array((text + ".").utf8)) { path in
      #expect(message { try TensorFile(path: path) }?.contains("more than 131072 entries") == true)
    }
  }

  @Test func zipsOfOthersAreRefused() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.zip"
      try FileSystem.writeAtomically(to: path) { file in
        let zip = ZipWriter(file)
        try zip.begin("readme", size: 0)
        try zip.write(UnsafeRawBufferPointer(start: nil, count: 0))
        try zip.finish()
      }
      #expect(
        message { try TensorFile(path: path) }
          == "\(path): a zip archive with 0 files named data.pkl, but a file of torch.save has one")
    }
  }
}

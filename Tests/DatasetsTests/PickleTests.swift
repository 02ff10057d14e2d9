import Datasets
import Foundation
import TestSupport
import Testing

/// Pickles that must be refused, read as batches of CIFAR-10.
@Suite struct PickleTests {
  /// What reading `bytes` complains of, without the path in front.
  private func complaint(_ bytes: [UInt8]) throws -> String {
    var text = ""
    try withTemporaryFolder { folder in
      let path = folder + "/file"
      try write(bytes, to: path)
      text =
        message {
          try loadCIFAR10(path: path, split: .train)
        } ?? ""
      #expect(text.hasPrefix(path + ": "))
      text.removeFirst(min(path.count + 2, text.count))
    }
    return text
  }

  private func complaint(_ text: String) throws -> String { try complaint(Array(text.utf8)) }

  @Test func codeIsNotRun() throws {
    // pickle.dumps of an object whose __reduce__ is (os.system, ("true",)), protocols 0 and 4.
    #expect(
      try complaint("cposix\nsystem\np0\n(Vtrue\np1\ntp2\nRp3\n.")
        == "pickle, byte 0: refused: the name posix.system; expected numpy arrays only")
    let stackGlobal: [UInt8] =
      [0x80, 4, 0x8C, 5] + Array("posix".utf8) + [0x8C, 6] + Array("system".utf8) + [0x93]
    #expect(
      try complaint(stackGlobal + Array(".".utf8))
        == "pickle, byte 17: refused: the name posix.system; expected numpy arrays only")
    #expect(try complaint("c__builtin__\neval\n(S'1'\ntR.").contains("__builtin__.eval"))
    // The name of a name: no way round by _codecs or by numpy's own functions.
    #expect(try complaint("cnumpy\nload\n.").contains("refused: the name numpy.load"))
    #expect(try complaint("cnumpy._core.multiarray\nscalar\n.").contains("refused"))
    #expect(try complaint("c_codecs\nencode\n(V1\nVrot13\ntR.").contains("refused: _codecs"))
    #expect(try complaint("cnumpy\nndarray\n)R.").contains("refused: a call of numpy.ndarray"))
    #expect(try complaint("(I1\nI2\ntI3\nR.").contains("damaged: expected a tuple of arguments"))
    #expect(try complaint("(I1\nt)R.").contains("refused: a call of a tuple of 1"))
    #expect(try complaint("(S'a'\nI1\nd)b.").contains("refused: the state of a dictionary"))
    for (opcode, name) in [("(iposix\nsystem\n.", "INST"), ("(oX.", "OBJ"), ("(Pabc\n.", "PERSID")]
    {
      #expect(try complaint(opcode).contains("(\(name)); expected numbers, strings"), "\(name)")
    }
    #expect(try complaint([0x80, 2, 0x81]).contains("refused: opcode 0x81 (NEWOBJ)"))
    #expect(try complaint([0x80, 2, 0xFF]).contains("refused: opcode 0xFF; expected"))
    #expect(try complaint([0x80, 9]).contains("refused: protocol 9; expected 0 to 5"))
    // What a name may be shown as: one short line of ASCII.
    let long = String(repeating: "\u{1B}x", count: 400)
    #expect(try complaint("c\(long)\nname\n.").utf8.count < 200)
  }

  @Test func bombs() throws {
    // Nested containers, through the stack and through stored lists; their release is recursion.
    #expect(
      try complaint([UInt8](repeating: 0x5D, count: 250_000))
        .contains("refused: more than 200000 lists, tuples, dictionaries and arrays"))
    #expect(
      try complaint([0x29] + [UInt8](repeating: 0x85, count: 100_000))
        .contains("refused: containers more than 64 deep in each other"))
    // A list in a list in a list, of which the outermost is filled first; and one in itself.
    var chain: [UInt8] = [0x5D, 0x71, 0]
    for _ in 0..<2000 { chain += [0x68, 0, 0x5D, 0x71, 0, 0x61, 0x30] }
    #expect(try complaint(chain).contains("refused: a container that changes later"))
    #expect(try complaint([0x5D, 0x71, 0, 0x68, 0, 0x61]).contains("that changes later"))
    #expect(
      try complaint([0x5D, 0x71, 0, 0x68, 0, 0x85, 0x61]).contains("that changes later"))
    // Tensors are not for data sets.
    #expect(try complaint("ccollections\nOrderedDict\n)R.").contains("refused: the name coll"))
    #expect(try complaint("(Vstorage\ntQ.").contains("(BINPERSID); expected numbers"))
    // Numbers and stored values without end.
    #expect(
      try complaint([0x28] + [UInt8](repeating: 0x4E, count: 250_001))
        .contains("refused: more than 250000 opcodes"))
    // Lengths that the file does not have.
    #expect(
      try complaint([0x80, 4, 0x8E] + [UInt8](repeating: 0xFF, count: 8)).contains("truncated"))
    #expect(try complaint([0x80, 2, 0x54, 0xFF, 0xFF, 0xFF, 0x7F, 1]).contains("truncated"))
    // The same text decoded again and again.
    let text = String(repeating: "x", count: 10_000)
    var encodes = Array("c_codecs\nencode\np0\n0(V\(text)\nVlatin1\ntp1\n0".utf8)
    for _ in 0..<100 { encodes += Array("g0\ng1\nR0".utf8) }
    #expect(try complaint(encodes).contains("refused: texts larger than the file"))
    #expect(
      try complaint([0x80, 2, 0x8A, 200] + [UInt8](repeating: 1, count: 200)).contains("200 bytes"))
  }

  @Test func damage() throws {
    let good = [UInt8](
      try Data(contentsOf: URL(fileURLWithPath: fixture("cifar-py2-protocol2.gz"))))
    try withTemporaryFolder { folder in
      // The plain bytes, by way of the reader's own error for what is not a dictionary.
      let path = folder + "/file"
      try write(good, to: path)
      #expect(
        try loadCIFAR10(
          path: path, split: .train
        ).count == 2)
    }
    #expect(try complaint("(d").contains("truncated: the file ends in the middle (2 bytes)"))
    #expect(try complaint("0.").contains("damaged: a value is missing"))
    #expect(try complaint("t.").contains("damaged: a mark is missing"))
    #expect(try complaint("(0.").contains("damaged: a value is missing"))
    #expect(try complaint("g5\n.").contains("nothing is stored under 5"))
    #expect(try complaint("(I1\nI2\n.").contains("damaged: 1 values are left over"))
    #expect(try complaint("Iseven\n.").contains("found 'seven' for an integer"))
    #expect(try complaint("(I1\nI2\nd.").contains("refused: a key that is an integer"))
    let key = String(repeating: "k", count: 257)
    #expect(
      try complaint("(S'\(key)'\nI2\nd.").contains("a key of 257 bytes; expected up to 256"))
    #expect(try complaint("(V\(key)\nI2\nd.").contains("a key of 257 bytes"))
    #expect(try complaint("(S'a'\nd.").contains("damaged: a key without a value"))
    #expect(try complaint("S'a\\q'\n.").contains("unknown escape"))
    #expect(try complaint("]I1\n.").contains("left over"))
    #expect(try complaint("(lI1\nI2\na.").contains("expected a list to append to"))
  }

  /// A batch in protocol 0 with one image of `shape` and type `type`, and `labels`.
  private func batch(
    shape: String = "(I1\nI3072\nt", type: String = "u1", bytes: Int = 3072,
    labels: String = "(lI3\na"
  ) -> String {
    let data =
      "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
      + "(I1\n\(shape)cnumpy\ndtype\n(S'\(type)'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntb"
      + "I00\nS'\(String(repeating: "a", count: bytes))'\ntb"
    return "(dS'data'\n\(data)sS'labels'\n\(labels)s."
  }

  @Test func arraysThatDoNotFit() throws {
    try withTemporaryFolder { folder in
      try write(Array(batch().utf8), to: folder + "/good")
      let set = try loadCIFAR10(
        path: folder + "/good", split: .train
      ).first()
      #expect(set.labels == [3])
      #expect(set.pixels == [UInt8](repeating: UInt8(ascii: "a"), count: 3072))
    }
    #expect(
      try complaint(batch(bytes: 3071)).hasSuffix(
        "damaged: a numpy array of shape [1, 3072] and type u1 has 3071 bytes, expected 3072"))
    #expect(
      try complaint(batch(shape: "(I1024\nI3\nt")).hasPrefix(
        "data: expected a numpy array of bytes, count x 3072, found a numpy array"))
    #expect(try complaint(batch(shape: "(I-1\nI-3072\nt")).contains("impossible shape"))
    #expect(
      try complaint(batch(shape: "(I4611686018427387904\nI8\nt")).contains("impossible shape"))
    #expect(try complaint(batch(type: "i4", bytes: 12288)).hasPrefix("data: expected"))
    #expect(try complaint(batch(type: "O8")).contains("refused: numpy type O8"))
    #expect(
      try complaint(batch(labels: "(lI3\naI4\na"))
        == "labels: expected a list of 1, found a list of 2")
    #expect(try complaint(batch(labels: "(lI12\na")).contains("label 12 of image 0"))
    #expect(try complaint(batch(labels: "(lS'3'\na")).contains("label -1 of image 0"))
    #expect(
      try complaint("(dS'labels'\n(ls.")
        == "data: expected a numpy array of bytes, count x 3072, found none")
    #expect(try complaint("(l.") == "expected a dictionary of data and labels, found a list of 0")
  }
}

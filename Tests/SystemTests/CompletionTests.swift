import Foundation
import Testing

extension SystemTests {
  /// The completions that `launch/install.sh` installs.
  @Suite(.serialized) struct CompletionTests {
    /// What bash offers behind the words; the last one may be a beginning.
    private func offers(_ words: [String], _ scratch: Scratch) throws -> [String] {
      let script = try Program.run(["--generate-completion-script", "bash"])
      try #require(script.status == 0, "\(script)")
      let file = try scratch.write("completions.bash", script.output)
      // As bash calls it for a word that ends at the cursor.
      let call = """
        source "$0"
        COMP_WORDS=(wgangp-dist "$@")
        COMP_CWORD=$#
        COMP_LINE="${COMP_WORDS[*]}"
        COMP_POINT=${#COMP_LINE}
        _wgangp-dist wgangp-dist "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\\n' "${COMPREPLY[@]}"
        """
      let outcome = try RunningJob(["bash", "-c", call, file] + words, in: scratch.path).finish()
      #expect(outcome.errors.isEmpty, "\(words): \(outcome)")
      return outcome.output.split(separator: "\n").map(String.init)
    }

    @Test func bashOffersCommandsOptionsAndFiles() throws {
      try withScratch { scratch in
        _ = try scratch.write("configs/glyphs.yaml", "")
        _ = try scratch.write("configs/toy.yaml", "")
        #expect(try offers(["tr"], scratch) == ["train"])
        #expect(try Set(offers([""], scratch)).isSuperset(of: Program.commands))
        #expect(try offers(["train", "--con"], scratch).sorted() == ["--config", "--continue"])
        #expect(try offers(["train", "--quiet", "--qui"], scratch) == [])
        #expect(try offers(["data", "ve"], scratch) == ["verify"])
        #expect(try offers(["evaluate", "train-"], scratch) == ["train-classifier"])
        #expect(
          try offers(["train", "--config", "configs/gl"], scratch) == ["configs/glyphs.yaml"])
        // A run's folder, or a file of weights.
        _ = try scratch.write("weights/a.safetensors", "")
        #expect(
          try offers(["evaluate", "run", "weights/"], scratch) == ["weights/a.safetensors"])
        // A run is a folder.
        #expect(try offers(["train", "--resume", "co"], scratch) == ["configs"])
      }
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func scriptsParse(shell: String) throws {
      let script = try Program.run(["--generate-completion-script", shell])
      #expect(script.status == 0 && script.output.contains("train-classifier"), "\(shell)")
      let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
      let isThere = path.split(separator: ":").contains {
        FileManager.default.isExecutableFile(atPath: "\($0)/\(shell)")
      }
      guard isThere else { return }
      try withScratch { scratch in
        let file = try scratch.write("completions", script.output)
        let outcome = try RunningJob([shell, "-n", file]).finish()
        #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome)")
      }
    }
  }
}

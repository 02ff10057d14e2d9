import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// The completions that `launch/install.sh` installs, in those of the shells that are here.
  @Suite(.serialized) struct CompletionTests {
    enum Shell: String, CaseIterable {
      case bash, zsh, fish

      var isThere: Bool {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return path.split(separator: ":").contains {
          FileManager.default.isExecutableFile(atPath: "\($0)/\(rawValue)")
        }
      }
    }

    /// The script that is installed for a shell, in a file of the name by which zsh finds it.
    private func install(_ shell: Shell, _ scratch: Scratch) throws -> String {
      let script = try RunningJob(
        [repositoryFile("launch/completions.sh"), Program.path, shell.rawValue]
      ).finish()
      try #require(script.status == 0 && script.errors.isEmpty, "\(script)")
      return try scratch.write("functions/_wgangp-dist", script.output)
    }

    /// As bash calls it for a word that ends at the cursor.
    private static let bashCall = """
      source "$0"
      COMP_WORDS=(wgangp-dist "$@")
      COMP_CWORD=$#
      COMP_LINE="${COMP_WORDS[*]}"
      COMP_POINT=${#COMP_LINE}
      _wgangp-dist wgangp-dist "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
      printf '%s\\n' "${COMPREPLY[@]}"
      """

    /// An interactive zsh on a terminal of its own, whose `compadd` writes down what is offered;
    /// behind the tabulator it ends.
    private static let zshCall = """
      zmodload zsh/zpty
      print -r -- '
        PROMPT= RPROMPT=
        fpath=('${(q)0:h}' $fpath)
        autoload -Uz compinit
        compinit -u -D
        compadd() {
          if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
          local -a hits
          builtin compadd -A hits "$@"
          local -A parts
          zparseopts -E -A parts P: p: S: s: W:
          local hit
          for hit in $hits; do
            print -r -- "${IPREFIX}${parts[-p]}$hit" >>offered
          done
          builtin compadd "$@"
        }
        finish() { exit }
        comppostfuncs=(finish)
        bindkey "^I" complete-word
      ' >inner.zsh
      : >offered
      zpty shell zsh -f -i
      zpty -w shell 'source ./inner.zsh'
      zpty -w -n shell "$1"$'\\t'
      while zpty -r shell text 2>/dev/null; do :; done
      cat offered
      """

    /// What a shell offers behind the words in a folder; the last one may be a beginning.
    ///
    /// Without the slash behind a folder, and what stands in front of a value: shells differ there.
    private func offers(
      _ words: [String], _ shell: Shell, _ script: String, in scratch: Scratch
    ) throws -> Set<String> {
      let line = (["wgangp-dist"] + words).joined(separator: " ")
      let command: [String] =
        switch shell {
        case .bash:
          // readline parts words at `=`.
          ["bash", "-c", Self.bashCall, script]
            + words.flatMap { word -> [String] in
              guard word.hasPrefix("--"), let sign = word.firstIndex(of: "=") else { return [word] }
              let value = String(word[word.index(after: sign)...])
              return [String(word[..<sign]), "="] + (value.isEmpty ? [] : [value])
            }
        case .zsh: ["TERM=xterm", "zsh", "-f", "-c", Self.zshCall, script, line]
        case .fish:
          [
            "HOME=\(scratch.path)", "fish", "--no-config", "-c",
            "source $argv[1]; complete -C $argv[2]", script, line,
          ]
        }
      let outcome = try RunningJob(command, in: scratch.path).finish(timeout: 30)
      #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(shell) \(words): \(outcome)")
      let option: Substring = words.last?.firstIndex(of: "=").map { words.last?[...$0] ?? "" } ?? ""
      return Set(
        outcome.output.split(separator: "\n").compactMap { line -> String? in
          // Behind a tabulator fish says what it is.
          guard var word = line.split(separator: "\t").first else { return nil }
          if !option.isEmpty, word.hasPrefix(option) { word = word.dropFirst(option.count) }
          return String(word.hasSuffix("/") ? word.dropLast() : word)
        })
    }

    private func testOffers(_ shell: Shell) throws {
      try withScratch { scratch in
        let script = try install(shell, scratch)
        for file in ["configs/glyphs.yaml", "configs/toy.yaml", "recorded.safetensors"] {
          _ = try scratch.write(file, "")
        }
        func expect(_ words: [String], _ expected: Set<String>) throws {
          let found = try offers(words, shell, script, in: scratch)
          #expect(found == expected, "\(shell): \(words)")
        }
        #expect(try offers([""], shell, script, in: scratch).isSuperset(of: Program.commands))
        try expect(["tr"], ["train"])
        try expect(["train", "--con"], ["--config", "--continue"])
        try expect(["train", "--quiet", "--qui"], [])
        try expect(["data", "ve"], ["verify"])
        try expect(["help", "tr"], ["train"])
        // Files; a run is a folder.
        try expect(["train", "--config", "configs/gl"], ["configs/glyphs.yaml"])
        try expect(["train", "--config=configs/gl"], ["configs/glyphs.yaml"])
        try expect(["train", "--config=configs/glyphs.yaml", "--dry"], ["--dry-run"])
        try expect(["train", "--resume", "co"], ["configs"])
        try expect(["train", "--resume=co"], ["configs"])
        try expect(["plot", "configs", "-o", "re"], ["recorded.safetensors"])
        try expect(["verify", "re"], ["recorded.safetensors"])
        // Values.
        try expect(["sample", "configs", "--format", ""], ["npz", "npy", "hdf5", "csv"])
        try expect(["sample", "--statistics=st"], ["standing"])
        try expect(["sample", "configs", "--step", "b"], ["best"])
        try expect(["data", "download", "mni"], ["mnist", "mnist-pickle"])
        try expect(["data", "verify", "--split", "te"], ["test"])
        try expect(["data", "preview", "cif"], ["cifar10", "cifar10-python"])
        // Without the name of a subcommand it is `run`.
        try expect(["evaluate", "co"], ["configs"])
        try expect(["evaluate", "run", "re"], ["recorded.safetensors"])
        try expect(["evaluate", "train-"], ["train-classifier"])
        try expect(["evaluate", "train-classifier", "--con"], ["--config"])
        try expect(["evaluate", "--re"], ["--reals"])
        try expect(["evaluate", "configs", "--sco"], ["--scores"])
        try expect(["evaluate", "run", "configs", "--scores", "fi"], ["fid"])
        try expect(["evaluate", "configs", "--protocol", "or"], ["original"])
      }
    }

    @Test(.enabled(if: Shell.bash.isThere, "bash is missing")) func bashOffers() throws {
      try testOffers(.bash)
    }

    @Test(.enabled(if: Shell.zsh.isThere, "zsh is missing")) func zshOffers() throws {
      try testOffers(.zsh)
    }

    @Test(.enabled(if: Shell.fish.isThere, "fish is missing")) func fishOffers() throws {
      try testOffers(.fish)
    }

    @Test(arguments: Shell.allCases) func scriptsParse(shell: Shell) throws {
      try withScratch { scratch in
        let file = try install(shell, scratch)
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(text.contains("train-classifier"), "\(shell)")
        guard shell.isThere else { return }
        let outcome = try RunningJob([shell.rawValue, "-n", file]).finish()
        #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome)")
      }
    }
  }
}

import ArgumentParser
import Base
import Collectives
import Configuration
import Foundation
import Kernels
import LinearAlgebra

/// The command `doctor`: what all ranks find on their machines, collected by rank 0.
///
/// Without `--launch` it reads no configuration and takes no time: processor, MPI, kernels,
/// OpenBLAS, exchange, binding, and notes. Libraries that only some commands load are notes; fatal
/// is only a processor without AVX2 and FMA.
///
/// Exits with 1 where something is fatal, so that a job script can ask first.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Tell what this machine gives the program, and what is missing.",
    discussion: """
      Under mpirun it also gathers host and binding of every rank: start it the way a training run \
      would be. Exit status 0: nothing in the way of a run; 1: something is.

      With --launch it looks at what a long job needs, line by line: the same program, \
      configuration and data on all ranks, processors and libraries, cores and binding, space for \
      checkpoints and pictures, what joins the ranks and the seconds an iteration to expect, and \
      the slowest rank. It takes some iterations' time.
      """)

  /// The other half of the command, in DoctorCommand+Launch.swift; the options below belong to it.
  @Flag(name: .long, help: "Look at what a long job needs, with the ranks that are to train.")
  var launch = false

  @Flag(name: .long, help: "Print JSON, a line for all; with --launch a line a finding.")
  var json = false

  /// nil for the `config.yaml` of `--run` where there is one, else for the built-in default.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "With --launch: the configuration; without it, that of the run, or the built-in default.",
      valueName: "file"), completion: .file())
  var config: String?

  /// Where the run's files would go: the file system whose space counts.
  @Option(
    name: .customLong("run"),
    help: ArgumentHelp(
      "With --launch: the folder of the run (default: output.directory/NAME).",
      valueName: "folder"), completion: .directory)
  var runFolder: String?

  @Argument(
    help: ArgumentHelp(
      "With --launch: overrides, such as training.batch=64.", valueName: "key=value"))
  var overrides: [String] = []

  /// Refuses what only `--launch` reads where it is not given.
  ///
  /// - Throws: `ValidationError`, which ends with status 64.
  func validate() throws {
    guard launch || (config == nil && runFolder == nil && overrides.isEmpty) else {
      throw ValidationError("--config, --run and key=value go with --launch")
    }
  }

  /// Gathers the ranks' places and processors, and prints them on rank 0.
  ///
  /// The notes are about rank 0's machine, but for the level, which is compared over all ranks.
  ///
  /// - Throws: `ExitCode` 1 where a note is fatal.
  func run() throws {
    if launch { return try checkLaunch() }
    // It is the one command that has something to say on a processor that lacks something.
    try Job.run(isJSON: json, checksProcessor: false) { communicator in
      let cores = Processor.boundCores
      let bindings = try communicator.places()
      let levels = try communicator.gather(Processor.level)
      guard communicator.rank == 0 else { return }
      let notes = advice(cores: cores, ranks: communicator.size, levels: levels)
      let isFatal = notes.contains(where: \.isFatal)
      if json {
        StandardOutput.print(
          try JSONLine.text(
            Report(
              version: WGANGPDist.configuration.version, processor: Processor.name,
              vectorLevel: Processor.level, kernels: VectorLevel.name,
              mpi: MPICommunicator.isLaunched ? MPICommunicator.libraryVersion : nil,
              ranks: communicator.size, exchange: communicator.exchangeDescription,
              binding: bindings, notes: notes.map(\.text), isReady: !isFatal)))
        if isFatal { throw ExitStatus.failure }
        return
      }
      StandardOutput.print("processor     \(Processor.name)")
      StandardOutput.print("vector level  \(Processor.level) (needed: x86-64-v3, AVX2 and FMA)")
      if MPICommunicator.isLaunched {
        StandardOutput.print("MPI           \(MPICommunicator.libraryVersion)")
        StandardOutput.print(
          "              thread level \(MPICommunicator.threadLevel) (needed: funneled)")
      } else {
        StandardOutput.print("MPI           not started by mpirun or srun: one process, no MPI")
      }
      StandardOutput.print(
        "kernels       \(VectorLevel.name) (AVX2 and AVX-512 compute the same bits)")
      if let blas = try? OpenBLAS.load() {
        StandardOutput.print(
          "BLAS          \(blas.configuration), kernel \(blas.kernel), for bench --layers")
      }
      StandardOutput.print("exchange      \(communicator.exchangeDescription)")
      StandardOutput.print("binding")
      for line in bindings { StandardOutput.print("  " + line) }
      StandardOutput.print(notes.isEmpty ? "nothing is missing" : "to look at")
      for note in notes { StandardOutput.print("  " + note.text) }
      if isFatal { throw ExitStatus.failure }
    }
  }

  /// What `--json` prints.
  ///
  /// `vectorLevel` is the processor's (`x86-64-v3`, `x86-64-v4`), `kernels` what is used of it;
  /// `mpi` is left out of a process that no launcher has started; `binding` has a line a rank, as
  /// `Communicator.places`; `isReady` is false where a note is fatal.
  private struct Report: Encodable {
    let version: String
    let processor: String
    let vectorLevel: String
    let kernels: String
    let mpi: String?
    let ranks: Int
    let exchange: String
    let binding: [String]
    let notes: [String]
    let isReady: Bool
  }

  /// What is to be said of the machine, what is in the way first.
  ///
  /// - Parameters:
  ///   - cores: Those that rank 0 may run on.
  ///   - ranks: Of the job.
  ///   - levels: Each rank's vector level.
  /// - Returns: Notes, each with whether it keeps a run from beginning.
  private func advice(
    cores: [Int], ranks: Int, levels: [String]
  ) -> [(text: String, isFatal: Bool)] {
    var notes: [(String, Bool)] = []
    if let missing = Processor.missingFeatures {
      notes.append(("the processor lacks \(missing), which the program is built for", true))
    }
    if Set(levels).count > 1 {
      notes.append(
        (
          "ranks run on processors of different levels: the slowest sets the pace, results stay "
            + "the same",
          false
        ))
    }
    if ranks == 1, cores.count > 1 {
      notes.append(
        (
          "this rank may use \(cores.count) cores but would keep one busy: start more ranks, or "
            + "set training.threads=\(cores.count)", false
        ))
    }
    let missing = ["mpirun"].filter { !isInPath($0) }
    for command in missing {
      notes.append(
        (
          "\(command) is not in PATH: only single-process runs (Debian: apt-get install "
            + "openmpi-bin)",
          false
        ))
    }
    for library in SharedLibrary.Kind.all {
      do { _ = try SharedLibrary(library) } catch { notes.append(("\(error)", false)) }
    }
    return notes
  }

  /// Whether a folder of `PATH` has an executable file of this name; nothing is started.
  private func isInPath(_ command: String) -> Bool {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return path.split(separator: ":").contains {
      FileManager.default.isExecutableFile(atPath: "\($0)/\(command)")
    }
  }
}

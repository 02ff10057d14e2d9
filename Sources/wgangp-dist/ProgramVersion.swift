import CBuild
import Collectives
import Kernels

/// What `--version` says.
enum ProgramVersion {
  /// The release, as runs and checkpoints have it.
  static let number = "0.1.0"

  /// Release and commit, kernels, and the MPI that is loaded, a line each.
  static var text: String {
    let name = String(cString: wgangp_commit())
    let commit = name.isEmpty ? "" : " (commit \(name))"
    let mpi = MPICommunicator.libraryVersion.prefix { $0 != "," && $0 != "\0" && !$0.isNewline }
    return """
      wgangp-dist \(number)\(commit)
      kernels \(VectorLevel.name)
      \(mpi)
      """
  }
}

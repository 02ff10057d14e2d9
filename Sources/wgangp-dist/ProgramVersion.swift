import Base
import CBuild
import Collectives
import Kernels

/// What `--version` says: what a reader of a result must know of the program to have the same bits.
enum ProgramVersion {
  /// The release, as runs and checkpoints have it.
  static var number: String { programVersion }

  /// Release and commit, kernels, and the MPI that is loaded, a line each.
  ///
  /// The commit is the one that was built (`CBuild`), left out where the build knew none. The
  /// library says its version without being started.
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

import Foundation

/// This process's place in its job as the launcher tells it, known before MPI has started.
package enum LaunchedRank {
  /// The launchers' variables, the most particular first: Open MPI's, MVAPICH's, PMIx's and PMI's
  /// (MPICH, Intel MPI), and Slurm's `srun`.
  private static let names = [
    "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID",
  ]

  /// The rank, or nil where no launcher gives one.
  package static let current: Int? = rank(in: ProcessInfo.processInfo.environment)

  /// The rank that an environment tells.
  ///
  /// - Parameter environment: Names and values of its variables.
  /// - Returns: The rank, or nil where no variable has one.
  package static func rank(in environment: [String: String]) -> Int? {
    names.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first { $0 >= 0 }
  }
}

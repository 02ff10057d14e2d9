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

  /// The processes of this job as its launcher counts them; nil where no launcher does.
  ///
  /// Slurm's `srun` tells it whether or not the processes can find each other: without a PMI each
  /// is alone, and would do the whole job for itself.
  package static let jobSize: Int? = jobSize(in: ProcessInfo.processInfo.environment)

  /// The processes that an environment tells.
  ///
  /// - Parameter environment: Names and values of its variables.
  /// - Returns: Their number, or nil where no variable has one.
  package static func jobSize(in environment: [String: String]) -> Int? {
    // Open MPI's own count goes first: mpirun's helpers are tasks of a Slurm step, its ranks not.
    let names = ["OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "PMI_SIZE"]
    let known = names.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first { $0 > 0 }
    if let known { return known }
    guard environment["SLURM_PROCID"] != nil else { return nil }
    return environment["SLURM_STEP_NUM_TASKS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
  }

  /// The rank that an environment tells.
  ///
  /// - Parameter environment: Names and values of its variables.
  /// - Returns: The rank, or nil where no variable has one.
  package static func rank(in environment: [String: String]) -> Int? {
    names.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first { $0 >= 0 }
  }
}

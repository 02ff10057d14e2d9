import Base
import Testing

@Suite struct LaunchedRankTests {
  @Test(
    arguments: [
      ([:], nil), (["OMPI_COMM_WORLD_RANK": "3"], 3), (["PMI_RANK": "0"], 0),
      (["PMIX_RANK": "2"], 2), (["SLURM_PROCID": "7"], 7),
      // mpirun inside of a batch job, whose script is Slurm's process 0.
      (["SLURM_PROCID": "0", "OMPI_COMM_WORLD_RANK": "1"], 1),
      (["PMI_RANK": "none", "SLURM_PROCID": "1"], 1), (["PMI_RANK": "-1"], nil),
    ] as [([String: String], Int?)])
  func launchersTellTheRank(environment: [String: String], rank: Int?) {
    #expect(LaunchedRank.rank(in: environment) == rank)
  }
}

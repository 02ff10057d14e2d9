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

  @Test(
    arguments: [
      ([:], nil), (["OMPI_COMM_WORLD_SIZE": "4"], 4), (["PMI_SIZE": "2"], 2),
      (["SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "3"], 3),
      // A batch script is no task of a step.
      (["SLURM_STEP_NUM_TASKS": "3"], nil), (["SLURM_PROCID": "0"], nil),
      // mpirun inside of an allocation of two nodes, each with a helper.
      (["SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "2", "OMPI_COMM_WORLD_SIZE": "8"], 8),
      (["PMI_SIZE": "0"], nil), (["PMI_SIZE": "many"], nil),
    ] as [([String: String], Int?)])
  func launchersTellTheSize(environment: [String: String], size: Int?) {
    #expect(LaunchedRank.jobSize(in: environment) == size)
  }
}

@Suite struct ShellQuotedTests {
  @Test(
    arguments: [
      ("runs/a-1", "runs/a-1"), ("a b", "'a b'"), ("", "''"), ("it's", "'it'\\''s'"),
      ("$x", "'$x'"), ("é", "'é'"), ("width=8", "width=8"),
    ] as [(String, String)])
  func wordsAsAShellTakesThem(word: String, quoted: String) {
    #expect(shellQuoted(word) == quoted)
  }
}

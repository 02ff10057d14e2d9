import Runs
import Storage
import Testing

/// What is said of ranks on cores, and of the space for a checkpoint.
@Suite struct CoreBindingTests {
  private func binding(
    _ cores: [Set<Int>], threads: Int = 1, available: Set<Int>
  ) -> CoreBinding {
    CoreBinding(
      host: "n1",
      ranks: cores.enumerated().map { .init(number: $0, threads: threads, cores: $1) },
      available: available)
  }

  @Test func coresForAllNeedNoWord() {
    for fit in [
      binding([[0], [1], [2], [3]], available: [0, 1, 2, 3]),
      binding([[0, 1], [2, 3]], threads: 2, available: [0, 1, 2, 3]),
      binding([[0, 1], [0, 1]], available: [0, 1]),
      // What the system does not tell.
      binding([[], []], available: []),
    ] {
      #expect(fit.misplacement == nil && fit.remark == nil, "\(fit)")
    }
    let four = binding([[0], [1], [2], [3]], available: [0, 1, 2, 3])
    #expect(four.summary == "n1: 4 ranks x 1 thread, cores 0-3")
  }

  @Test func ranksOnOneCoreWhileOthersAreIdle() {
    let found = binding([[0], [0], [0], [0]], available: [0, 1, 2, 3])
    #expect(
      found.misplacement
        == "ranks 0-3 share core 0 on n1 while cores 1-3 are idle: start the ranks by mpirun "
        + "--map-by slot:PE=1 --bind-to core (or --bind-to none), or by srun --cpus-per-task=1 "
        + "--cpu-bind=cores")
    #expect(found.remark == nil)
  }

  @Test func threadsWithoutCores() {
    let found = binding([[0], [1]], threads: 2, available: [0, 1, 2, 3])
    #expect(
      found.misplacement?.hasPrefix(
        "rank 0 has 2 threads for core 0 on n1 while cores 2, 3 are idle: ") == true
        || found.misplacement?.hasPrefix(
          "rank 0 has 2 threads for core 0 on n1 while cores 2-3 are idle: ") == true,
      "\(found.misplacement ?? "")")
    #expect(found.misplacement?.contains("slot:PE=2") == true)
  }

  /// No option of the launcher would help.
  @Test func moreThreadsThanCores() {
    let found = binding([[0, 1], [0, 1], [0, 1]], available: [0, 1])
    #expect(found.misplacement == nil)
    #expect(
      found.remark
        == "ranks 0-2 share cores 0-1 on n1, which has no other for them: start at most 2 ranks of "
        + "1 thread there")
  }

  @Test func coresWithoutWork() {
    let found = binding([[0, 1, 2, 3]], available: [0, 1, 2, 3])
    #expect(found.misplacement == nil)
    #expect(
      found.remark
        == "3 of 4 cores of n1 have nothing to do: start more ranks, or set training.threads")
  }

  @Test func aCheckpointWithoutRoom() {
    func warning(_ bytes: Int, _ files: Int?) -> String? {
      StartCheck.warning(
        FreeSpace(folder: "runs", bytes: bytes, files: files), checkpointBytes: 2_500_000)
    }
    #expect(warning(2_500_000, 100) == nil)
    #expect(warning(2_500_000, nil) == nil)
    #expect(warning(2_499_999, 100) != nil)
    #expect(
      warning(900_000, 100)
        == "runs: 900.0 kB are free, but a checkpoint takes 2.5 MB: the run would end at its first "
        + "one")
    #expect(warning(5_000_000, 3)?.hasPrefix("runs: 3 files can still be made") == true)
  }
}

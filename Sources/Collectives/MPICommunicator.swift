import Base
import COpenMPI
import Foundation

/// The ranks of an MPI job (`MPI_COMM_WORLD`).
package final class MPICommunicator: Communicator {
  package let rank: Int
  package let size: Int
  package private(set) var exchangeSeconds = 0.0

  /// Which ranks share a node's memory.
  package let layout: NodeLayout
  /// How sums and gathers that are prepared from now on travel.
  package private(set) var exchangeMode = ExchangeMode.auto

  /// Up to so many ranks a small sum is gathered in one step, and above goes by halves.
  private let mostGatheredRanks: Int

  let world = wgangp_comm_world()

  /// Whether a launcher (mpirun, srun) started this process as a rank of a job.
  ///
  /// Without one, MPI need not be started at all, which saves some tenths of a second.
  package static var isLaunched: Bool {
    let environment = ProcessInfo.processInfo.environment
    let names = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"]
    return names.contains { environment[$0] != nil }
  }

  /// Starts MPI.
  ///
  /// Only one communicator can be made in a process.
  ///
  /// - Throws: `Fault` where MPI cannot start or lacks `MPI_THREAD_FUNNELED`.
  package init() throws {
    // MPI's own rank is not known yet.
    let starting = LaunchedRank.current.map { "rank \($0)" } ?? "a rank"
    var provided: Int32 = 0
    try MPI.check(
      call: "MPI_Init_thread", rank: starting,
      MPI_Init_thread(nil, nil, Int32(MPI_THREAD_FUNNELED), &provided))
    Self.letCrashesEnd()
    guard provided >= Int32(MPI_THREAD_FUNNELED) else {
      throw Fault(
        "the MPI library has thread level \(provided), expected FUNNELED or more")
    }
    // Without this MPI ends the job by itself, and no status is ever seen. Calls without a
    // communicator go by that of all ranks, or from MPI 4 on by that of one.
    for communicator in [world, wgangp_comm_self()] {
      try MPI.check(
        call: "MPI_Comm_set_errhandler", rank: starting,
        MPI_Comm_set_errhandler(communicator, wgangp_errors_return()))
    }
    var (rank, size): (Int32, Int32) = (0, 0)
    try MPI.check(call: "MPI_Comm_rank", rank: starting, MPI_Comm_rank(world, &rank))
    try MPI.check(call: "MPI_Comm_size", rank: "rank \(rank)", MPI_Comm_size(world, &size))
    self.rank = Int(rank)
    self.size = Int(size)
    let pretended = try Self.agreedNumber(Self.pretendedNodeVariable, world, size: Int(size))
    mostGatheredRanks =
      try Self.agreedNumber(Self.gatheredRanksVariable, world, size: Int(size)) ?? 16
    layout = try Self.layout(world, rank: rank, size: Int(size), ranksPerNode: pretended)
  }

  /// Lets a rank that crashes end at once, so that mpirun ends the others.
  ///
  /// Swift's handler starts a program that prints the stack, and which may outlive the rank: mpirun
  /// then waits for it. Open MPI's prints a stack within the crash, where it may wait for ever for
  /// a lock of the allocator. `SWIFT_BACKTRACE=enable=yes` keeps them.
  private static func letCrashesEnd() {
    let setting = ProcessInfo.processInfo.environment["SWIFT_BACKTRACE"] ?? ""
    guard !setting.contains("enable=yes") else { return }
    for crash in crashSignals { signal(crash, SIG_DFL) }
  }

  /// The name of the environment variable that sets a number of ranks to treat as one node: for
  /// tests of the exchange between nodes on one machine.
  package static let pretendedNodeVariable = "WGANGP_RANKS_PER_NODE"

  /// Every rank's number, in rank order.
  private static func gather(_ mine: Int32, _ world: MPI_Comm?, size: Int) throws -> [Int32] {
    var (mine, all) = (mine, [Int32](repeating: 0, count: size))
    try MPI.check(
      call: "MPI_Allgather", rank: "a rank of \(size)",
      MPI_Allgather(&mine, 1, wgangp_int(), &all, 1, wgangp_int(), world))
    return all
  }

  /// The number from 1 that an environment variable has, the same on all ranks; nil where it is not
  /// set.
  ///
  /// What is wrong is told by all: where one rank went another way, the others would wait for it.
  private static func agreedNumber(
    _ variable: String, _ world: MPI_Comm?, size: Int
  ) throws -> Int? {
    let text = ProcessInfo.processInfo.environment[variable]
    let values = try gather(
      text.map { Int32($0).flatMap { $0 > 0 ? $0 : nil } ?? -1 } ?? 0, world, size: size)
    if let fault = fault(variable, values) {
      try MPI.check(call: "MPI_Finalize", rank: "a rank of \(size)", MPI_Finalize())
      throw Fault(fault)
    }
    return values[0] > 0 ? Int(values[0]) : nil
  }

  /// Asks MPI which ranks share memory.
  private static func layout(
    _ world: MPI_Comm?, rank: Int32, size: Int, ranksPerNode: Int?
  ) throws -> NodeLayout {
    let name = "rank \(rank) of \(size)"
    var mine = rank
    if let ranksPerNode {
      mine = rank / Int32(ranksPerNode) * Int32(ranksPerNode)
    } else {
      var node: MPI_Comm?
      try MPI.check(
        call: "MPI_Comm_split_type", rank: name,
        MPI_Comm_split_type(world, wgangp_shared_memory(), rank, wgangp_no_info(), &node))
      try MPI.check(call: "MPI_Bcast", rank: name, MPI_Bcast(&mine, 1, wgangp_int(), 0, node))
      try MPI.check(call: "MPI_Comm_free", rank: name, MPI_Comm_free(&node))
    }
    return NodeLayout(nodeOfRank: try gather(mine, world, size: size).map(Int.init))
  }

  /// What is wrong with the ranks' values of a variable: -1 for no number from 1, 0 where it is not
  /// set.
  private static func fault(_ variable: String, _ values: [Int32]) -> String? {
    if values.contains(-1) { return "\(variable): expected a number of ranks from 1" }
    guard let other = values.firstIndex(where: { $0 != values[0] }) else { return nil }
    func shown(_ value: Int32) -> String { value == 0 ? "not set" : "\(value)" }
    return "\(variable): \(shown(values[0])) on rank 0, \(shown(values[other])) on "
      + "rank \(other); expected the same on all ranks"
  }

  package func useExchange(_ mode: ExchangeMode) throws {
    _ = try layout.levels(rank: rank, mode: mode)
    exchangeMode = mode
  }

  package var exchangeDescription: String { layout.description(mode: exchangeMode) }

  /// Ends MPI; no communicator may be used afterwards.
  ///
  /// - Throws: `Fault` with what MPI says.
  package func finalize() throws {
    try MPI.check(call: "MPI_Finalize", rank: name, MPI_Finalize())
  }

  /// This rank for messages.
  private var name: String { "rank \(rank) of \(size)" }

  package func allGather(
    _ mine: UnsafeBufferPointer<Double>, into all: UnsafeMutableBufferPointer<Double>
  ) throws {
    precondition(
      all.count == size * mine.count, "gathering \(size) x \(mine.count) values into \(all.count)")
    timed("MPI_Allgather") {
      MPI_Allgather(
        mine.baseAddress, Int32(mine.count), wgangp_double(), all.baseAddress, Int32(mine.count),
        wgangp_double(), world)
    }
  }

  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {
    timed("MPI_Bcast") {
      MPI_Bcast(bytes.baseAddress, Int32(bytes.count), wgangp_byte(), Int32(root), world)
    }
  }

  package func barrier() throws { timed("MPI_Barrier") { MPI_Barrier(world) } }

  package func abort(status: Int32) -> Never {
    // It does not return; where it fails nevertheless, this process at least ends.
    _ = MPI_Abort(world, status)
    exit(status)
  }

  package func makeOrderedSum(count: Int) throws -> any OrderedSum {
    try makeOrderedSum(count: count, mode: exchangeMode)
  }

  /// An ordered sum by the way `mode`, whatever the job uses.
  package func makeOrderedSum(count: Int, mode: ExchangeMode) throws -> any OrderedSum {
    if size == 1 { return SumOfOne(count: count) }
    let isLong = layout.nodes > 1 && count >= Self.leastDividedCount
    return MPIOrderedSum(
      self, count: count, levels: try layout.levels(rank: rank, mode: mode), chunks: isLong ? 2 : 1)
  }

  /// From so many values on, a vector goes between nodes in two chunks: one is on the cable while
  /// the other is added up.
  ///
  /// Over TCP two chunks took 0.8 to 0.9 of the time of one; four or eight, and any number in
  /// shared memory, gained nothing.
  private static let leastDividedCount = 1 << 18

  /// Replaces `vector` on every rank by the sum of all ranks' vectors in an order of MPI's choice:
  /// only for a comparison of times.
  package func allReduce(_ vector: MutableFloatBuffer) {
    timed("MPI_Allreduce") {
      MPI_Allreduce(
        wgangp_in_place(), vector.baseAddress, Int32(vector.count), wgangp_float(), wgangp_sum(),
        world)
    }
  }

  /// Calls MPI and adds the seconds it took.
  ///
  /// A call that fails ends the whole job: the other ranks cannot know, and would wait for this
  /// one.
  @inline(__always)
  func timed(_ call: StaticString, _ body: () -> Int32) {
    let start = DispatchTime.now().uptimeNanoseconds
    Activity.beginWait(call, at: start)
    let status = body()
    Activity.endWait()
    exchangeSeconds += Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    require(call, status)
  }

  /// Ends the whole job where a call failed.
  @inline(__always)
  func require(_ call: StaticString, _ status: Int32) {
    do throws(Fault) {
      try MPI.check(call: call, rank: name, status)
    } catch {
      fail(error)
    }
  }

  /// Says what this rank alone may know, and ends the whole job.
  private func fail(_ error: Fault) -> Never {
    Messages.error(error.message, everyRank: true)
    abort(status: 1)
  }

  /// Name and version of the MPI library.
  package static var libraryVersion: String {
    MPI.string(Int(MPI_MAX_LIBRARY_VERSION_STRING)) { MPI_Get_library_version($0, $1) }
      ?? "unknown: MPI_Get_library_version failed"
  }

  /// The thread level that MPI was started with.
  package static var threadLevel: String {
    var level: Int32 = 0
    guard MPI_Query_thread(&level) == MPI_SUCCESS else {
      return "unknown: MPI_Query_thread failed"
    }
    switch Int(level) {
    case Int(MPI_THREAD_SINGLE): return "single"
    case Int(MPI_THREAD_FUNNELED): return "funneled"
    case Int(MPI_THREAD_SERIALIZED): return "serialized"
    default: return "multiple"
    }
  }

  package func makeAllGather(
    _ mine: UnsafeBufferPointer<Double>, into all: UnsafeMutableBufferPointer<Double>
  ) throws -> any PreparedAllGather {
    precondition(
      all.count == size * mine.count, "gathering \(size) x \(mine.count) values into \(all.count)")
    return try makeAllGather(mine, into: all, mode: exchangeMode)
  }

  /// A gather by the way `mode`, whatever the job uses.
  package func makeAllGather(
    _ mine: UnsafeBufferPointer<Double>, into all: UnsafeMutableBufferPointer<Double>,
    mode: ExchangeMode
  ) throws -> any PreparedAllGather {
    let levels = try layout.levels(rank: rank, mode: mode)
    guard levels.allSatisfy({ $0.ranks.count <= Self.mostDirectRanks }) else {
      return MPICollectiveGather(self, mine, all)
    }
    return levels.count == 1
      ? MPIDirectGather(self, mine, all) : MPITwoLevelGather(self, mine, all, levels: levels)
  }

  /// Up to so many ranks (of a level) a small vector goes straight to each other rank; MPI's
  /// collective takes log(ranks) steps.
  private static let mostDirectRanks = 16

  package func makeSmallSum(
    _ vector: UnsafeMutableBufferPointer<Double>
  ) throws -> any SmallSum {
    try makeSmallSum(vector, mode: exchangeMode, byHalves: size > mostGatheredRanks)
  }

  /// A small sum by the way `mode`, whatever the job uses.
  ///
  /// By halves or gathered.
  package func makeSmallSum(
    _ vector: UnsafeMutableBufferPointer<Double>, mode: ExchangeMode, byHalves: Bool
  ) throws -> any SmallSum {
    if size == 1 { return SmallSumOfOne() }
    guard byHalves else {
      return try GatheredSum(vector, ranks: size) { try makeAllGather($0, into: $1, mode: mode) }
    }
    return MPIHalvingSum(self, vector, levels: try layout.levels(rank: rank, mode: mode))
  }

  /// The name of the environment variable that sets up to how many ranks small sums are gathered:
  /// for tests of the halves on few ranks.
  package static let gatheredRanksVariable = "WGANGP_GATHERED_RANKS"
}

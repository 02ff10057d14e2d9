import COpenMPI
import Foundation
import Kernels

/// The ranks of an MPI job (`MPI_COMM_WORLD`).
package final class MPICommunicator: Communicator {
  package let rank: Int
  package let size: Int
  package private(set) var exchangeSeconds = 0.0

  private let world = wgangp_comm_world()

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
  /// - Throws: `CollectivesError` where MPI cannot start or lacks `MPI_THREAD_FUNNELED`.
  package init() throws {
    var provided: Int32 = 0
    let status = MPI_Init_thread(nil, nil, Int32(MPI_THREAD_FUNNELED), &provided)
    guard status == MPI_SUCCESS else { throw CollectivesError("MPI_Init_thread failed: \(status)") }
    guard provided >= Int32(MPI_THREAD_FUNNELED) else {
      throw CollectivesError(
        "the MPI library has thread level \(provided), expected FUNNELED or more")
    }
    MPI_Comm_set_errhandler(world, wgangp_errors_return())
    var (rank, size): (Int32, Int32) = (0, 0)
    MPI_Comm_rank(world, &rank)
    MPI_Comm_size(world, &size)
    self.rank = Int(rank)
    self.size = Int(size)
  }

  /// Ends MPI; no communicator may be used afterwards.
  package func finalize() { MPI_Finalize() }

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
    MPI_Abort(world, status)
    exit(status)
  }

  package func makeOrderedSum(count: Int) throws -> any OrderedSum {
    size == 1 ? Nothing() : MPIOrderedSum(self, count: count)
  }

  private final class Nothing: OrderedSum {
    func callAsFunction(_ vector: MutableFloatBuffer) throws {}
  }

  /// Calls MPI and adds the seconds it took.
  ///
  /// A call that fails ends the whole job: the other ranks cannot know, and would wait for this
  /// one.
  @inline(__always)
  fileprivate func timed(_ call: StaticString, _ body: () -> Int32) {
    let start = DispatchTime.now().uptimeNanoseconds
    let status = body()
    exchangeSeconds += Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    if status != MPI_SUCCESS { fail(call, status) }
  }

  fileprivate func fail(_ call: StaticString, _ status: Int32) -> Never {
    var text = [CChar](repeating: 0, count: Int(MPI_MAX_ERROR_STRING))
    var length: Int32 = 0
    MPI_Error_string(status, &text, &length)
    let reason = String(
      decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let line = "wgangp-dist: error: rank \(rank) of \(size): \(call) failed: \(reason)\n"
    FileHandle.standardError.write(Data(line.utf8))
    abort(status: 1)
  }

  /// Name, version and thread level of the MPI library.
  package static var libraryVersion: String {
    var text = [CChar](repeating: 0, count: Int(MPI_MAX_LIBRARY_VERSION_STRING))
    var length: Int32 = 0
    MPI_Get_library_version(&text, &length)
    return String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  package static var threadLevel: String {
    var level: Int32 = 0
    MPI_Query_thread(&level)
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
    guard size <= Self.mostDirectRanks else { return MPICollectiveGather(self, mine, all) }
    return MPIDirectGather(self, mine, all)
  }

  /// Up to so many ranks a small vector goes straight to each other rank; MPI's collective takes
  /// log(ranks) steps.
  private static let mostDirectRanks = 16

  /// Messages between fixed places, prepared once: starting them allocates nothing, which MPI's own
  /// collectives (4.1.4's with more than two ranks) do at every call.
  private final class Messages {
    private unowned let communicator: MPICommunicator
    private let requests: AlignedArray<MPI_Request?>
    private var count = 0

    init(_ communicator: MPICommunicator) {
      self.communicator = communicator
      requests = AlignedArray(count: 2 * communicator.size)
    }

    func addSend(_ bytes: UnsafeRawBufferPointer, to other: Int) {
      add("MPI_Send_init", bytes.count) {
        MPI_Send_init(
          bytes.baseAddress, Int32(bytes.count), wgangp_byte(), Int32(other), 0, communicator.world,
          $0)
      }
    }

    func addReceive(_ bytes: UnsafeMutableRawBufferPointer, from other: Int) {
      add("MPI_Recv_init", bytes.count) {
        MPI_Recv_init(
          bytes.baseAddress, Int32(bytes.count), wgangp_byte(), Int32(other), 0, communicator.world,
          $0)
      }
    }

    private func add(
      _ call: StaticString, _ bytes: Int, _ body: (UnsafeMutablePointer<MPI_Request?>) -> Int32
    ) {
      precondition(bytes <= Int(Int32.max), "a message of \(bytes) bytes is too long")
      let status = body(requests.pointer + count)
      if status != MPI_SUCCESS { communicator.fail(call, status) }
      count += 1
    }

    /// Sends and receives all of them.
    func exchange() {
      communicator.timed("MPI_Startall") { MPI_Startall(Int32(count), requests.pointer) }
      communicator.timed("MPI_Waitall") {
        MPI_Waitall(Int32(count), requests.pointer, wgangp_statuses_ignore())
      }
    }
  }

  private final class MPIDirectGather: PreparedAllGather {
    private let messages: Messages
    private let mine: UnsafeBufferPointer<Double>
    private let own: UnsafeMutablePointer<Double>

    init(
      _ communicator: MPICommunicator, _ mine: UnsafeBufferPointer<Double>,
      _ all: UnsafeMutableBufferPointer<Double>
    ) {
      self.mine = mine
      messages = Messages(communicator)
      let slot = { (rank: Int) in
        UnsafeMutableBufferPointer(rebasing: all[rank * mine.count..<(rank + 1) * mine.count])
      }
      own = slot(communicator.rank).baseAddress.unsafelyUnwrapped
      for other in 0..<communicator.size where other != communicator.rank {
        messages.addReceive(UnsafeMutableRawBufferPointer(slot(other)), from: other)
      }
      for other in 0..<communicator.size where other != communicator.rank {
        messages.addSend(UnsafeRawBufferPointer(mine), to: other)
      }
    }

    func callAsFunction() throws {
      if let source = mine.baseAddress { own.update(from: source, count: mine.count) }
      messages.exchange()
    }
  }

  private final class MPICollectiveGather: PreparedAllGather {
    private unowned let communicator: MPICommunicator
    private let mine: UnsafeBufferPointer<Double>
    private let all: UnsafeMutableBufferPointer<Double>

    init(
      _ communicator: MPICommunicator, _ mine: UnsafeBufferPointer<Double>,
      _ all: UnsafeMutableBufferPointer<Double>
    ) {
      self.communicator = communicator
      self.mine = mine
      self.all = all
    }

    func callAsFunction() throws { try communicator.allGather(mine, into: all) }
  }

  /// Every rank owns a slice of the vector: it receives that slice of all ranks, adds the ranks'
  /// values in tree order, and gives the sum to all.
  ///
  /// The traffic is a ring all-reduce's, 2 (N - 1) / N of the vector in and out, but the order of
  /// the additions is ours.
  private final class MPIOrderedSum: OrderedSum {
    private unowned let communicator: MPICommunicator
    private let tree: ReductionTree
    private let count: Int
    private let received: FloatStorage
    /// The vector that the messages were prepared for.
    private var vector = MutableFloatBuffer(start: nil, count: 0)
    private var scatter: Messages?
    private var gather: Messages?

    init(_ communicator: MPICommunicator, count: Int) {
      self.communicator = communicator
      self.count = count
      tree = ReductionTree(leaves: communicator.size)
      let most = (count + communicator.size - 1) / communicator.size
      received = FloatStorage(count: communicator.size * most)
    }

    private func slice(_ rank: Int) -> Range<Int> {
      rank * count / communicator.size..<(rank + 1) * count / communicator.size
    }

    private func prepare(_ vector: MutableFloatBuffer) {
      let (rank, size) = (communicator.rank, communicator.size)
      let mine = slice(rank)
      let (scatter, gather) = (Messages(communicator), Messages(communicator))
      let part = { (range: Range<Int>) in
        UnsafeMutableRawBufferPointer(MutableFloatBuffer(rebasing: vector[range]))
      }
      for other in 0..<size where other != rank {
        let slot = MutableFloatBuffer(
          start: received.pointer + other * mine.count, count: mine.count)
        scatter.addReceive(UnsafeMutableRawBufferPointer(slot), from: other)
        gather.addReceive(part(slice(other)), from: other)
      }
      for other in 0..<size where other != rank {
        scatter.addSend(UnsafeRawBufferPointer(part(slice(other))), to: other)
        gather.addSend(UnsafeRawBufferPointer(part(mine)), to: other)
      }
      self.scatter = scatter
      self.gather = gather
      self.vector = vector
    }

    func callAsFunction(_ vector: MutableFloatBuffer) throws {
      precondition(vector.count == count, "sum of \(vector.count) values, planned for \(count)")
      if vector.baseAddress != self.vector.baseAddress { prepare(vector) }
      let mine = slice(communicator.rank)
      guard let base = vector.baseAddress else { return }
      let own = received.pointer + communicator.rank * mine.count
      own.update(from: base + mine.lowerBound, count: mine.count)
      scatter?.exchange()
      tree.sum(received.pointer, stride: mine.count, range: 0..<mine.count)
      (base + mine.lowerBound).update(from: received.pointer, count: mine.count)
      gather?.exchange()
    }
  }
}

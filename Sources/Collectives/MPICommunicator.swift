import COpenMPI
import Foundation
import Kernels

/// The ranks of an MPI job (`MPI_COMM_WORLD`).
package final class MPICommunicator: Communicator {
  package let rank: Int
  package let size: Int
  package private(set) var exchangeSeconds = 0.0

  private let world = wgangp_comm_world()

  /// Whether a launcher (mpirun, srun) started this process as a rank of a job. Without one, MPI need not
  /// be started at all, which saves some tenths of a second.
  package static var isLaunched: Bool {
    let environment = ProcessInfo.processInfo.environment
    let names = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"]
    return names.contains { environment[$0] != nil }
  }

  /// Starts MPI. Only one communicator can be made in a process.
  ///
  /// - Throws: `CollectivesError` where MPI cannot start or lacks `MPI_THREAD_FUNNELED`.
  package init() throws {
    var provided: Int32 = 0
    let status = MPI_Init_thread(nil, nil, Int32(MPI_THREAD_FUNNELED), &provided)
    guard status == MPI_SUCCESS else { throw CollectivesError("MPI_Init_thread failed: \(status)") }
    guard provided >= Int32(MPI_THREAD_FUNNELED) else {
      throw CollectivesError("the MPI library has thread level \(provided), expected FUNNELED or more")
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
    try timed("MPI_Allgather") {
      MPI_Allgather(
        mine.baseAddress, Int32(mine.count), wgangp_double(), all.baseAddress, Int32(mine.count),
        wgangp_double(), world)
    }
  }

  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {
    try timed("MPI_Bcast") {
      MPI_Bcast(bytes.baseAddress, Int32(bytes.count), wgangp_byte(), Int32(root), world)
    }
  }

  package func barrier() throws { try timed("MPI_Barrier") { MPI_Barrier(world) } }

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

  /// Calls MPI, adds the seconds it took, and throws what it reports.
  @inline(__always)
  fileprivate func timed(_ call: StaticString, _ body: () -> Int32) throws {
    let start = DispatchTime.now().uptimeNanoseconds
    let status = body()
    exchangeSeconds += Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    if status != MPI_SUCCESS { throw error(call, status) }
  }

  private func error(_ call: StaticString, _ status: Int32) -> CollectivesError {
    var text = [CChar](repeating: 0, count: Int(MPI_MAX_ERROR_STRING))
    var length: Int32 = 0
    MPI_Error_string(status, &text, &length)
    let message = String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return CollectivesError("\(call) failed on rank \(rank) of \(size): \(message)")
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

  /// Every rank owns a slice of the vector: it receives that slice of all ranks (`MPI_Alltoallv`), adds the
  /// ranks' values in tree order, and gives the sum to all (`MPI_Allgatherv`). The traffic is a ring
  /// all-reduce's, 2 (N - 1) / N of the vector in and out, but the order of the additions is ours.
  private final class MPIOrderedSum: OrderedSum {
    private unowned let communicator: MPICommunicator
    private let tree: ReductionTree
    private let count: Int
    private let mine: Range<Int>
    private let received: FloatStorage
    /// Counts and displacements of the slices; MPI wants 32-bit integers.
    private let sliceCounts: AlignedArray<Int32>
    private let sliceStarts: AlignedArray<Int32>
    private let receiveCounts: AlignedArray<Int32>
    private let receiveStarts: AlignedArray<Int32>

    init(_ communicator: MPICommunicator, count: Int) {
      precondition(count <= Int(Int32.max), "a vector of \(count) values is too long for one sum")
      self.communicator = communicator
      self.count = count
      let (size, rank) = (communicator.size, communicator.rank)
      tree = ReductionTree(leaves: size)
      let start = { (slice: Int) in slice * count / size }
      mine = start(rank)..<start(rank + 1)
      received = FloatStorage(count: size * mine.count)
      sliceCounts = AlignedArray(count: size)
      sliceStarts = AlignedArray(count: size)
      receiveCounts = AlignedArray(count: size)
      receiveStarts = AlignedArray(count: size)
      for other in 0..<size {
        sliceCounts.buffer[other] = Int32(start(other + 1) - start(other))
        sliceStarts.buffer[other] = Int32(start(other))
        receiveCounts.buffer[other] = Int32(mine.count)
        receiveStarts.buffer[other] = Int32(other * mine.count)
      }
    }

    func callAsFunction(_ vector: MutableFloatBuffer) throws {
      precondition(vector.count == count, "sum of \(vector.count) values, planned for \(count)")
      try communicator.timed("MPI_Alltoallv") {
        MPI_Alltoallv(
          vector.baseAddress, sliceCounts.pointer, sliceStarts.pointer, wgangp_float(),
          received.pointer, receiveCounts.pointer, receiveStarts.pointer, wgangp_float(),
          communicator.world)
      }
      tree.sum(received.pointer, stride: mine.count, range: 0..<mine.count)
      try communicator.timed("MPI_Allgatherv") {
        MPI_Allgatherv(
          received.pointer, Int32(mine.count), wgangp_float(), vector.baseAddress,
          sliceCounts.pointer, sliceStarts.pointer, wgangp_float(), communicator.world)
      }
    }
  }
}

import Base
import COpenMPI

/// Messages between fixed places, prepared once: starting them allocates nothing, which MPI's own
/// collectives (4.1.4's with more than two ranks) do at every call.
final class MPIMessages {
  private unowned let communicator: MPICommunicator
  private let requests: AlignedArray<MPI_Request?>
  /// Where `MPI_Waitall` tells of each message.
  private let statuses: AlignedArray<MPI_Status>
  private let tag: Int32
  private var count = 0

  /// Makes room for at most `capacity` messages.
  ///
  /// `tag` tells apart messages between the same ranks that are under way at the same time.
  init(_ communicator: MPICommunicator, capacity: Int, tag: Int = 0) {
    self.communicator = communicator
    self.tag = Int32(tag)
    requests = AlignedArray(count: capacity)
    statuses = AlignedArray(count: capacity)
  }

  deinit {
    // What MPI held ended with it.
    var isOver: Int32 = 0
    communicator.require("MPI_Finalized", MPI_Finalized(&isOver))
    guard isOver == 0 else { return }
    for index in 0..<count {
      communicator.require("MPI_Request_free", MPI_Request_free(requests.pointer + index))
    }
  }

  func addSend(_ bytes: UnsafeRawBufferPointer, to other: Int) {
    add("MPI_Send_init", bytes.count) {
      MPI_Send_init(
        bytes.baseAddress, Int32(bytes.count), wgangp_byte(), Int32(other), tag,
        communicator.world, $0)
    }
  }

  func addReceive(_ bytes: UnsafeMutableRawBufferPointer, from other: Int) {
    add("MPI_Recv_init", bytes.count) {
      MPI_Recv_init(
        bytes.baseAddress, Int32(bytes.count), wgangp_byte(), Int32(other), tag,
        communicator.world, $0)
    }
  }

  private func add(
    _ call: StaticString, _ bytes: Int, _ body: (UnsafeMutablePointer<MPI_Request?>) -> Int32
  ) {
    precondition(bytes <= Int(Int32.max), "a message of \(bytes) bytes is too long")
    precondition(count < requests.count, "more than \(requests.count) messages")
    communicator.require(call, body(requests.pointer + count))
    count += 1
  }

  /// Begins to send and receive all of them.
  func start() {
    communicator.timed("MPI_Startall") { MPI_Startall(Int32(count), requests.pointer) }
  }

  /// Waits until all have been sent and received.
  func finish() {
    communicator.timed("MPI_Waitall") {
      let status = MPI_Waitall(Int32(count), requests.pointer, statuses.pointer)
      return status == MPI_ERR_IN_STATUS ? firstError ?? status : status
    }
  }

  /// What went wrong with the first message that failed.
  ///
  /// Of several messages MPI itself says only that one has.
  private var firstError: Int32? {
    statuses.buffer.prefix(count).lazy.map(\.MPI_ERROR)
      .first { $0 != MPI_SUCCESS && $0 != MPI_ERR_PENDING }
  }

  func exchange() {
    start()
    finish()
  }
}

import Base
import Collectives
import Kernels

/// The processes that train or draw together: those of `mpirun`, or this one alone.
///
/// A program that is started by `mpirun` calls ``join()`` once, does the same on all ranks, and
/// calls ``leave()`` at its end. Where something fails, it fails on all ranks.
public final class Ranks {
  let communicator: any Communicator
  private let mpi: MPICommunicator?

  private init(_ communicator: any Communicator, _ mpi: MPICommunicator? = nil) {
    self.communicator = communicator
    self.mpi = mpi
  }

  /// Joins the others.
  ///
  /// - Returns: All ranks of the job; without `mpirun` this process.
  /// - Throws: ``Failure`` where the processor lacks AVX2 or FMA, and where MPI does not start.
  public static func join() throws -> Ranks {
    try Failure.catching {
      if let missing = Processor.missingFeatures {
        throw Fault("this processor lacks \(missing); WGANGP is built for AVX2 and FMA")
      }
      if let fault = VectorLevel.fault { throw Fault(fault) }
      guard MPICommunicator.isLaunched else { return alone }
      let mpi = try MPICommunicator()
      Messages.setRank(mpi.rank)
      return Ranks(mpi, mpi)
    }
  }

  /// This process, whatever others there are.
  static var alone: Ranks {
    Messages.setRank(0)
    return Ranks(SoloCommunicator())
  }

  /// The number of this process, from 0.
  public var rank: Int { communicator.rank }

  /// How many there are.
  public var count: Int { communicator.size }

  /// Ends MPI; nothing of it can be used behind that.
  ///
  /// - Throws: ``Failure`` where MPI does not end.
  public func leave() throws {
    try Failure.catching { try mpi?.finalize() }
  }
}

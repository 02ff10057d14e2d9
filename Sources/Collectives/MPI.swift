import COpenMPI

/// The check of MPI's calls, in MPI's own words.
///
/// MPI returns a status only where its error handler is `MPI_ERRORS_RETURN`, which
/// `MPICommunicator` sets; before that, and by default, MPI itself ends the job.
enum MPI {
  /// Throws where a call failed.
  ///
  /// - Parameters:
  ///   - call: The function's name.
  ///   - rank: Who called, `rank 1 of 4`.
  ///   - status: What the function returned.
  /// - Throws: `CollectivesError` with the rank, the call and MPI's text.
  @inline(__always)
  static func check(
    call: StaticString, rank: @autoclosure () -> String, _ status: Int32
  ) throws(CollectivesError) {
    guard status != MPI_SUCCESS else { return }
    throw CollectivesError("\(rank()): \(call) failed: \(text(of: status))")
  }

  /// MPI's text of an error: `MPI_ERR_TRUNCATE: message truncated`.
  static func text(of status: Int32) -> String {
    string(Int(MPI_MAX_ERROR_STRING)) { MPI_Error_string(status, $0, $1) } ?? "status \(status)"
  }

  /// A text that MPI writes into a buffer, or nil where it fails.
  ///
  /// - Parameters:
  ///   - capacity: The longest text.
  ///   - body: The call, with the buffer and where the length goes.
  /// - Returns: The text.
  static func string(
    _ capacity: Int, _ body: (UnsafeMutablePointer<CChar>, UnsafeMutablePointer<Int32>) -> Int32
  ) -> String? {
    var text = [CChar](repeating: 0, count: capacity)
    var length: Int32 = 0
    let status = text.withUnsafeMutableBufferPointer { text -> Int32 in
      guard let start = text.baseAddress else { return -1 }
      return body(start, &length)
    }
    guard status == MPI_SUCCESS else { return nil }
    // Open MPI counts the zero byte at the end.
    let bytes = text.prefix(Int(length)).prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: bytes, as: UTF8.self)
  }
}

import Base
import Foundation

/// Where progress goes: a terminal whose line can be redrawn, or anything that takes lines.
///
/// What Open MPI 4.1.4 gives a rank (found by experiment, `isatty` and `TIOCGWINSZ` in a rank, with
/// and without a terminal around mpirun):
///
/// - Standard output is a pty of mpirun's making *always*: `isatty(1)` is 1 even if mpirun's own
///   output is a file or a pipe.
/// - Its window size is that of mpirun's standard output when the job starts, and 0 columns if that
///   is no terminal. mpirun's standard error or input being a terminal changes nothing.
/// - It does not follow when the terminal's size changes later.
/// - Standard error is a pipe always, so no bar can be drawn there under mpirun.
/// - `TERM` is passed on. With `--tag-output` every line gets a prefix, and
///   `OMPI_MCA_orte_tag_output=1` is in the environment.
/// - mpirun passes `\r` on as it is.
///
/// Hence 0 columns is not a terminal. (Ranks on other nodes: not tried; their daemon's output is no
/// terminal, so 0 columns and plain lines are expected.)
package struct ProgressOutput: Sendable {
  /// The terminal's width now; nil or 0 if there is no terminal.
  package var columns: @Sendable () -> Int?
  /// Takes text; errors are dropped, because a lost progress line is no reason to stop a job.
  package var write: @Sendable (_ text: String) -> Void

  package init(
    columns: @escaping @Sendable () -> Int?, write: @escaping @Sendable (_ text: String) -> Void
  ) {
    self.columns = columns
    self.write = write
  }

  /// An open descriptor.
  ///
  /// - Parameters:
  ///   - descriptor: 1 for standard output.
  ///   - environment: `TERM` unset or `dumb`, and mpirun's options that put a prefix before each
  ///     line, mean plain lines.
  /// - Returns: An output that writes to it without a buffer.
  package static func descriptor(
    _ descriptor: Int32, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> ProgressOutput {
    let isPlain =
      ["", "dumb"].contains(environment["TERM"] ?? "")
      || ["tag", "timestamp"].contains {
        !["", "0", "false"].contains(environment["OMPI_MCA_orte_\($0)_output"] ?? "")
      }
    return ProgressOutput(
      columns: { isPlain ? nil : terminalColumns(descriptor) },
      write: { text in Descriptor.write(text, to: descriptor) })
  }

  /// What takes a job's progress as its messages are told: nothing where they are quiet; plain
  /// lines on standard output where they are verbose, as one that is redrawn would lose the others.
  package static func standard(_ volume: Messages.Volume) -> ProgressOutput {
    switch volume {
    case .quiet: ProgressOutput(columns: { nil }, write: { _ in })
    case .normal: .descriptor(1)
    case .verbose: ProgressOutput(columns: { nil }, write: { Descriptor.write($0, to: 1) })
    }
  }

  /// The width of the terminal that a descriptor is, nil if it is none or has no width.
  package static func terminalColumns(_ descriptor: Int32) -> Int? {
    var size = winsize()
    guard isatty(descriptor) == 1, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0,
      size.ws_col > 0
    else { return nil }
    return Int(size.ws_col)
  }
}

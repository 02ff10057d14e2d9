import ArgumentParser

/// The exit statuses of commands; docs/commands.md has the table.
///
/// Beside these there are 0 for what is done, or agrees where something is compared; the argument
/// parser's 64 (`EX_USAGE`) for a wrong option; and 74 (`EX_IOERR`), with which the watchdog ends a
/// job that stalls (`Watchdog`).
enum ExitStatus {
  /// Something is wrong, and a line on standard error says what.
  static let failure = ExitCode(1)
  /// Stopped in order before the end, saved: the same command with `--continue` goes on.
  ///
  /// `EX_TEMPFAIL` of sysexits.h, as batch systems and mail servers read it.
  static let stopped = ExitCode(75)
}

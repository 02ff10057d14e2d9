import ArgumentParser

/// The exit statuses beside 0, done, and those of the argument parser.
enum ExitStatus {
  /// Something is wrong, and a line on standard error says what.
  static let failure = ExitCode(1)
  /// Stopped in order before the end, saved: the same command with `--continue` goes on.
  ///
  /// `EX_TEMPFAIL` of sysexits.h, as batch systems and mail servers read it.
  static let stopped = ExitCode(75)
}

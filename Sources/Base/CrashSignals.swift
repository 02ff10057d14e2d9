import Foundation

/// The signals that a crash gives a process; all others are somebody's wish.
package let crashSignals = [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP]

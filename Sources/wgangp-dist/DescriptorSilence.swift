import Base
import Foundation

extension Descriptor {
  /// Lets what is written to an open descriptor go nowhere, from now on.
  static func silence(_ descriptor: Int32) {
    let nowhere = open("/dev/null", O_WRONLY)
    guard nowhere >= 0 else { return }
    dup2(nowhere, descriptor)
    if nowhere != descriptor { close(nowhere) }
  }
}

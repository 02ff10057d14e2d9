import Base
import Foundation

extension Fault {
  /// An error from a system call.
  ///
  /// - Parameters:
  ///   - path: The file or folder the call was about.
  ///   - action: What was tried, as it follows "cannot": `write`, `open`.
  ///   - code: The call's `errno`; read it before anything else can change it.
  init(path: String, cannot action: String, code: Int32) {
    let advice: String? =
      switch code {
      case ENOSPC, EDQUOT: "free some space, then resume"
      case EROFS: "choose a folder on a writable file system"
      case EACCES, EPERM: "check the permissions of the folder"
      default: nil
      }
    self.init("\(path): cannot \(action): \(String(cString: strerror(code)))", advice: advice)
  }
}

/// The compiler that built the program.
///
/// Swift can compare its version, not name it: behind the newest release that is known here the
/// name says so.
enum SwiftVersion {
  #if compiler(>=6.3.3)
    static let name = "6.3.3 or newer"
  #elseif compiler(>=6.3.2)
    static let name = "6.3.2"
  #elseif compiler(>=6.3.1)
    static let name = "6.3.1"
  #elseif compiler(>=6.3)
    static let name = "6.3"
  #elseif compiler(>=6.2.4)
    static let name = "6.2.4"
  #elseif compiler(>=6.2.3)
    static let name = "6.2.3"
  #elseif compiler(>=6.2.2)
    static let name = "6.2.2"
  #elseif compiler(>=6.2.1)
    static let name = "6.2.1"
  #elseif compiler(>=6.2)
    static let name = "6.2"
  #elseif compiler(>=6.1.3)
    static let name = "6.1.3"
  #elseif compiler(>=6.1.2)
    static let name = "6.1.2"
  #elseif compiler(>=6.1.1)
    static let name = "6.1.1"
  #else
    static let name = "6.1"
  #endif
}

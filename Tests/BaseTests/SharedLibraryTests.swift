import Base
import TestSupport
import Testing

@Suite struct SharedLibraryTests {
  @Test func aFunctionIsFoundByTheFirstNameThatIsThere() throws {
    let library = try SharedLibrary(
      .init(["libnosuch.so.7", "libm.so.6"], for: "walking", package: "libm6"))
    let root: @convention(c) (Double, Double) -> Double = try library.function("hypot")
    #expect(root(3, 4) == 5)
    #expect(
      message { let _: @convention(c) () -> Void = try library.function("walk") }
        == "walking needs libnosuch.so.7: it has no function walk; install it (Debian: libm6)")
  }

  @Test func whatIsMissingIsToldInOneLine() {
    let missing = SharedLibrary.Kind(
      ["libnosuch.so.7", "libnosuch.so"], for: "walking", package: "libnosuch7")
    #expect(
      message { _ = try SharedLibrary(missing) }
        == "walking needs libnosuch.so.7: "
        + "libnosuch.so.7: cannot open shared object file: No such file or directory, "
        + "libnosuch.so: cannot open shared object file: No such file or directory; "
        + "install it (Debian: libnosuch7)")
  }
}

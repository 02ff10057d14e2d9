import Base
import Testing

@Suite struct FaultTests {
  /// A path may have any signs: only the type tells advice from the statement.
  @Test func adviceStandsBehindTheStatement() {
    let path = "a; b"
    let plain = Fault("\(path): is empty")
    #expect(plain.message == "a; b: is empty" && plain.advice == nil && "\(plain)" == plain.message)
    let advised = Fault("\(path): is empty", advice: "download it again", parameter: "path")
    #expect(advised.statement == "a; b: is empty")
    #expect(advised.message == "a; b: is empty; download it again")
    #expect("\(advised)" == "path: a; b: is empty; download it again")
  }
}

import Base
import Testing

@Suite struct ProcessorCoresTests {
  @Test func askingForAllCoresLeavesTheBinding() {
    let before = Processor.boundCores
    let available = Processor.availableCores
    #expect(Processor.boundCores == before)
    #expect(Set(available).isSuperset(of: before) && !available.isEmpty, "\(available)")
  }

  @Test func coresAreListedAsSpans() {
    #expect(Processor.list([8, 1, 0, 2]) == "0-2, 8")
    #expect(Processor.list([3]) == "3")
    #expect(Processor.list([]) == "")
  }
}

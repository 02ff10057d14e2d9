import Collectives
import Testing

@Suite struct WatchdogTests {
  /// Twenty iterations are waited for, but not twenty times one that was held up.
  @Test func patience() {
    #expect(Watchdog.patience(timeout: 600, mean: 0.5, slowest: 3) == 600)
    #expect(Watchdog.patience(timeout: 5, mean: 1, slowest: 3) == 20)
    #expect(Watchdog.patience(timeout: 5, mean: 0.01, slowest: 4) == 8)
    #expect(Watchdog.patience(timeout: 5, mean: 0, slowest: 0) == 5)
  }
}

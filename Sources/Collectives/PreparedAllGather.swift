/// An all-gather whose places are fixed.
package protocol PreparedAllGather: AnyObject {
  func callAsFunction() throws
}

/// The plain all-gather, for communicators that have nothing better.
final class PlainAllGather: PreparedAllGather {
  private unowned let communicator: any Communicator
  private let mine: UnsafeBufferPointer<Double>
  private let all: UnsafeMutableBufferPointer<Double>

  init(
    _ communicator: any Communicator, _ mine: UnsafeBufferPointer<Double>,
    _ all: UnsafeMutableBufferPointer<Double>
  ) {
    self.communicator = communicator
    self.mine = mine
    self.all = all
  }

  func callAsFunction() throws { try communicator.allGather(mine, into: all) }
}

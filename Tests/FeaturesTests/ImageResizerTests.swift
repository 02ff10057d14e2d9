import Base
import Datasets
import Features
import TestSupport
import Testing

@Suite struct ImageResizerTests {
  private static let sizes = [((9, 13), (20, 32)), ((40, 31), (7, 5))]

  private func resized(_ method: ImageResizer.Method, _ number: Int) throws -> [Float] {
    let ((height, width), (newHeight, newWidth)) = Self.sizes[number]
    let resizer = try ImageResizer(
      method, from: Shape(channels: 3, height: height, width: width),
      to: ImageSize(height: newHeight, width: newWidth))
    let scratch = ImageResizer.Scratch()
    let picture = HashedTensors.image("picture", height: height, width: width)
    return withOutput(newHeight * newWidth * 3) { target in
      picture.withUnsafeBufferPointer {
        resizer.resample($0, into: target, scratch)
      }
    }
  }

  /// Against torch-fidelity's, PyTorch's and Pillow's own, enlarging and reducing.
  @Test(arguments: ImageResizer.Method.allCases.filter { $0 != .none }, 0..<2)
  func isAsRecorded(method: ImageResizer.Method, number: Int) throws {
    let ((height, width), (newHeight, newWidth)) = Self.sizes[number]
    let expected = try HashedTensors.recorded().floats(
      "\(method.rawValue).\(height)x\(width).\(newHeight)x\(newWidth)")
    let found = try resized(method, number)
    switch method {
    // Vectorized products round otherwise, in 0 ... 255.
    case .pytorch: expectClose(found, expected, absolute: 1e-4)
    default: expectSameBits(found, expected, "\(method)")
    }
  }

  /// The methods are six.
  @Test func methodsDiffer() throws {
    let all = try ImageResizer.Method.allCases.filter { $0 != .none }.map { try resized($0, 1) }
    for (index, values) in all.enumerated() {
      #expect(!all.dropFirst(index + 1).contains(values), "method \(index)")
    }
  }

  @Test func anotherSizeNeedsAMethod() throws {
    let shape = Shape(channels: 1, height: 2, width: 3)
    let found = message {
      try ImageResizer(.none, from: shape, to: ImageSize(height: 3, width: 3))
    }
    #expect(found == "images of 2x3 pixels: expected 3x3, as input.resize is none")
    let same = try ImageResizer(.none, from: shape, to: ImageSize(height: 2, width: 3))
    let scratch = ImageResizer.Scratch()
    let copy = withOutput(6) { target in
      ([1, 2, 3, 4, 5, 6.5] as [Float]).withUnsafeBufferPointer {
        same.resample($0, into: target, scratch)
      }
    }
    #expect(copy == [1, 2, 3, 4, 5, 6.5])
  }
}

import Base
import EventMessages

/// How values are distributed: their numbers in buckets of equal width, of those that are finite.
package struct EventHistogram {
  private static let buckets = 64

  let message: TensorBoardHistogramProto

  package init(_ values: FloatBuffer) {
    var (least, most) = (Double.infinity, -Double.infinity)
    var (count, sum, squares) = (0.0, 0.0, 0.0)
    for value in values where value.isFinite {
      let value = Double(value)
      least = min(least, value)
      most = max(most, value)
      count += 1
      sum += value
      squares += value * value
    }
    guard count > 0 else {
      message = TensorBoardHistogramProto()
      return
    }
    // All the same: one bucket that is not empty.
    let width = most > least ? (most - least) / Double(Self.buckets) : max(abs(least), 1) * 1e-3
    var counts = [Double](repeating: 0, count: Self.buckets)
    for value in values where value.isFinite {
      counts[min(Self.buckets - 1, Int((Double(value) - least) / width))] += 1
    }
    message = .with {
      $0.min = least
      $0.max = most
      $0.num = count
      $0.sum = sum
      $0.sumSquares = squares
      $0.bucketLimit = (1...Self.buckets).map { least + Double($0) * width }
      $0.bucket = counts
    }
  }
}

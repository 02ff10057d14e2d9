import Base
import Foundation
import Kernels
import TestSupport
import Testing

/// Attention against its definition in Double, and the passes against differences of that.
@Suite struct AttentionTests {
  static let cases = [
    Attention(queries: 5, keys: 3, keyChannels: 2, valueChannels: 3),
    Attention(queries: 19, keys: 17, keyChannels: 3, valueChannels: 9),
    Attention(queries: 16, keys: 1, keyChannels: 1, valueChannels: 16),
    Attention(queries: 33, keys: 40, keyChannels: 1, valueChannels: 2),
  ]

  /// y of one sample.
  private func naive(_ g: Attention, _ x: [Double]) -> [Double] {
    let k = g.keyChannels * g.queries
    let v = k + g.keyChannels * g.keys
    return (0..<g.queries).flatMap { query in
      let products = (0..<g.keys).map { key in
        (0..<g.keyChannels).reduce(0.0) {
          $0 + x[$1 * g.queries + query] * x[k + $1 * g.keys + key]
        }
      }
      let weights = products.map { exp($0 - (products.max() ?? 0)) }
      let sum = weights.reduce(0, +)
      return (0..<g.valueChannels).map { channel in
        (0..<g.keys).reduce(0.0) { $0 + weights[$1] / sum * x[v + channel * g.keys + $1] }
      }
    }
  }

  private func gradient(_ x: [Double], of function: ([Double]) -> Double) -> [Double] {
    let step = 1e-3
    return x.indices.map { index in
      var (above, below) = (x, x)
      above[index] += step
      below[index] -= step
      return (function(above) - function(below)) / (2 * step)
    }
  }

  private func product(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }

  @Test(arguments: cases)
  func passesAreThoseOfTheDefinition(g: Attention) {
    let samples = 2
    var data = TestData(seed: 8)
    let x = data.normals(samples * g.inputCount, deviation: 0.8)
    let t = data.normals(samples * g.inputCount)
    let d = data.normals(samples * g.outputCount)
    var scratchValues = nanFilled(g.scratchCount)
    var (y, dx, jt, share) = ([Float](), [Float](), [Float](), [Float]())
    scratchValues.withUnsafeMutableBufferPointer { scratch in
      x.read { x in
        y = withOutput(d.count) { g.forward(samples: samples, x, into: $0, scratch: scratch) }
        d.read { d in
          dx = withOutput(x.count) {
            g.gradient(samples: samples, d, input: x, into: $0, scratch: scratch)
          }
          t.read { t in
            share = withOutput(x.count) { share in
              jt = withOutput(d.count) {
                g.second(samples: samples, t, d, input: x, into: $0, share: share, scratch: scratch)
              }
            }
            let alone = withOutput(x.count) {
              g.second(samples: samples, t, d, input: x, into: nil, share: $0, scratch: scratch)
            }
            expectSameBits(alone, share, "share without J t")
          }
        }
      }
    }
    for sample in 0..<samples {
      let inputs = sample * g.inputCount..<(sample + 1) * g.inputCount
      let outputs = sample * g.outputCount..<(sample + 1) * g.outputCount
      let (xs, ts, ds) = (
        x[inputs].map(Double.init), t[inputs].map(Double.init), d[outputs].map(Double.init)
      )
      expectClose(y[outputs], naive(g, xs), absolute: 1e-5, "y")
      expectClose(
        dx[inputs], gradient(xs) { product(naive(g, $0), ds) }, absolute: 1e-4, relative: 1e-4, "dx"
      )
      /// The change of y along t.
      let change = { (x: [Double]) -> [Double] in
        let step = 1e-3
        let above = naive(g, zip(x, ts).map { $0 + step * $1 })
        let below = naive(g, zip(x, ts).map { $0 - step * $1 })
        return zip(above, below).map { ($0 - $1) / (2 * step) }
      }
      expectClose(jt[outputs], change(xs), absolute: 1e-4, relative: 1e-4, "J t")
      expectClose(
        share[inputs], gradient(xs) { product(change($0), ds) }, absolute: 5e-4, relative: 5e-4,
        "share")
    }
  }

  /// Products that would overflow the exponential, all the same way: the weights are equal.
  @Test func largeProducts() {
    let g = Attention(queries: 9, keys: 4, keyChannels: 1, valueChannels: 1)
    let x =
      [Float](repeating: 1000, count: 9) + [Float](repeating: 1000, count: 4) + [1, 2, 3, 6]
    let scratch = FloatStorage(count: g.scratchCount)
    let y = x.read { x in
      withOutput(9) { g.forward(samples: 1, x, into: $0, scratch: scratch.buffer) }
    }
    expectClose(y, [Float](repeating: 3, count: 9), absolute: 1e-6)
  }
}

import Base
import Foundation
import TestSupport
import Testing

@Suite struct RandomStreamTests {
  private let stream = RandomStream(seed: 42, purpose: .criticNoise, step: 3)

  private func normals(_ stream: RandomStream, sample: Int, count: Int) -> [Float] {
    withOutput(count) { stream.normals(sample: sample, into: $0) }
  }

  private func uniforms(_ stream: RandomStream, sample: Int, count: Int) -> [Float] {
    withOutput(count) { stream.uniforms(sample: sample, into: $0) }
  }

  @Test func orderOfAccessDoesNotMatter() {
    let forwards = (0..<9).map { normals(stream, sample: $0, count: 11) }
    let backwards = (0..<9).reversed().map { normals(stream, sample: $0, count: 11) }
    #expect(forwards == backwards.reversed())
    #expect(Set(forwards).count == 9)
    // A fresh stream of the same identity, other draws in between.
    let again = RandomStream(seed: 42, purpose: .criticNoise, step: 3)
    _ = uniforms(again, sample: 5, count: 100)
    expectSameBits(normals(again, sample: 4, count: 11), forwards[4])
  }

  /// Element i does not depend on how many are drawn: counts 0 to 13 cut blocks of four everywhere.
  @Test(arguments: 0...13)
  func countDoesNotMatter(count: Int) {
    expectSameBits(
      normals(stream, sample: 1, count: count), normals(stream, sample: 1, count: 64).prefix(count))
    expectSameBits(
      uniforms(stream, sample: 1, count: count),
      uniforms(stream, sample: 1, count: 64).prefix(count))
  }

  @Test func everyPartOfTheIdentityCounts() {
    let streams = [
      stream, RandomStream(seed: 43, purpose: .criticNoise, step: 3),
      RandomStream(seed: 42 + 1 << 32, purpose: .criticNoise, step: 3),
      RandomStream(seed: 42, purpose: .generatorNoise, step: 3),
      RandomStream(seed: 42, purpose: .criticNoise, step: 4),
      RandomStream(seed: 42, purpose: .criticNoise, step: 3 + 1 << 32),
    ]
    let lists = streams.map { uniforms($0, sample: 0, count: 8) }
    #expect(Set(lists).count == streams.count)
  }

  /// Published moments of N(0, 1) over 400,000 numbers: standard errors are 0.0016, 0.0022, 0.0039
  /// and 0.0155; five of them are allowed.
  @Test func momentsOfNormals() {
    let values = (0..<400).flatMap { normals(stream, sample: $0, count: 1000) }.map(Double.init)
    let moment = { (power: Int) in
      values.reduce(0) { sum, value in
        sum + (0..<power).reduce(1.0) { product, _ in product * value }
      } / Double(values.count)
    }
    expectClose(moment(1), 0, absolute: 0.008, "mean")
    expectClose(moment(2), 1, absolute: 0.011, "variance")
    expectClose(moment(3), 0, absolute: 0.02, "third moment")
    expectClose(moment(4), 3, absolute: 0.08, "fourth moment")
    #expect(values.allSatisfy { abs($0) <= 6.7 })
    // Neighbours (the two of a Box-Muller pair among them) do not correlate.
    for lag in 1...4 {
      let product = zip(values, values.dropFirst(lag)).reduce(0) { $0 + $1.0 * $1.1 }
      expectClose(product / Double(values.count), 0, absolute: 0.008, "correlation at lag \(lag)")
    }
  }

  @Test func uniformsFillTheUnitInterval() {
    let values = (0..<200).flatMap { uniforms(stream, sample: $0, count: 1001) }
    #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect(values.allSatisfy { ($0 * 0x1p24).rounded() == $0 * 0x1p24 })
    let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
    let variance =
      values.reduce(0.0) { $0 + (Double($1) - 0.5) * (Double($1) - 0.5) } / Double(values.count)
    // Standard errors 0.00065 and 0.00017.
    expectClose(mean, 0.5, absolute: 0.0033)
    expectClose(variance, 1.0 / 12, absolute: 0.0009)
    var tenths = [Int](repeating: 0, count: 10)
    for value in values { tenths[Int(value * 10)] += 1 }
    // 20,020 each, standard deviation 134.
    #expect(tenths.allSatisfy { abs($0 - 20_020) < 700 }, "\(tenths)")
  }

  @Test(arguments: [1, 2, 3, 7, 10, 1000, 1 << 40, Int.max])
  func integersStayBelowTheirBound(bound: Int) {
    let values = (0..<2000).map { stream.integer(below: bound, sample: $0 / 2, element: $0 % 2) }
    #expect(values.allSatisfy { $0 >= 0 && $0 < bound })
    if bound <= 10 { #expect(Set(values).count == bound) }
    if bound > 1000 {
      #expect(Set(values).count == values.count)
      #expect((values.max() ?? 0) > bound / 10 * 9)
    }
  }

  @Test(arguments: [0, 1, 2, 3, 10, 257])
  func permutationHasEachIndexOnce(count: Int) {
    var order = [Int32](repeating: -1, count: count)
    order.withUnsafeMutableBufferPointer { stream.permutation(into: $0) }
    #expect(order.sorted() == (0..<count).map { Int32($0) })
    if count > 3 { #expect(order != order.sorted()) }
  }

  /// All 24 orders of four, 4,800 draws: 200 each, standard deviation 13.8.
  @Test func permutationsAreEquallyLikely() {
    var counts: [[Int32]: Int] = [:]
    for step in 0..<4800 {
      var order = [Int32](repeating: 0, count: 4)
      order.withUnsafeMutableBufferPointer {
        RandomStream(seed: 5, purpose: .shuffle, step: step).permutation(into: $0)
      }
      counts[order, default: 0] += 1
    }
    #expect(counts.count == 24)
    #expect(counts.values.allSatisfy { abs($0 - 200) < 70 }, "\(counts.values.sorted())")
  }

  /// Box and Muller's formula with the C library's functions: of 400,000 numbers at most two differ
  /// by a unit in the last place, as the errors of both functions have it for one in some millions.
  @Test func normalsAreThoseOfTheFormula() {
    var others = 0
    for sample in 0..<400 {
      let values = normals(stream, sample: sample, count: 1000)
      for block in 0..<250 {
        let bits = stream.bits(sample: sample, block: block)
        for pair in 0..<2 {
          let radius = (-2 * log((Double(bits[2 * pair]) + 1) * 0x1p-32)).squareRoot()
          let angle = 2 * Double.pi * (Double(bits[2 * pair + 1]) * 0x1p-32)
          for (place, exact) in [(0, radius * cos(angle)), (1, radius * sin(angle))] {
            let value = values[block * 4 + pair * 2 + place]
            guard value != Float(exact) else { continue }
            others += 1
            #expect(abs(Double(value) - exact) <= Double(value.ulp), "\(value) for \(exact)")
          }
        }
      }
    }
    #expect(others <= 2)
  }

  /// The ends of the radius and of the four quarters of a turn, against the C library.
  @Test func normalsAtTheEndsOfTheirQuarters() {
    let ends: [UInt32] = [0, 1, 1 << 29, 1 << 30, 1 << 31, 3 << 30, 7 << 29, .max]
    let words = ends.flatMap { [$0 &- 1, $0, $0 &+ 1] }
    for u in words {
      for first in stride(from: 0, to: words.count, by: 4) {
        let v = SIMD4<UInt32>(words[first..<first + 4])
        let values = NormalPairs.normals(u: .init(repeating: u), v: v)
        for lane in 0..<4 {
          let radius = (-2 * log((Double(u) + 1) * 0x1p-32)).squareRoot()
          let angle = 2 * Double.pi * (Double(v[lane]) * 0x1p-32)
          let expected = [Float(radius * cos(angle)), Float(radius * sin(angle))]
          for (value, expected) in zip([values[2 * lane], values[2 * lane + 1]], expected) {
            #expect(abs(value - expected) <= expected.ulp, "u \(u), v \(v[lane])")
          }
        }
      }
    }
  }

  @Test func uniformsAreThoseOfTheBlocks() {
    let values = uniforms(stream, sample: 3, count: 400)
    for block in 0..<100 {
      let bits = stream.bits(sample: 3, block: block)
      for lane in 0..<4 { #expect(values[block * 4 + lane] == Float(bits[lane] >> 8) * 0x1p-24) }
    }
  }
}

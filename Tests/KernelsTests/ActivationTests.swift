import Base
import Foundation
import Kernels
import TestSupport
import Testing

/// The smooth activations against their definitions in Double, and against PyTorch.
@Suite struct ActivationTests {
  static let functions: [ActivationFunction] = [
    .tanh, .sigmoid, .softplus, .elu(alpha: 1), .elu(alpha: 0.3), .elu(alpha: 0), .gelu, .geluTanh,
    .swish,
  ]
  static let counts = Array(0...17) + [1001]

  /// f, f' and f'' at x.
  private static func exact(_ function: ActivationFunction, _ x: Double) -> [Double] {
    let s = 1 / (1 + exp(-x))
    switch function {
    case .tanh: return [tanh(x), 1 / (cosh(x) * cosh(x)), -2 * tanh(x) / (cosh(x) * cosh(x))]
    case .sigmoid: return [s, s * (1 - s), s * (1 - s) * (1 - 2 * s)]
    case .softplus: return [x > 30 ? x : log1p(exp(x)), s, s * (1 - s)]
    case .elu(let alpha):
      let alpha = Double(alpha)
      return x > 0 ? [x, 1, 0] : [alpha * expm1(x), alpha * exp(x), alpha * exp(x)]
    case .gelu:
      let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
      let distribution = erfc(-x / 2.squareRoot()) / 2
      return [x * distribution, distribution + x * density, density * (2 - x * x)]
    case .geluTanh:
      let a = (2 / Double.pi).squareRoot()
      let h = tanh(a * (x + 0.044715 * x * x * x))
      let (u1, u2) = (a * (1 + 3 * 0.044715 * x * x), a * 6 * 0.044715 * x)
      let (h1, h2) = ((1 - h * h) * u1, (1 - h * h) * (u2 - 2 * h * u1 * u1))
      return [x * (1 + h) / 2, (1 + h + x * h1) / 2, (2 * h1 + x * h2) / 2]
    case .swish: return [x * s, s * (1 + x * (1 - s)), s * (1 - s) * (2 + x * (1 - 2 * s))]
    }
  }

  /// y, dx and the share, from x, d and t.
  private static func found(
    _ function: ActivationFunction, _ x: [Float], d: [Float], t: [Float]
  ) -> (y: [Float], dx: [Float], share: [Float]) {
    let y = x.read { x in withOutput(x.count) { Activations.apply(function, x, into: $0) } }
    let (dx, share) = (function.derivativesReadOutput ? y : x).read { v in
      d.read { d in
        t.read { t in
          (
            withOutput(x.count) { Activations.gradient(function, d, at: v, into: $0) },
            withOutput(x.count) { Activations.share(function, d, t, at: v, into: $0) }
          )
        }
      }
    }
    return (y, dx, share)
  }

  @Test(arguments: functions, counts)
  func definitions(function: ActivationFunction, count: Int) {
    var data = TestData(seed: 2)
    let x = data.normals(count, deviation: 2)
    let d = data.normals(count)
    let t = data.normals(count)
    let exact = x.map { Self.exact(function, Double($0)) }
    let found = Self.found(function, x, d: d, t: t)
    expectClose(found.y, exact.map { $0[0] }, absolute: 1e-7, relative: 2e-7, "y")
    expectClose(
      found.dx, zip(d, exact).map { Double($0) * $1[1] }, absolute: 1e-6, relative: 1e-6, "dx")
    let shares = zip(zip(d, t), exact).map { Double($0.0 * $0.1) * $1[2] }
    expectClose(found.share, shares, absolute: 3e-6, relative: 1e-6, "share")
  }

  /// Functions give the same bits in place, and wherever a value lies.
  @Test(arguments: functions)
  func bits(function: ActivationFunction) {
    var data = TestData(seed: 3)
    let x = data.normals(19, deviation: 3)
    let d = data.normals(19)
    let t = data.normals(19)
    let whole = Self.found(function, x, d: d, t: t)
    for index in 0..<19 {
      let one = Self.found(function, [x[index]], d: [d[index]], t: [t[index]])
      expectSameBits(one.y, [whole.y[index]])
      expectSameBits(one.dx, [whole.dx[index]])
      expectSameBits(one.share, [whole.share[index]])
    }
    expectSameBits(
      x.changed { Activations.apply(function, FloatBuffer($0), into: $0) }, whole.y)
    let v = function.derivativesReadOutput ? whole.y : x
    expectSameBits(
      d.changed { d in
        v.read { Activations.gradient(function, FloatBuffer(d), at: $0, into: d) }
      }, whole.dx)
    expectSameBits(
      t.changed { t in
        d.read { d in v.read { Activations.share(function, d, FloatBuffer(t), at: $0, into: t) } }
      }, whole.share)
  }

  /// Far from 0 nothing overflows or becomes NaN, a NaN stays one, and small results keep digits.
  @Test(arguments: functions)
  func extremes(function: ActivationFunction) {
    let x: [Float] = [
      -1e9, -200, -104.5, -95, -88, -60, -30.5, -16.5, -1e-6, -0.0, 0, 1e-6, 16.5, 30.5, 60, 88, 95,
      104.5, 200, 1e9,
    ]
    let ones = [Float](repeating: 1, count: x.count)
    let found = Self.found(function, x, d: ones, t: ones)
    let exact = x.map { Self.exact(function, max(-700, min(700, Double($0)))) }
    for index in x.indices where abs(x[index]) <= 200 {
      // Results below the normal numbers have fewer digits.
      expectClose(
        found.y[index], exact[index][0], absolute: 2e-43, relative: 2e-6, "y of \(x[index])")
      expectClose(found.dx[index], exact[index][1], absolute: 2e-7, "slope at \(x[index])")
      expectClose(found.share[index], exact[index][2], absolute: 4e-7, "curvature at \(x[index])")
    }
    #expect((found.y + found.dx + found.share).allSatisfy { $0.isFinite })
    if function == .sigmoid {
      // exp(-95) is below the normal numbers.
      expectClose(found.y[3], exp(-95.0), absolute: 0, relative: 1e-3)
    }
    let nans = nanFilled(9)
    let ofNaN = Self.found(function, nans, d: nans, t: nans)
    #expect((ofNaN.y + ofNaN.dx + ofNaN.share).allSatisfy { $0.isNaN })
  }

  /// At -4.25, -1.5, -0.125, 0.75 and 3: f, f' and f'' by PyTorch 2.15.0 in float64, by
  /// `torch.autograd.grad` of `torch.tanh`, `sigmoid` and `torch.nn.functional.softplus`, `elu`,
  /// `gelu` and `silu`.
  static let recorded: [(ActivationFunction, [[Double]])] = [
    (
      .tanh,
      [
        [-0.999593146, -0.905148254, -0.124353002, 0.635148952, 0.995054754],
        [0.000813542382, 0.180706639, 0.984536331, 0.596585808, 0.00986603717],
        [0.00162642278, 0.327132597, 0.244860096, -0.757841702, -0.0196344944],
      ]
    ),
    (
      .sigmoid,
      [
        [0.014063627, 0.182425524, 0.468790627, 0.679178699, 0.952574127],
        [0.0138658414, 0.149146452, 0.249025975, 0.217894994, 0.0451766597],
        [0.0134758334, 0.0947302128, 0.0155438893, -0.0780842831, -0.0408915747],
      ]
    ),
    (
      .softplus,
      [
        [0.0141634569, 0.201413278, 0.632599035, 1.13687101, 3.04858735],
        [0.014063627, 0.182425524, 0.468790627, 0.679178699, 0.952574127],
        [0.0138658414, 0.149146452, 0.249025975, 0.217894994, 0.0451766597],
      ]
    ),
    (
      .elu(alpha: 1),
      [
        [-0.985735766, -0.77686984, -0.117503097, 0.75, 3.0],
        [0.0142642339, 0.22313016, 0.882496903, 1.0, 1.0],
        [0.0142642339, 0.22313016, 0.882496903, 0.0, 0.0],
      ]
    ),
    (
      .elu(alpha: 0.3),
      [
        [-0.29572073, -0.233060952, -0.0352509292, 0.75, 3.0],
        [0.00427927017, 0.066939048, 0.264749071, 1.0, 1.0],
        [0.00427927017, 0.066939048, 0.264749071, 0.0, 0.0],
      ]
    ),
    (
      .gelu,
      [
        [-4.54262345e-05, -0.100210802, -0.0562827219, 0.580029486, 2.99595031],
        [-0.00019211568, -0.127469192, 0.400782064, 0.999225722, 1.01194565],
        [-0.000766480599, -0.0323793989, 0.78549041, 0.432885059, -0.0310229389],
      ]
    ),
    (
      .geluTanh,
      [
        [-2.01420358e-05, -0.100428423, -0.0562828014, 0.579960555, 2.99636261],
        [-0.000105282184, -0.127710793, 0.400784594, 0.998938256, 1.01158417],
        [-0.000512541535, -0.0305181965, 0.785430362, 0.43230749, -0.0317676589],
      ]
    ),
    (
      .swish,
      [
        [-0.0597704149, -0.273638286, -0.0585988283, 0.509384024, 2.85772238],
        [-0.0448661991, -0.0412941543, 0.43766238, 0.842599944, 1.08810411],
        [-0.029540609, 0.156197585, 0.496108964, 0.377226775, -0.0323214045],
      ]
    ),
  ]

  @Test(arguments: 0..<recorded.count)
  func pytorch(number: Int) {
    let (function, expected) = Self.recorded[number]
    let x: [Float] = [-4.25, -1.5, -0.125, 0.75, 3]
    let ones = [Float](repeating: 1, count: x.count)
    let found = Self.found(function, x, d: ones, t: ones)
    expectClose(found.y, expected[0], absolute: 2e-8, relative: 3e-7, "\(function)")
    expectClose(found.dx, expected[1], absolute: 2e-7, relative: 3e-7, "\(function)'")
    expectClose(found.share, expected[2], absolute: 5e-7, relative: 5e-7, "\(function)''")
  }
}

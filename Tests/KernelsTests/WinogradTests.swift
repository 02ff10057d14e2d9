import Kernels
import TestSupport
import Testing

/// The passes of one algorithm on one case, into outputs of NaN with scratch of NaN.
private struct Products {
  var y: [Float]
  var dx: [Float]
  var dw: [Float]

  /// Runs the passes.
  ///
  /// The filter gradient is added to `gradient`, or overwrites it where that is nil. With
  /// `together` there are two products in a call: first the filter gradient and y, then dw and dx.
  init(
    _ plan: ConvolutionPlan, images: Int, x: [Float], w: [Float], dy: [Float], bias: [Float]?,
    gradient: [Float]?, together: Bool = false
  ) {
    var transformed = nanFilled(plan.transformedCount)
    var transposed = nanFilled(plan.transposedCount)
    // A guard behind the scratch shows what is written beyond it.
    var scratchValues = nanFilled(plan.scratchCount) + [Float](repeating: 7, count: 64)
    let channels = plan.geometry.outputChannels
    var (y, dx, dw): ([Float], [Float], [Float]) = ([], [], [])
    let target = gradient ?? nanFilled(w.count)
    w.read { w in
      // In two parts, as two threads would.
      transformed.withUnsafeMutableBufferPointer { target in
        for part in [0..<channels / 2, channels / 2..<channels] {
          _ = withOutput(plan.scratchCount) {
            plan.transform(w, into: target, channels: part, scratch: $0)
          }
        }
      }
      transformed.read { transformed in
        transposed.withUnsafeMutableBufferPointer {
          plan.transpose(transformed, into: $0, part: 0, of: 2)
          plan.transpose(transformed, into: $0, part: 1, of: 2)
        }
        transposed.read { transposed in
          let filter = ConvolutionFilter(transformed: transformed, transposed: transposed)
          scratchValues.withUnsafeMutableBufferPointer { buffer in
            let scratch = UnsafeMutableBufferPointer(rebasing: buffer[..<plan.scratchCount])
            x.read { x in
              dy.read { dy in
                if together {
                  y = withOutput(dy.count) { y in
                    dw = target.changed {
                      plan.filterGradientAndForward(
                        images: images, input: x, outputGradient: dy, filter: filter,
                        accumulates: gradient != nil, filterGradient: $0, output: y,
                        scratch: scratch)
                    }
                  }
                  dx = withOutput(x.count) { dx in
                    let again = target.changed {
                      plan.gradients(
                        images: images, input: x, outputGradient: dy, filter: filter,
                        accumulates: gradient != nil, filterGradient: $0, inputGradient: dx,
                        scratch: scratch)
                    }
                    #expect(again == dw)
                  }
                  return
                }
                y = withOutput(dy.count) { y in
                  if let bias {
                    bias.read {
                      plan.forward(
                        images: images, input: x, filter: filter, bias: $0, output: y,
                        scratch: scratch)
                    }
                  } else {
                    plan.forward(
                      images: images, input: x, filter: filter, bias: nil, output: y,
                      scratch: scratch)
                  }
                }
                dx = withOutput(x.count) {
                  plan.inputGradient(
                    images: images, outputGradient: dy, filter: filter, inputGradient: $0,
                    scratch: scratch)
                }
                dw = target.changed {
                  plan.filterGradient(
                    images: images, input: x, outputGradient: dy, accumulates: gradient != nil,
                    filterGradient: $0, scratch: scratch)
                }
              }
            }
          }
        }
      }
    }
    #expect(scratchValues[plan.scratchCount...].allSatisfy { $0 == 7 })
    (self.y, self.dx, self.dw) = (y, dx, dw)
  }

  /// The products by their definition, in Double.
  init(
    naive geometry: ConvolutionGeometry, images: Int, x: [Float], w: [Float], dy: [Float],
    bias: [Float], gradient: [Float]
  ) {
    y = withOutput(dy.count) { y in
      x.read { x in
        w.read { w in
          bias.read {
            Convolution.forwardNaive(
              geometry, images: images, input: x, filter: w, bias: $0, output: y)
          }
        }
      }
    }
    dx = withOutput(x.count) { dx in
      dy.read { dy in
        w.read {
          Convolution.inputGradientNaive(
            geometry, images: images, outputGradient: dy, filter: $0, inputGradient: dx)
        }
      }
    }
    dw = gradient.changed { dw in
      x.read { x in
        dy.read {
          Convolution.filterGradientNaive(
            geometry, images: images, input: x, outputGradient: $0, filterGradient: dw)
        }
      }
    }
  }
}

/// The largest difference over the largest expected magnitude; NaN where a value is.
private func worstError(_ found: [Float], _ expected: [Float]) -> Double {
  var (error, scale) = (0.0, 0.0)
  for (found, expected) in zip(found, expected) {
    if found.isNaN { return .nan }
    error = max(error, abs(Double(found) - Double(expected)))
    scale = max(scale, abs(Double(expected)))
  }
  return scale > 0 ? error / scale : error
}

/// What the products of a case are given.
private struct Operands {
  let x: [Float]
  let w: [Float]
  let dy: [Float]
  let bias: [Float]
  /// What the filter gradient is added to.
  let gradient: [Float]

  init(_ test: ConvolutionCase, _ geometry: ConvolutionGeometry, seed: UInt64) {
    var data = TestData(seed: seed)
    x = data.normals(test.images * geometry.inputCount)
    w = data.normals(geometry.filterCount)
    dy = data.normals(test.images * geometry.outputCount)
    bias = data.normals(geometry.outputChannels)
    gradient = data.normals(geometry.filterCount)
  }
}

/// Compares a plan's products with their definition, in terms of the largest value.
private func expectDefinition(
  _ plan: ConvolutionPlan, _ test: ConvolutionCase, _ data: Operands, error: Double
) -> Products {
  let found = Products(
    plan, images: test.images, x: data.x, w: data.w, dy: data.dy, bias: data.bias,
    gradient: data.gradient)
  let expected = Products(
    naive: plan.geometry, images: test.images, x: data.x, w: data.w, dy: data.dy, bias: data.bias,
    gradient: data.gradient)
  #expect(worstError(found.y, expected.y) < error, "forward")
  #expect(worstError(found.dx, expected.dx) < error, "input gradient")
  #expect(worstError(found.dw, expected.dw) < error, "filter gradient")
  return found
}

@Suite struct WinogradTests {
  /// Layers whose outputs are products of polynomials, all coefficients of them: the Fashion-MNIST
  /// critic's, unlike sides, three taps, phases of three taps and of two.
  static let wholeProducts = [
    ConvolutionCase(
      images: 2, height: 7, width: 7, inputs: 16, outputs: 32, kernelHeight: 3, kernelWidth: 3,
      stride: 2, padding: [1, 1, 1, 1]),
    ConvolutionCase(
      images: 3, height: 5, width: 7, inputs: 21, outputs: 18, kernelHeight: 3, kernelWidth: 3,
      stride: 2, padding: [1, 1, 1, 1]),
    ConvolutionCase(
      images: 2, height: 2, width: 1, inputs: 6, outputs: 17, kernelHeight: 3, kernelWidth: 2,
      padding: [2, 2, 1, 1]),
    ConvolutionCase(
      images: 2, height: 6, width: 5, inputs: 16, outputs: 7, kernelHeight: 4, kernelWidth: 5,
      stride: 2, padding: [2, 2, 3, 3]),
  ]

  /// Kernels of one to three taps a phase with every padding, on images that tiles do not fill;
  /// channel counts around the panels of 16 and the lanes of 8.
  static let cases: [ConvolutionCase] =
    [(2, 1), (3, 1), (2, 2), (3, 2), (4, 2), (5, 2), (6, 2), (7, 3), (3, 3)].flatMap {
      kernel, stride in
      (0...3).map { padding in
        ConvolutionCase(
          images: 1 + padding, height: 9, width: 12, inputs: [3, 8, 17, 16][padding],
          outputs: [5, 18, 7, 33][padding], kernelHeight: kernel, kernelWidth: kernel,
          stride: stride, padding: Array(repeating: padding, count: 4))
      }
    } + [
      // Kernels that are not square, sides padded differently.
      ConvolutionCase(
        height: 11, width: 6, inputs: 9, outputs: 4, kernelHeight: 4, kernelWidth: 2, stride: 2,
        padding: [1, 0, 0, 1]),
      ConvolutionCase(
        height: 7, width: 10, inputs: 24, outputs: 16, kernelHeight: 1, kernelWidth: 3,
        padding: [0, 0, 2, 1]),
      // One output, and padding wider than the kernel's reach.
      ConvolutionCase(height: 4, width: 4, kernelHeight: 4, kernelWidth: 4, stride: 2),
      ConvolutionCase(
        height: 2, width: 1, inputs: 2, outputs: 2, kernelHeight: 3, kernelWidth: 3,
        padding: [4, 4, 4, 4]),
      // No images at all.
      ConvolutionCase(images: 0, height: 6, width: 6, kernelHeight: 3, kernelWidth: 3),
      // The Fashion-MNIST critic's first such layer with fewer channels: 7 = 4 + 3 outputs; unequal
      // phases.
      ConvolutionCase(
        images: 3, height: 14, width: 14, inputs: 20, outputs: 16, kernelHeight: 4, kernelWidth: 4,
        stride: 2, padding: [1, 1, 1, 1]),
      ConvolutionCase(
        images: 2, height: 8, width: 8, inputs: 16, outputs: 32, kernelHeight: 3, kernelWidth: 3,
        stride: 2, padding: [1, 1, 1, 1]),
      // More channels than a slice and a block of the filter gradient hold, and not a multiple.
      ConvolutionCase(
        images: 2, height: 5, width: 5, inputs: 149, outputs: 70, kernelHeight: 3, kernelWidth: 3,
        stride: 2, padding: [1, 1, 1, 1]),
      ConvolutionCase(
        images: 2, height: 6, width: 6, inputs: 149, outputs: 70, kernelHeight: 3, kernelWidth: 3,
        stride: 2, padding: [1, 1, 1, 1]),
      ConvolutionCase(
        height: 5, width: 4, inputs: 150, outputs: 65, kernelHeight: 3, kernelWidth: 3,
        padding: [1, 1, 1, 1]),
      // Tiles of 6 beside tiles of 4.
      ConvolutionCase(
        images: 2, height: 32, width: 38, inputs: 17, outputs: 18, kernelHeight: 3, kernelWidth: 3,
        padding: [1, 1, 1, 1]),
    ]
    // Rows with more inner tiles of one size than there are images, with as many, and with fewer.
    + [2, 3, 4].map {
      ConvolutionCase(
        images: $0, height: 5, width: 22, inputs: 18, outputs: 17, kernelHeight: 3, kernelWidth: 3,
        padding: [1, 1, 1, 1])
    } + wholeProducts

  /// Errors are stated in terms of the largest value; what a filter gradient is added to counts.
  @Test(arguments: cases)
  func productsAgreeWithTheirDefinition(test: ConvolutionCase) throws {
    let geometry = try test.geometry()
    let plan = try #require(ConvolutionPlan(geometry, algorithm: .winograd))
    let data = Operands(test, geometry, seed: 5)
    let (x, w, dy, bias, gradient) = (data.x, data.w, data.dy, data.bias, data.gradient)
    let error = plan.description == "winograd 6x6" ? 3e-5 : 5e-6
    let found = expectDefinition(plan, test, data, error: error)
    let unbiased = Products(
      plan, images: test.images, x: x, w: w, dy: dy, bias: nil, gradient: gradient)
    let channels = geometry.outputChannels
    let biased = unbiased.y.enumerated().map { $1 + bias[$0 % channels] }
    #expect(biased == found.y, "bias")
  }

  /// Every size of tile, alone and beside a smaller one, with one to three taps.
  @Test(arguments: [1, 2, 3, 4, 6], [(2, 1), (3, 1), (3, 2), (4, 2), (5, 2)])
  func tilesOfEverySize(tile: Int, kernel: (size: Int, stride: Int)) throws {
    for extent in [4, 7, 10, 13] {
      let geometry = try ConvolutionCase(
        height: extent, width: extent + 2, inputs: 5, outputs: 6, kernelHeight: kernel.size,
        kernelWidth: kernel.size, stride: kernel.stride, padding: [1, 1, 1, 1]
      ).geometry()
      guard let scheme = Winograd(geometry, form: .filtering(largestTile: tile)) else {
        #expect(tile == 6 && (kernel != (3, 1) || extent % 2 == 1))
        continue
      }
      var data = TestData(seed: 6)
      let x = data.normals(2 * geometry.inputCount)
      let w = data.normals(geometry.filterCount)
      let bias = [Float](repeating: 0, count: 6)
      let dy = [Float](repeating: 0, count: 2 * geometry.outputCount)
      let u = withOutput(scheme.transformedFilterCount) { u in
        w.read { w in
          _ = withOutput(scheme.scratchCount) {
            scheme.transformFilter(w, into: u, channels: 0..<6, scratch: $0)
          }
        }
      }
      let transposed = withOutput(scheme.transposedFilterCount) { target in
        u.read { scheme.transposeFilter($0, into: target) }
      }
      var scratch = nanFilled(scheme.scratchCount)
      let y = withOutput(dy.count) { y in
        scratch.withUnsafeMutableBufferPointer { scratch in
          x.read { x in
            transposed.read {
              scheme.forward(
                images: 2, input: x, transposedFilter: $0, bias: nil, output: y, scratch: scratch)
            }
          }
        }
      }
      let expected = Products(
        naive: geometry, images: 2, x: x, w: w, dy: dy, bias: bias,
        gradient: [Float](repeating: 0, count: w.count))
      #expect(worstError(y, expected.y) < (tile == 6 ? 3e-5 : 5e-6), "\(extent) pixels")
    }
  }

  /// Several pieces: more images than a piece of 1 MiB holds, not a multiple of it, and the same
  /// bits as images one by one.
  @Test(arguments: [
    (size: 28, kernel: 4, outputs: 16, description: "winograd 4x4"),
    (size: 7, kernel: 3, outputs: 480, description: "toom-cook 4x4"),
  ])
  func imagesDoNotDependOnTheirNumber(
    size: Int, kernel: Int, outputs: Int, description: String
  ) throws {
    let geometry = try ConvolutionCase(
      height: size, width: size, inputs: 16, outputs: outputs, kernelHeight: kernel,
      kernelWidth: kernel, stride: 2, padding: [1, 1, 1, 1]
    ).geometry()
    let plan = try #require(ConvolutionPlan(geometry, algorithm: .winograd))
    #expect(plan.description == description)
    let images = 33
    var data = TestData(seed: 7)
    let x = data.normals(images * geometry.inputCount)
    let w = data.normals(geometry.filterCount)
    let dy = data.normals(images * geometry.outputCount)
    let bias = data.normals(geometry.outputChannels)
    let zeros = [Float](repeating: 0, count: w.count)
    let all = Products(plan, images: images, x: x, w: w, dy: dy, bias: bias, gradient: zeros)
    for image in [0, 1, 15, 16, 32] {
      let (xs, ys) = (
        image * geometry.inputCount..<(image + 1) * geometry.inputCount,
        image * geometry.outputCount..<(image + 1) * geometry.outputCount
      )
      let one = Products(
        plan, images: 1, x: Array(x[xs]), w: w, dy: Array(dy[ys]), bias: bias, gradient: zeros)
      #expect(one.y == Array(all.y[ys]), "image \(image)")
      #expect(one.dx == Array(all.dx[xs]), "image \(image)")
    }
    let direct = try #require(ConvolutionPlan(geometry, algorithm: .im2col))
    let expected = Products(direct, images: images, x: x, w: w, dy: dy, bias: bias, gradient: zeros)
    #expect(worstError(all.dw, expected.dw) < 5e-6)
  }

  /// <y, conv(x)> = <conv^T(y), x> = <filter gradient, w>.
  @Test(arguments: cases.filter { $0.images > 0 })
  func productsAreAdjoint(test: ConvolutionCase) throws {
    let geometry = try test.geometry()
    let plan = try #require(ConvolutionPlan(geometry, algorithm: .winograd))
    var data = TestData(seed: 8)
    let x = data.normals(test.images * geometry.inputCount)
    let w = data.normals(geometry.filterCount)
    let y = data.normals(test.images * geometry.outputCount)
    let found = Products(
      plan, images: test.images, x: x, w: w, dy: y, bias: nil,
      gradient: [Float](repeating: 0, count: w.count))
    let scale = dot(y, y).squareRoot() * dot(found.y, found.y).squareRoot()
    expectClose(dot(found.dx, x), dot(y, found.y), absolute: 1e-6 * scale, "input gradient")
    expectClose(dot(found.dw, w), dot(y, found.y), absolute: 1e-6 * scale, "filter gradient")
  }

  /// Two products from one transform, added to a filter gradient or not: the values of each by
  /// itself.
  @Test(arguments: cases, [ConvolutionAlgorithm.winograd, .im2col])
  func productsTogetherAreThoseAlone(
    test: ConvolutionCase, algorithm: ConvolutionAlgorithm
  ) throws {
    let geometry = try test.geometry()
    let plan = try #require(ConvolutionPlan(geometry, algorithm: algorithm))
    var data = TestData(seed: 10)
    let x = data.normals(test.images * geometry.inputCount)
    let w = data.normals(geometry.filterCount)
    let dy = data.normals(test.images * geometry.outputCount)
    for gradient in [data.normals(w.count), nil] {
      let alone = Products(
        plan, images: test.images, x: x, w: w, dy: dy, bias: nil, gradient: gradient)
      let together = Products(
        plan, images: test.images, x: x, w: w, dy: dy, bias: nil, gradient: gradient,
        together: true)
      #expect(together.y == alone.y)
      #expect(together.dx == alone.dx)
      #expect(together.dw == alone.dw)
      if gradient == nil {
        let added = Products(
          plan, images: test.images, x: x, w: w, dy: dy, bias: nil,
          gradient: [Float](repeating: 0, count: w.count))
        #expect(alone.dw == added.dw)
      }
    }
  }

  /// Layers that narrow to few channels, which `auto` computes the other way round: not square,
  /// sides padded differently, no image, and the same products.
  @Test(arguments: [
    ConvolutionCase(
      images: 2, height: 6, width: 5, inputs: 40, outputs: 3, kernelHeight: 3, kernelWidth: 3,
      padding: [1, 1, 1, 1]),
    ConvolutionCase(
      images: 3, height: 7, width: 4, inputs: 33, outputs: 1, kernelHeight: 4, kernelWidth: 2,
      padding: [2, 1, 0, 1]),
    ConvolutionCase(
      images: 0, height: 6, width: 5, inputs: 40, outputs: 2, kernelHeight: 3, kernelWidth: 3,
      padding: [1, 1, 1, 1]),
  ])
  func fewOutputsAreMirrored(test: ConvolutionCase) throws {
    let geometry = try test.geometry()
    let plan = try #require(ConvolutionPlan(geometry))
    #expect(plan.description == "im2col of the outputs")
    let data = Operands(test, geometry, seed: 11)
    let (x, w, dy, bias) = (data.x, data.w, data.dy, data.bias)
    _ = expectDefinition(plan, test, data, error: 1e-6)
    let zeros = [Float](repeating: 0, count: w.count)
    let added = Products(
      plan, images: test.images, x: x, w: w, dy: dy, bias: bias, gradient: zeros)
    let alone = Products(
      plan, images: test.images, x: x, w: w, dy: dy, bias: bias, gradient: nil)
    #expect(alone.dw == added.dw)
  }

  /// The errors that the documentation states, with normally distributed values and 64 and 128
  /// channels.
  @Test(arguments: [
    (size: 14, kernel: 4, stride: 2, bound: 4e-6), (size: 7, kernel: 3, stride: 2, bound: 2e-6),
    (size: 8, kernel: 3, stride: 1, bound: 8e-6), (size: 9, kernel: 5, stride: 2, bound: 8e-6),
    (size: 32, kernel: 3, stride: 1, bound: 3e-5),
  ])
  func errorsOfManyChannels(size: Int, kernel: Int, stride: Int, bound: Double) throws {
    let geometry = try ConvolutionCase(
      height: size, width: size, inputs: 64, outputs: 128, kernelHeight: kernel,
      kernelWidth: kernel, stride: stride, padding: [1, 1, 1, 1]
    ).geometry()
    let plan = try #require(ConvolutionPlan(geometry, algorithm: .winograd))
    var data = TestData(seed: 9)
    let x = data.normals(2 * geometry.inputCount)
    let w = data.normals(geometry.filterCount)
    let dy = data.normals(2 * geometry.outputCount)
    let bias = [Float](repeating: 0, count: 128)
    let zeros = [Float](repeating: 0, count: w.count)
    let found = Products(plan, images: 2, x: x, w: w, dy: dy, bias: nil, gradient: zeros)
    let expected = Products(
      naive: geometry, images: 2, x: x, w: w, dy: dy, bias: bias, gradient: zeros)
    #expect(worstError(found.y, expected.y) < bound, "forward")
    #expect(worstError(found.dx, expected.dx) < bound, "input gradient")
    #expect(worstError(found.dw, expected.dw) < bound, "filter gradient")
  }

  /// A multiplication's outputs are all coefficients of its products: none may be cut off, none
  /// missing.
  @Test func multiplicationTakesWholeProducts() throws {
    for test in Self.wholeProducts {
      let plan = try #require(ConvolutionPlan(test.geometry(), algorithm: .winograd))
      #expect(plan.description.hasPrefix("toom-cook"), "\(test)")
    }
    func takes(
      _ inputs: Int, kernel: Int, stride: Int, padding: (before: Int, after: Int)
    ) throws -> Bool {
      let geometry = try ConvolutionCase(
        height: inputs, width: 7, inputs: 3, outputs: 2, kernelHeight: kernel, kernelWidth: 3,
        stride: stride, padding: [padding.before, padding.after, 1, 1]
      ).geometry()
      return Winograd(geometry, form: .multiplication) != nil
    }
    #expect(try takes(7, kernel: 3, stride: 2, padding: (1, 1)))
    // An output less, and an input that lacks an output at the end, at the start, at both.
    #expect(try takes(5, kernel: 3, stride: 2, padding: (1, 1)))
    #expect(try !takes(8, kernel: 3, stride: 2, padding: (1, 1)))
    #expect(try !takes(8, kernel: 3, stride: 2, padding: (0, 1)))
    #expect(try !takes(6, kernel: 4, stride: 2, padding: (1, 1)))
    #expect(try takes(6, kernel: 4, stride: 2, padding: (2, 2)))
    // Outputs that meet padding alone; more outputs than the transforms have points.
    #expect(try !takes(4, kernel: 4, stride: 2, padding: (3, 3)))
    #expect(try !takes(9, kernel: 3, stride: 2, padding: (1, 1)))
  }

  @Test func planFollowsTheShape() throws {
    func plan(
      _ size: Int, _ channels: (Int, Int), _ kernel: Int, _ stride: Int,
      _ algorithm: ConvolutionAlgorithm = .auto
    ) throws -> String? {
      let geometry = try ConvolutionCase(
        height: size, width: size, inputs: channels.0, outputs: channels.1, kernelHeight: kernel,
        kernelWidth: kernel, stride: stride, padding: [1, 1, 1, 1]
      ).geometry()
      return ConvolutionPlan(geometry, algorithm: algorithm)?.description
    }
    #expect(try plan(14, (64, 128), 4, 2) == "winograd 4x4")
    #expect(try plan(7, (128, 256), 3, 2) == "toom-cook 4x4")
    #expect(try plan(8, (128, 256), 3, 2) == "winograd 4x4")
    #expect(try plan(4, (256, 512), 3, 2) == "winograd 2x2, filter gradient im2col")
    #expect(try plan(16, (128, 128), 3, 1) == "winograd 4x4")
    #expect(try plan(32, (128, 128), 3, 1) == "winograd 6x6")
    #expect(try plan(33, (128, 128), 3, 1) == "winograd 4x4")
    #expect(try plan(28, (1, 64), 4, 2) == "im2col")
    #expect(try plan(32, (128, 3), 3, 1) == "im2col of the outputs")
    #expect(try plan(32, (128, 3), 3, 1, .im2col) == "im2col")
    // Nothing saved; a stride.
    #expect(try plan(32, (3, 128), 3, 1) == "im2col")
    #expect(try plan(32, (128, 3), 3, 2) == "im2col")
    #expect(try plan(14, (16, 32), 4, 2) == "im2col")
    #expect(try plan(14, (16, 32), 4, 2, .winograd) == "winograd 4x4")
    #expect(try plan(14, (64, 128), 4, 2, .im2col) == "im2col")
    // Four taps a phase; a stride beyond the kernel.
    #expect(try plan(8, (64, 64), 4, 1) == "im2col")
    #expect(try plan(8, (64, 64), 4, 1, .winograd) == nil)
    #expect(try plan(8, (64, 64), 1, 2, .winograd) == nil)
  }
}

import Base
import Kernels
import TestSupport
import Testing

/// A geometry of the table, with the number of images.
struct ConvolutionCase: Sendable, CustomStringConvertible {
  var images = 2
  var height: Int
  var width: Int
  var inputs = 3
  var outputs = 5
  var kernelHeight: Int
  var kernelWidth: Int
  var stride = 1
  /// Top, bottom, left, right.
  var padding = [0, 0, 0, 0]

  var description: String {
    "\(images) of \(inputs)x\(height)x\(width) -> \(outputs), kernel "
      + "\(kernelHeight)x\(kernelWidth), stride \(stride), padding \(padding)"
  }

  func geometry() throws -> ConvolutionGeometry {
    try #require(
      ConvolutionGeometry(
        inputHeight: height, inputWidth: width, inputChannels: inputs, outputChannels: outputs,
        kernelHeight: kernelHeight, kernelWidth: kernelWidth, stride: stride,
        paddingTop: padding[0],
        paddingBottom: padding[1], paddingLeft: padding[2], paddingRight: padding[3]))
  }

  /// Every kernel size with every stride and padding that fits a 5 x 7 image.
  static let grid: [ConvolutionCase] = [1, 2, 3, 4, 5].flatMap { kernel in
    [1, 2, 3].flatMap { stride in
      (0...3).map { padding in
        ConvolutionCase(
          height: 5, width: 7, kernelHeight: kernel, kernelWidth: kernel, stride: stride,
          padding: Array(repeating: padding, count: 4))
      }
    }
  }

  static let special: [ConvolutionCase] = [
    // Kernels that are not square, sides padded differently.
    ConvolutionCase(
      height: 6, width: 9, kernelHeight: 1, kernelWidth: 4, stride: 2, padding: [0, 0, 1, 2]),
    ConvolutionCase(
      height: 9, width: 6, kernelHeight: 5, kernelWidth: 2, stride: 3, padding: [2, 1, 0, 1]),
    ConvolutionCase(height: 7, width: 5, kernelHeight: 2, kernelWidth: 3, padding: [1, 0, 2, 0]),
    // Padding alone under some kernels.
    ConvolutionCase(height: 2, width: 1, kernelHeight: 2, kernelWidth: 2, padding: [3, 3, 3, 3]),
    // One output pixel: the patch matrix is the input.
    ConvolutionCase(
      images: 3, height: 4, width: 4, inputs: 11, outputs: 1, kernelHeight: 4, kernelWidth: 4),
    ConvolutionCase(height: 3, width: 5, kernelHeight: 3, kernelWidth: 5, stride: 2),
    // One output pixel, but not of the whole image: remainders and padding.
    ConvolutionCase(height: 4, width: 5, kernelHeight: 3, kernelWidth: 3, stride: 3),
    ConvolutionCase(
      height: 3, width: 3, kernelHeight: 4, kernelWidth: 4, stride: 2, padding: [1, 0, 0, 1]),
    // 1 x 1: the patch matrix is the input.
    ConvolutionCase(height: 5, width: 7, inputs: 9, kernelHeight: 1, kernelWidth: 1),
    // Rows and columns that no patch reaches.
    ConvolutionCase(height: 8, width: 9, kernelHeight: 3, kernelWidth: 3, stride: 3),
    ConvolutionCase(height: 8, width: 6, kernelHeight: 1, kernelWidth: 1, stride: 3),
    // Kernel rows of 8 lanes and a tail, and of more than 256 values.
    ConvolutionCase(
      height: 5, width: 6, inputs: 17, outputs: 9, kernelHeight: 3, kernelWidth: 3,
      padding: [1, 1, 1, 1]),
    ConvolutionCase(
      height: 3, width: 4, inputs: 130, outputs: 3, kernelHeight: 2, kernelWidth: 2,
      padding: [1, 1, 1, 1]),
    // No images at all.
    ConvolutionCase(images: 0, height: 5, width: 5, kernelHeight: 3, kernelWidth: 3),
    ConvolutionCase(
      images: 1, height: 28, width: 28, inputs: 1, outputs: 16, kernelHeight: 4, kernelWidth: 4,
      stride: 2, padding: [1, 1, 1, 1]),
    // Short patches in several pieces.
    ConvolutionCase(
      images: 35, height: 28, width: 28, inputs: 1, outputs: 64, kernelHeight: 4, kernelWidth: 4,
      stride: 2, padding: [1, 1, 1, 1]),
    // Several pieces of scratch, cut inside an image (5242 output pixels a piece).
    ConvolutionCase(
      images: 13, height: 29, width: 29, inputs: 4, outputs: 3, kernelHeight: 5, kernelWidth: 5,
      padding: [2, 2, 2, 2]),
  ]
}

/// A geometry with sizes for each direction: depth, rows, columns.
struct VolumeCase: Sendable, CustomStringConvertible {
  var images = 2
  var inputs = 3
  var outputs = 5
  var size: [Int]
  var kernel: [Int]
  var stride = [1, 1, 1]
  var before = [0, 0, 0]
  var after = [0, 0, 0]

  var description: String {
    "\(images) of \(inputs)x\(size) -> \(outputs), kernel \(kernel), stride \(stride), "
      + "padding \(before) \(after)"
  }

  func geometry() throws -> ConvolutionGeometry {
    let axes = try (0..<3).map {
      try #require(
        ConvolutionAxis(
          input: size[$0], kernel: kernel[$0], stride: stride[$0], before: before[$0],
          after: after[$0]))
    }
    return ConvolutionGeometry(
      depth: axes[0], rows: axes[1], columns: axes[2], inputChannels: inputs,
      outputChannels: outputs)
  }

  static let all: [VolumeCase] = [
    VolumeCase(size: [4, 5, 6], kernel: [3, 3, 3], before: [1, 1, 1], after: [1, 1, 1]),
    VolumeCase(
      size: [5, 6, 7], kernel: [4, 2, 3], stride: [2, 1, 3], before: [1, 0, 2], after: [2, 1, 0]),
    // Planes of padding alone, and planes that no kernel reaches.
    VolumeCase(size: [2, 3, 2], kernel: [2, 2, 2], before: [3, 3, 3], after: [3, 3, 3]),
    VolumeCase(size: [8, 5, 4], kernel: [1, 1, 1], stride: [3, 2, 2]),
    // The patch matrix is the input: one output pixel, or 1 x 1 x 1.
    VolumeCase(images: 3, inputs: 11, outputs: 1, size: [4, 3, 2], kernel: [4, 3, 2]),
    VolumeCase(inputs: 9, size: [3, 5, 7], kernel: [1, 1, 1]),
    // Whole in two directions of three.
    VolumeCase(size: [4, 3, 5], kernel: [4, 3, 1]),
    // Patches of one channel, in several pieces that are cut inside a plane.
    VolumeCase(
      images: 3, inputs: 1, outputs: 16, size: [16, 16, 16], kernel: [3, 3, 3],
      before: [1, 1, 1], after: [1, 1, 1]),
    VolumeCase(
      images: 2, inputs: 10, outputs: 9, size: [9, 10, 11], kernel: [3, 3, 3],
      before: [1, 1, 1], after: [1, 1, 1]),
    // Short patches with a stride, in front of padding that no patch meets; many kernel rows.
    VolumeCase(
      inputs: 1, outputs: 40, size: [7, 6, 9], kernel: [2, 4, 3], stride: [3, 2, 2],
      before: [1, 0, 2], after: [0, 1, 0]),
    VolumeCase(inputs: 1, outputs: 3, size: [9, 8, 2], kernel: [5, 7, 1], before: [2, 3, 0]),
    // Lines.
    VolumeCase(size: [1, 1, 19], kernel: [1, 1, 4], stride: [1, 1, 2], before: [0, 0, 1]),
    VolumeCase(inputs: 17, outputs: 33, size: [1, 1, 9], kernel: [1, 1, 3], before: [0, 0, 2]),
    // Pictures.
    VolumeCase(
      inputs: 1, outputs: 8, size: [1, 9, 8], kernel: [1, 3, 4], stride: [1, 1, 2],
      before: [0, 1, 2], after: [0, 1, 1]),
    VolumeCase(size: [1, 7, 9], kernel: [1, 2, 3], stride: [1, 3, 1], after: [0, 2, 1]),
  ]
}

@Suite struct ConvolutionTests {
  @Test(arguments: ConvolutionCase.grid + ConvolutionCase.special)
  func threeProductsAgreeWithTheirDefinition(test: ConvolutionCase) throws {
    try expectThreeProducts(test.geometry(), images: test.images)
  }

  /// Lines, volumes, and strides that are not the same in all directions.
  @Test(arguments: VolumeCase.all)
  func productsOfVolumesAgreeWithTheirDefinition(test: VolumeCase) throws {
    try expectThreeProducts(test.geometry(), images: test.images)
  }

  private func expectThreeProducts(_ geometry: ConvolutionGeometry, images: Int) throws {
    var data = TestData(seed: 2)
    let x = data.normals(images * geometry.inputCount)
    let w = data.normals(geometry.filterCount)
    let dy = data.normals(images * geometry.outputCount)
    let bias = data.normals(geometry.outputChannels)
    let gradient = data.normals(geometry.filterCount)
    // Scratch is undefined: NaN must not show.
    var scratchValues = nanFilled(Convolution.scratchCount(geometry))
    scratchValues.withUnsafeMutableBufferPointer { scratch in
      x.read { x in
        w.read { w in
          let filter = PackedFilter(geometry, w)
          defer { withExtendedLifetime(filter) {} }
          dy.read { dy in
            bias.read { bias in
              for bias in [nil, bias] {
                expectClose(
                  withOutput(dy.count) {
                    Convolution.forward(
                      geometry, images: images, input: x, transposedFilter: filter.transposed,
                      bias: bias, output: $0, scratch: scratch)
                  },
                  withOutput(dy.count) {
                    Convolution.forwardNaive(
                      geometry, images: images, input: x, filter: w, bias: bias, output: $0)
                  }, absolute: 2e-5, relative: 1e-5, "forward, bias: \(bias != nil)")
              }
              expectClose(
                withOutput(x.count) {
                  Convolution.inputGradient(
                    geometry, images: images, outputGradient: dy, packedFilter: filter.packed,
                    inputGradient: $0, scratch: scratch)
                },
                withOutput(x.count) {
                  Convolution.inputGradientNaive(
                    geometry, images: images, outputGradient: dy, filter: w, inputGradient: $0)
                }, absolute: 2e-5, relative: 1e-5, "input gradient")
              expectClose(
                gradient.changed {
                  Convolution.filterGradient(
                    geometry, images: images, input: x, outputGradient: dy, filterGradient: $0,
                    scratch: scratch)
                },
                gradient.changed {
                  Convolution.filterGradientNaive(
                    geometry, images: images, input: x, outputGradient: dy, filterGradient: $0)
                }, absolute: 1e-4, relative: 1e-5, "filter gradient")
            }
          }
        }
      }
    }
  }

  /// What the table is meant to hold: several pieces cut inside an image, and patches that are the
  /// input.
  @Test func theTableReachesThePaths() throws {
    for pieces in ConvolutionCase.special.suffix(2) {
      let geometry = try pieces.geometry()
      let piece = Convolution.piecePixels(geometry)
      #expect(pieces.images * geometry.outputPixels > 2 * piece)
      #expect(geometry.outputPixels % piece != 0)
    }
    let whole = try ConvolutionCase.special.filter { try $0.geometry().patchesAreInput }
    #expect(whole.count == 3)
    let rows = try (ConvolutionCase.grid + ConvolutionCase.special).map {
      try $0.geometry().outputPixels
    }
    #expect(rows.contains(1))
  }

  /// <y, conv(x)> = <conv^T(y), x>, and both equal <conv's filter gradient, w>.
  @Test(arguments: ConvolutionCase.grid.filter { $0.stride > 1 && $0.padding[0] > 0 })
  func productsAreAdjoint(test: ConvolutionCase) throws {
    let geometry = try test.geometry()
    var data = TestData(seed: 3)
    let x = data.normals(test.images * geometry.inputCount)
    let w = data.normals(geometry.filterCount)
    let y = data.normals(test.images * geometry.outputCount)
    let images = test.images
    var scratchValues = nanFilled(Convolution.scratchCount(geometry))
    scratchValues.withUnsafeMutableBufferPointer { scratch in
      x.read { xs in
        w.read { ws in
          let packed = PackedFilter(geometry, ws)
          defer { withExtendedLifetime(packed) {} }
          y.read { ys in
            let forward = withOutput(y.count) {
              Convolution.forward(
                geometry, images: images, input: xs, transposedFilter: packed.transposed,
                bias: nil, output: $0, scratch: scratch)
            }
            let back = withOutput(x.count) {
              Convolution.inputGradient(
                geometry, images: images, outputGradient: ys, packedFilter: packed.packed,
                inputGradient: $0, scratch: scratch)
            }
            let filter = [Float](repeating: 0, count: w.count).changed {
              Convolution.filterGradient(
                geometry, images: images, input: xs, outputGradient: ys, filterGradient: $0,
                scratch: scratch)
            }
            let scale = dot(y, y).squareRoot() * dot(forward, forward).squareRoot()
            expectClose(dot(back, x), dot(y, forward), absolute: 1e-6 * scale, "input gradient")
            expectClose(dot(filter, w), dot(y, forward), absolute: 1e-6 * scale, "filter gradient")
          }
        }
      }
    }
  }

  /// A transposed convolution written out: s - 1 zeros between the pixels, a border of k - p - 1
  /// zeros, and a convolution of stride 1 with the filter turned by half a turn (Dumoulin and Visin
  /// 2016, arXiv:1603.07285, section 4.5).
  @Test(arguments: [
    (kernel: 4, stride: 1, padding: 0), (kernel: 4, stride: 2, padding: 1),
    (kernel: 4, stride: 2, padding: 3),
    (kernel: 3, stride: 3, padding: 0), (kernel: 5, stride: 2, padding: 2),
    (kernel: 2, stride: 1, padding: 1),
  ])
  func transposedConvolutionInsertsZeros(kernel: Int, stride: Int, padding: Int) throws {
    // inner: channels of the small image, outer: of the large one.
    let (images, inner, outer) = (2, 3, 5)
    let (height, width) = (3, 4)
    let large = (
      (height - 1) * stride - 2 * padding + kernel, (width - 1) * stride - 2 * padding + kernel
    )
    let adjoint = try ConvolutionCase(
      images: images, height: large.0, width: large.1, inputs: outer, outputs: inner,
      kernelHeight: kernel,
      kernelWidth: kernel, stride: stride, padding: Array(repeating: padding, count: 4)
    ).geometry()
    #expect(adjoint.outputHeight == height)
    #expect(adjoint.outputWidth == width)
    var data = TestData(seed: 4)
    let x = data.normals(images * height * width * inner)
    let w = data.normals(adjoint.filterCount)  // inner, r, s, outer
    var scratchValues = nanFilled(Convolution.scratchCount(adjoint))
    let found = scratchValues.withUnsafeMutableBufferPointer { scratch in
      withOutput(images * adjoint.inputCount) { output in
        x.read { x in
          w.read { w in
            let filter = PackedFilter(adjoint, w)
            defer { withExtendedLifetime(filter) {} }
            Convolution.inputGradient(
              adjoint, images: images, outputGradient: x,
              packedFilter: filter.packed, inputGradient: output,
              scratch: scratch)
          }
        }
      }
    }

    let border = kernel - padding - 1
    let spread = (
      (height - 1) * stride + 1 + 2 * max(border, 0), (width - 1) * stride + 1 + 2 * max(border, 0)
    )
    var inserted = [Float](repeating: 0, count: images * spread.0 * spread.1 * inner)
    for image in 0..<images {
      for row in 0..<height {
        for column in 0..<width {
          for c in 0..<inner {
            let target =
              (image * spread.0 + row * stride + max(border, 0)) * spread.1 + column * stride
              + max(border, 0)
            inserted[target * inner + c] = x[((image * height + row) * width + column) * inner + c]
          }
        }
      }
    }
    var turned = [Float](repeating: 0, count: w.count)  // outer, r, s, inner
    for i in 0..<inner {
      for r in 0..<kernel {
        for s in 0..<kernel {
          for o in 0..<outer {
            let target = ((o * kernel + kernel - 1 - r) * kernel + kernel - 1 - s) * inner + i
            turned[target] = w[((i * kernel + r) * kernel + s) * outer + o]
          }
        }
      }
    }
    let plain = try ConvolutionCase(
      images: images, height: spread.0, width: spread.1, inputs: inner, outputs: outer,
      kernelHeight: kernel, kernelWidth: kernel
    ).geometry()
    #expect(plain.outputHeight == large.0)
    #expect(plain.outputWidth == large.1)
    let expected = withOutput(found.count) { output in
      inserted.read { inserted in
        turned.read { turned in
          Convolution.forwardNaive(
            plain, images: images, input: inserted, filter: turned, bias: nil, output: output)
        }
      }
    }
    expectClose(found, expected, absolute: 1e-5, relative: 1e-5)
  }

  /// What a plan computes otherwise than im2col: few outputs the other way round.
  @Test func plansOfVolumes() throws {
    let test = VolumeCase(
      inputs: 64, outputs: 2, size: [4, 5, 3], kernel: [3, 3, 3], before: [1, 1, 1],
      after: [1, 2, 1])
    let geometry = try test.geometry()
    let plan = try #require(ConvolutionPlan(geometry))
    #expect(plan.description == "im2col of the outputs")
    #expect(ConvolutionPlan(geometry, algorithm: .winograd) == nil)
    var large = test
    (large.outputs, large.after) = (64, [1, 1, 1])
    #expect(try #require(ConvolutionPlan(try large.geometry())).description == "im2col")
    var data = TestData(seed: 5)
    let x = data.normals(test.images * geometry.inputCount)
    let w = data.normals(geometry.filterCount)
    let dy = data.normals(test.images * geometry.outputCount)
    let scratch = FloatStorage(count: plan.scratchCount)
    let (transformed, transposed) = (
      FloatStorage(count: plan.transformedCount), FloatStorage(count: plan.transposedCount)
    )
    x.read { x in
      w.read { w in
        dy.read { dy in
          plan.transform(
            w, into: transformed.buffer, channels: 0..<geometry.outputChannels,
            scratch: scratch.buffer)
          plan.transpose(FloatBuffer(transformed.buffer), into: transposed.buffer)
          let filter = ConvolutionFilter(
            transformed: FloatBuffer(transformed.buffer),
            transposed: FloatBuffer(transposed.buffer))
          expectClose(
            withOutput(dy.count) {
              plan.forward(
                images: 2, input: x, filter: filter, bias: nil, output: $0, scratch: scratch.buffer)
            },
            withOutput(dy.count) {
              Convolution.forwardNaive(
                geometry, images: 2, input: x, filter: w, bias: nil, output: $0)
            }, absolute: 1e-4, relative: 1e-5, "forward")
          expectClose(
            withOutput(x.count) {
              plan.inputGradient(
                images: 2, outputGradient: dy, filter: filter, inputGradient: $0,
                scratch: scratch.buffer)
            },
            withOutput(x.count) {
              Convolution.inputGradientNaive(
                geometry, images: 2, outputGradient: dy, filter: w, inputGradient: $0)
            }, absolute: 1e-4, relative: 1e-5, "input gradient")
          expectClose(
            withOutput(w.count) {
              plan.filterGradient(
                images: 2, input: x, outputGradient: dy, accumulates: false, filterGradient: $0,
                scratch: scratch.buffer)
            },
            [Float](repeating: 0, count: w.count).changed {
              Convolution.filterGradientNaive(
                geometry, images: 2, input: x, outputGradient: dy, filterGradient: $0)
            }, absolute: 1e-4, relative: 1e-5, "filter gradient")
        }
      }
    }
  }

  @Test func geometryOfSizes() throws {
    let geometry = try ConvolutionCase(
      height: 28, width: 7, kernelHeight: 4, kernelWidth: 3, stride: 2, padding: [1, 1, 1, 1]
    ).geometry()
    #expect(geometry.outputHeight == 14)
    #expect(geometry.outputWidth == 4)
    #expect(geometry.operations == 2 * 14 * 4 * 5 * 4 * 3 * 3)
    let tooSmall = ConvolutionGeometry(
      inputHeight: 2, inputWidth: 5, inputChannels: 1, outputChannels: 1, kernelHeight: 5,
      kernelWidth: 5,
      stride: 1, paddingTop: 1, paddingBottom: 1, paddingLeft: 1, paddingRight: 1)
    #expect(tooSmall == nil)
  }
}

/// A filter as the products take it; what they must not read is NaN.
final class PackedFilter {
  private let packedStorage: FloatStorage
  private let transposedStorage: FloatStorage
  var packed: FloatBuffer { FloatBuffer(packedStorage.buffer) }
  var transposed: FloatBuffer { FloatBuffer(transposedStorage.buffer) }

  init(_ geometry: ConvolutionGeometry, _ w: FloatBuffer) {
    packedStorage = FloatStorage(count: Convolution.packedCount(geometry))
    transposedStorage = FloatStorage(count: Convolution.transposedCount(geometry))
    packedStorage.buffer.update(repeating: .nan)
    transposedStorage.buffer.update(repeating: .nan)
    let half = geometry.outputChannels / 2
    for channels in [0..<half, half..<geometry.outputChannels] {
      Convolution.packFilter(geometry, w, into: packedStorage.buffer, channels: channels)
    }
    for part in 0..<3 {
      Convolution.transposeFilter(
        geometry, packed, into: transposedStorage.buffer, part: part, of: 3)
    }
  }
}

import Base

/// Uniform noise that turns the 256 steps of bytes into a continuum (Theis, van den Oord and Bethge
/// 2016, "A note on the evaluation of generative models", arXiv:1511.01844, section 3.1).
///
/// A byte x becomes low + (high - low) * (k + u) / levels, with k = floor(x * levels / 256) and u
/// in [0, 1). With 256 levels and -1 ... 1 that is 2 (x / 256 - 0.5) + U[0, 1/128), the data of
/// Gulrajani et al.'s `gan_cifar_resnet.py`; fewer levels drop the low bits first, as Glow does.
package struct Dequantization: Sendable, Equatable {
  package enum Noise: String, Sendable, CaseIterable {
    /// A function of (seed, batch of reals, place in the batch): new at every use.
    case step
    /// A function of (seed, index): always the same for a sample.
    case once
    /// u = 0.
    case none
  }

  /// From 2 to 256.
  package var levels: Int
  package var noise: Noise

  package init(levels: Int = 256, noise: Noise) {
    precondition((2...256).contains(levels), "\(levels) levels are outside 2 ... 256")
    self.levels = levels
    self.noise = noise
  }
}

/// How bytes become floats: one look-up in a table of 256, and perhaps noise.
///
/// A value does not depend on the instruction set or on its neighbours.
package struct ByteConversion: Sendable, Equatable {
  /// The float that each byte becomes, before noise.
  package let table: [Float]
  package let noise: Dequantization.Noise
  /// What noise in [0, 1) is multiplied by: (high - low) / levels.
  package let noiseScale: Float

  /// A byte x becomes low + (high - low) * x / divisor, evaluated in Float from the left; with
  /// `dequantization` what that says.
  ///
  /// With divisor 255, for 0 ... 1 this is x / 255, torchvision's `ToTensor`. For -1 ... 1 it is to
  /// the last bit `ToTensor` followed by `Normalize(0.5, 0.5)`, (x / 255 - 0.5) / 0.5, because
  /// factors of 2 do not change the rounding; x * (2 / 255) - 1 would differ. So a run can be
  /// compared with PyTorch's.
  package init(
    range: ClosedRange<Float>, divisor: Int = 255, dequantization: Dequantization? = nil
  ) {
    let low = range.lowerBound
    let extent = range.upperBound - low
    guard let dequantization else {
      table = (0..<256).map { low + extent * Float($0) / Float(divisor) }
      noise = .none
      noiseScale = 0
      return
    }
    let levels = dequantization.levels
    table = (0..<256).map { low + extent * Float($0 * levels / 256) / Float(levels) }
    noise = dequantization.noise
    noiseScale = extent / Float(levels)
  }

  /// Overwrites `output` with the values of `bytes`, those of sample `index` used for `draw`.
  ///
  /// Scaled byte and noise are exact for -1 ... 1 and their sum is rounded, up to the range's end
  /// at most. Allocates nothing.
  func convert(
    _ bytes: UnsafeBufferPointer<UInt8>, index: Int, draw: SampleDraw,
    into output: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(
      output.count == bytes.count,
      "output has \(output.count) elements, a sample \(bytes.count)")
    table.withUnsafeBufferPointer { table in
      switch noise {
      case .none:
        for element in 0..<bytes.count { output[element] = table[Int(bytes[element])] }
        return
      case .once:
        RandomStream(seed: draw.seed, purpose: .dequantization)
          .uniforms(sample: index, into: output)
      case .step:
        RandomStream(seed: draw.seed, purpose: .dequantization, step: draw.batch)
          .uniforms(sample: draw.position, into: output)
      }
      for element in 0..<bytes.count {
        output[element] = table[Int(bytes[element])] + output[element] * noiseScale
      }
    }
  }
}

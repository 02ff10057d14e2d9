import Base
import Configuration
import Foundation
import LinearAlgebra

/// How far the power spectra of samples are from those of reals, in decibel.
///
/// The power of an image at a frequency is |F|^2 of the discrete Fourier transform of its grey (the
/// mean of its channels), without a window. It is averaged over the images and over all frequencies
/// at a distance of r - 1/2 to r + 1/2 from 0, in cycles per shorter side, as in Durall et al. 2020
/// (arXiv:2003.01826); r goes from 1 to half of the shorter side. The distance is
///
///     mean over r of | 10 log10 (P_samples(r) / P_reals(r)) |
///
/// Powers below 1e-12 of the reals' mean one count as that.
package struct PowerSpectrum: Score {
  package static let name = "powerSpectrum"
  package static let isDefault = false
  package let columns = ["spectrum_distance (dB)", "spectrum_distance_max (dB)"]
  package let wantedSamples = (training: 1000, evaluation: 10_000)

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {}

  package static func refusal(of subject: ScoreSubject) -> String? {
    subject.refusalWithoutImages
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    let shape = input.samples.shape
    guard shape.depth == 1, min(shape.height, shape.width) > 1 else {
      throw Fault("powerSpectrum: takes images, found samples of shape \(shape)")
    }
    let samples = try Self.radial(
      ImageStack(try input.sampleValues(), count: input.samples.count, shape: shape), input.team)
    let reals = try Self.radial(
      ImageStack(try input.realValues(), count: input.reals.count, shape: shape), input.team)
    let differences = Self.differences(samples, reals)
    return [
      differences.reduce(0, +) / Double(differences.count),
      differences.reduce(0) { $0 > $1 ? $0 : $1 },
    ]
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    [
      reportLine(
        "spectrum",
        "\(scoreText(values[0])) dB from the reals', \(scoreText(values[1])) dB at worst "
          + "(\(setting.counts))")
    ]
  }

  /// The differences in decibel at each distance r.
  package static func differences(_ samples: [Double], _ reals: [Double]) -> [Double] {
    let least = 1e-12 * reals.reduce(0, +) / Double(reals.count)
    return zip(samples, reals).map {
      abs(10 * log10(max($0, least, .leastNormalMagnitude) / max($1, least, .leastNormalMagnitude)))
    }
  }

  /// The mean power at each distance r from 1 on.
  package static func radial(_ images: ImageStack, _ team: ScoreTeam) throws -> [Double] {
    let (height, width) = (images.shape.height, images.shape.width)
    let shorter = min(height, width)
    let power = try meanPower(images, team)
    var (sums, counts) = (
      [Double](repeating: 0, count: shorter / 2), [Int](repeating: 0, count: shorter / 2)
    )
    let frequency = { (index: Int, length: Int) in
      Double(min(index, length - index) * shorter) / Double(length)
    }
    for row in 0..<height {
      for column in 0..<width {
        let (y, x) = (frequency(row, height), frequency(column, width))
        let ring = Int((y * y + x * x).squareRoot().rounded())
        guard ring >= 1, ring <= shorter / 2 else { continue }
        sums[ring - 1] += power[row * width + column]
        counts[ring - 1] += 1
      }
    }
    return zip(sums, counts).map { $0 / Double($1) }
  }

  /// |F|^2 of each frequency, averaged over the images: a slice is some of them.
  private static func meanPower(_ images: ImageStack, _ team: ScoreTeam) throws -> [Double] {
    let (height, width) = (images.shape.height, images.shape.width)
    let area = height * width
    let blas = try team.communicator.agree { try OpenBLAS.load() }
    let (rows, columns) = (Waves(height), Waves(width))
    let slices = ScoreTeam.ranges(images.count, parts: 64)
    let sums: [Double] = try team.gather(slices.map { _ in area }) { slice, sum in
      let work = DoubleStorage(count: 5 * area)
      let grey = work.pointer
      let (cosines, sines) = (grey + area, grey + 2 * area)
      let (real, imaginary) = (grey + 3 * area, grey + 4 * area)
      for image in slices[slice] {
        copyGrey(images, image, to: grey)
        for (waves, output) in [(columns.cosines, cosines), (columns.sines, sines)] {
          blas.multiply(
            rows: height, columns: width, inner: width, grey, waves, into: output)
        }
        // With e^(-i t) = cos t - i sin t on both sides.
        blas.multiply(
          rows: height, columns: width, inner: height, rows.negativeSines, sines, into: real)
        blas.multiply(
          rows: height, columns: width, inner: height, rows.cosines, cosines, into: real,
          accumulate: true)
        blas.multiply(
          rows: height, columns: width, inner: height, rows.sines, cosines, into: imaginary)
        blas.multiply(
          rows: height, columns: width, inner: height, rows.cosines, sines, into: imaginary,
          accumulate: true)
        for index in 0..<area {
          sum[index] += real[index] * real[index] + imaginary[index] * imaginary[index]
        }
      }
    }
    var total = [Double](repeating: 0, count: area)
    for (index, value) in sums.enumerated() { total[index % area] += value }
    return total.map { $0 / Double(images.count) }
  }

  private static func copyGrey(
    _ images: ImageStack, _ image: Int, to output: UnsafeMutablePointer<Double>
  ) {
    let channels = images.shape.channels
    images.values.withUnsafeBufferPointer { values in
      for pixel in 0..<images.shape.pixels {
        let first = (image * images.shape.pixels + pixel) * channels
        output[pixel] =
          (0..<channels).reduce(0.0) { $0 + Double(values[first + $1]) }
          / Double(channels)
      }
    }
  }

  /// Cosines and sines of 2 pi j k / n, n x n.
  private struct Waves {
    var cosines: [Double] = []
    var sines: [Double] = []
    var negativeSines: [Double] = []

    init(_ length: Int) {
      for row in 0..<length {
        for column in 0..<length {
          let angle = 2 * Double.pi * Double(row * column % length) / Double(length)
          cosines.append(cos(angle))
          sines.append(sin(angle))
          negativeSines.append(-sin(angle))
        }
      }
    }
  }
}

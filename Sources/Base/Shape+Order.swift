extension Shape {
  /// The numbers of whole samples that lie channels last, channels first, as PyTorch has them.
  package func channelsFirst(_ samples: ArraySlice<Float>) -> [Float] {
    let first = samples.startIndex
    return (0..<samples.count).map { index in
      let (sample, place) = (index / elementCount, index % elementCount)
      return samples[
        first + sample * elementCount + place % pixels * channels + place / pixels]
    }
  }

  /// The numbers of whole samples that lie channels first, channels last.
  package func channelsLast(_ samples: [Float]) -> [Float] {
    (0..<samples.count).map { index in
      let (sample, place) = (index / elementCount, index % elementCount)
      return samples[sample * elementCount + place % channels * pixels + place / channels]
    }
  }

  /// PyTorch's sizes, of a vector its values only.
  package var arraySizes: [Int] { pixels > 1 ? sizes : [channels] }
}

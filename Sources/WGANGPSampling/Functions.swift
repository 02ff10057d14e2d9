import Foundation
import WGANGP

// What wgangp_sampling.h declares: one generator, no MPI, no Swift in the caller.

/// A generator that a caller holds.
private final class Handle {
  let generator: TrainedGenerator
  init(_ generator: TrainedGenerator) { self.generator = generator }
}

private func handle(_ pointer: UnsafeMutableRawPointer) -> Handle {
  Unmanaged<Handle>.fromOpaque(pointer).takeUnretainedValue()
}

/// Writes the reason, cut to what there is room for.
private func say(_ error: any Error, _ text: UnsafeMutablePointer<CChar>?, _ size: Int) {
  guard let text, size > 0 else { return }
  strncpy(text, "\(error)", size - 1)
  text[size - 1] = 0
}

@_cdecl("wgangp_open")
public func wgangpOpen(
  _ path: UnsafePointer<CChar>, _ error: UnsafeMutablePointer<CChar>?, _ errorSize: Int
) -> UnsafeMutableRawPointer? {
  do {
    let generator = try TrainedGenerator(String(cString: path))
    return Unmanaged.passRetained(Handle(generator)).toOpaque()
  } catch let failure {
    say(failure, error, errorSize)
    return nil
  }
}

@_cdecl("wgangp_sample_size")
public func wgangpSampleSize(_ generator: UnsafeMutableRawPointer) -> Int {
  handle(generator).generator.sampleSizes.reduce(1, *)
}

@_cdecl("wgangp_sample_shape")
public func wgangpSampleShape(
  _ generator: UnsafeMutableRawPointer, _ sizes: UnsafeMutablePointer<Int>, _ most: Int
) -> Int {
  let found = handle(generator).generator.sampleSizes
  for (index, size) in found.prefix(most).enumerated() { sizes[index] = size }
  return found.count
}

@_cdecl("wgangp_condition_count")
public func wgangpConditionCount(_ generator: UnsafeMutableRawPointer) -> Int {
  handle(generator).generator.conditionNames.count
}

@_cdecl("wgangp_class_count")
public func wgangpClassCount(_ generator: UnsafeMutableRawPointer) -> Int {
  handle(generator).generator.classCount
}

@_cdecl("wgangp_sample")
public func wgangpSample(
  _ pointer: UnsafeMutableRawPointer, _ count: Int, _ seed: UInt64,
  _ label: Int, _ condition: UnsafePointer<Double>?, _ output: UnsafeMutablePointer<Float>,
  _ error: UnsafeMutablePointer<CChar>?, _ errorSize: Int
) -> Int32 {
  let generator = handle(pointer).generator
  let names = generator.conditionNames
  let numbers = condition.map { condition in
    [Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, condition[$0]) })]
  }
  do {
    let samples = try generator.samples(
      count, seed: seed, classes: label < 0 ? nil : [label],
      conditions: names.isEmpty ? nil : numbers)
    samples.values.withUnsafeBufferPointer { values in
      if let base = values.baseAddress { output.update(from: base, count: values.count) }
    }
    return 0
  } catch let failure {
    say(failure, error, errorSize)
    return 1
  }
}

@_cdecl("wgangp_close")
public func wgangpClose(_ generator: UnsafeMutableRawPointer) {
  Unmanaged<Handle>.fromOpaque(generator).release()
}

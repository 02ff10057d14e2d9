import Foundation
import WGANGP

// What wgangp_sampling.h declares: one generator, no MPI, no Swift in the caller.

/// A generator that a caller holds: an object, so that a pointer can stand for it.
private final class Handle {
  let generator: TrainedGenerator
  init(_ generator: TrainedGenerator) { self.generator = generator }
}

/// The object behind a pointer of `wgangpOpen`; the caller's hold on it stays.
private func handle(_ pointer: UnsafeMutableRawPointer) -> Handle {
  Unmanaged<Handle>.fromOpaque(pointer).takeUnretainedValue()
}

/// Writes the reason, cut to what there is room for.
///
/// - Parameters:
///   - error: Its text is one line, as the command `sample` prints it.
///   - text: Overwritten up to a zero at its end; nil where the caller wants no reason.
///   - size: Bytes there, the zero among them; with 0 nothing is written.
private func say(_ error: any Error, _ text: UnsafeMutablePointer<CChar>?, _ size: Int) {
  guard let text, size > 0 else { return }
  strncpy(text, "\(error)", size - 1)
  text[size - 1] = 0
}

/// Reads a checkpoint, and holds its generator until `wgangpClose`.
///
/// - Parameters:
///   - path: A run's folder (its newest whole checkpoint) or a checkpoint's, ended by a zero.
///   - error: Where the reason goes if it cannot be read; nil for nowhere.
///   - errorSize: Bytes there.
/// - Returns: The pointer that the other functions take; nil where the checkpoint cannot be read.
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

/// Numbers of one sample: the product of its sizes.
@_cdecl("wgangp_sample_size")
public func wgangpSampleSize(_ generator: UnsafeMutableRawPointer) -> Int {
  handle(generator).generator.sampleSizes.reduce(1, *)
}

/// The sizes of one sample, channels first.
///
/// - Parameters:
///   - generator: A pointer of `wgangpOpen`.
///   - sizes: Overwritten, by the first `most` of them where there are more.
///   - most: Numbers that it has room for; 0 only asks how many there are.
/// - Returns: How many sizes a sample has.
@_cdecl("wgangp_sample_shape")
public func wgangpSampleShape(
  _ generator: UnsafeMutableRawPointer, _ sizes: UnsafeMutablePointer<Int>, _ most: Int
) -> Int {
  let found = handle(generator).generator.sampleSizes
  for (index, size) in found.prefix(most).enumerated() { sizes[index] = size }
  return found.count
}

/// Numbers that a sample is conditioned on, in the order that `wgangpSample` takes them; 0 for
/// none.
@_cdecl("wgangp_condition_count")
public func wgangpConditionCount(_ generator: UnsafeMutableRawPointer) -> Int {
  handle(generator).generator.conditionNames.count
}

/// Classes that a sample can be of; 0 for a generator without.
@_cdecl("wgangp_class_count")
public func wgangpClassCount(_ generator: UnsafeMutableRawPointer) -> Int {
  handle(generator).generator.classCount
}

/// Draws samples into the caller's memory; sample i depends on the seed and i alone.
///
/// Not for two threads at a time with one generator: it works in the network's own memory.
///
/// - Parameters:
///   - pointer: A pointer of `wgangpOpen`.
///   - count: Samples.
///   - seed: Of their noise.
///   - label: The class of all; below 0 for the classes in turn, or none.
///   - condition: `wgangpConditionCount` numbers in the data's units, for all samples; nil for
///     those of the data, which must be there then.
///   - output: Overwritten: count x `wgangpSampleSize` floats in the data's units, sample by
///     sample; left alone where drawing fails.
///   - error: Where the reason goes if they cannot be drawn; nil for nowhere.
///   - errorSize: Bytes there.
/// - Returns: 0, or 1 with the reason.
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

/// Lets the generator go: its memory is free again, and the pointer stands for nothing.
@_cdecl("wgangp_close")
public func wgangpClose(_ generator: UnsafeMutableRawPointer) {
  Unmanaged<Handle>.fromOpaque(generator).release()
}

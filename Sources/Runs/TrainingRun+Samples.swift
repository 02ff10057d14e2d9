import Base
import Sampling

extension TrainingRun {
  /// Draws the run's samples and leaves their picture to the writer; behind the last iteration also
  /// reals beside them.
  ///
  /// - Parameters:
  ///   - writer: Takes the pictures.
  ///   - events: TensorBoard's; nil for none.
  ///   - iteration: Iterations done.
  ///   - isLast: Whether the run ends with it.
  /// - Throws: What a pass throws, and where the data cannot be read.
  func saveSamples(
    _ writer: RunWriter, _ events: EventRecorder?, iteration: Int, isLast: Bool
  ) throws {
    let output = configuration.output
    let generator = SampleGenerator(
      model, configuration, average: trainer.generatorAverage, dataset: { [dataset] in dataset })
    let layout = try generator.layout(count: output.samples, columns: output.columns)
    let samples = try generator.images(layout)
    guard
      let image = try generator.picture(
        of: samples, layout, scale: output.scale, dataset: dataset,
        title: "\(configuration.name), iteration \(iteration)")
    else { return }
    let name: String
    if case .epochs = output.sampleEvery,
      output.sampleEvery.isDue(afterIteration: iteration, schedule: schedule)
    {
      name = "epoch-" + schedule.epochsDone(afterIteration: iteration).padded(to: 4)
    } else {
      name = "iteration-" + iteration.padded(to: 6)
    }
    let picture = image.picture
    writer.savePicture(picture, to: "\(directory.samples)/\(name).png") { png in
      try events?.add(png: png, of: picture, iteration: iteration)
    }
    if isLast && !generator.isPlanar {
      let beside = generator.realsBesideSamples(
        samples, layout, scale: output.scale, dataset: dataset)
      writer.savePicture(beside.picture, to: "\(directory.samples)/reals-and-samples.png")
    }
  }
}

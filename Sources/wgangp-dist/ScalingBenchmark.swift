import Base
import Benchmarks
import Collectives
import Configuration
import Foundation
import Pictures
import Recipe
import Reports
import Runs
import Storage
import Training

/// Starts `bench` again and again under mpirun, and gathers what it says: `bench --scaling`.
struct ScalingBenchmark {
  var options: ScalingOptions
  var configuration: String?
  var overrides: [String]
  var iterations: Int
  var warmUp: Int
  var measured: Int

  /// Prints the table; writes results and plot.
  ///
  /// To be called in a process without MPI.
  func run() throws {
    guard !MPICommunicator.isLaunched else {
      throw TrainingError("bench --scaling starts mpirun itself; run it without mpirun")
    }
    try FileSystem.createDirectory(FileSystem.folder(of: options.output))
    let results: ScalingResults
    if options.files.isEmpty {
      results = try measure()
      try FileSystem.writeAtomically(results.json, to: options.output)
    } else {
      let read = try options.files.map { try ScalingResults(path: $0) }
      results = ScalingResults(
        environment: read[0].environment, cores: read[0].cores, points: read.flatMap(\.points))
    }
    let picture = options.output.dropLast(".json".count) + ".png"
    try PNG.write(results.plot(), to: String(picture))
    print(results.markdown)
    say("\(options.files.isEmpty ? options.output + " and " : "")\(picture) are written")
  }

  private func measure() throws -> ScalingResults {
    var document = try ConfigurationDocument.named(configuration)
    try document.apply(overrides)
    let base = try RunConfiguration(document)
    let cores = max(1, Processor.boundCores.count)
    var request = ScalingPlan.Request()
    request.ranks = try ScalingOptions.list(options.ranks, "ranks")
    request.batches = try ScalingOptions.list(options.batches, "batches")
    request.widths = try ScalingOptions.list(options.widths, "widths")
    request.imageSizes = try ScalingOptions.list(options.sizes, "sizes")
    let plan = try ScalingPlan(
      request, batch: base.training.batch, shards: base.training.shards, width: base.width,
      cores: cores / base.training.threads)
    if let wrong = request.imageSizes?.first(where: { !ConfigurationDocument.allowsImageSize($0) })
    {
      throw TrainingError("--sizes: \(wrong) is not a multiple of 8 from 8 to 512")
    }
    // Round after round, so that a machine whose speed drifts is fair to all jobs.
    var measured: [ScalingJob: [BenchmarkResult]] = [:]
    let jobs = plan.jobs
    for round in 1...options.rounds {
      for (number, job) in jobs.enumerated() {
        let result = try bench(job, threads: base.training.threads, cores: cores)
        measured[job, default: []].append(result)
        say(
          "round \(round) of \(options.rounds), job \(number + 1) of \(jobs.count): "
            + "\(result.name), ranks \(result.ranks), batch \(result.batch)"
            + (result.width.map { ", width \($0)" } ?? "") + ", image \(result.image): "
            + String(format: "%.4f s", result.medianSeconds))
      }
    }
    let points = plan.points.compactMap { point in
      measured[point.job].map { results in
        ScalingResults.Point(
          axis: point.axis, value: point.value, roundSeconds: results.map(\.medianSeconds),
          result: .combined(results))
      }
    }
    var environment = RunEnvironment(
      version: WGANGPDist.configuration.version, threads: base.training.threads,
      communicator: SoloCommunicator())
    environment.mpi = points.first?.result.mpi ?? environment.mpi
    return ScalingResults(environment: environment, cores: cores, points: points)
  }

  /// Runs one job and reads the line of JSON that it prints.
  private func bench(_ job: ScalingJob, threads: Int, cores: Int) throws -> BenchmarkResult {
    // Of the program's own network only threads and the like can be set.
    let source =
      job.imageSize.map { ["--image-size", "\($0)"] }
      ?? (configuration.map { ["--config", $0] } ?? [])
    let common =
      job.imageSize == nil
      ? overrides : overrides.filter { $0.hasPrefix("training.threads=") }
    let command =
      launcher(ranks: job.ranks, threads: threads, cores: cores) + [
        Self.program, "bench", "--json",
      ]
      + source + [
        "--iterations", "\(iterations)", "--warmup", "\(warmUp)", "--shares", "\(measured)",
      ] + common + job.overrides
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    if getuid() == 0 {
      // Open MPI refuses to run as root, the usual user of a container, unless told twice.
      process.environment = ProcessInfo.processInfo.environment.merging(
        ["OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"]) { $1 }
    }
    let output = Pipe()
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    // The job has a process group of its own: it must end with this process.
    let sources = [SIGINT, SIGTERM, SIGHUP].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        process.terminate()
        process.waitUntilExit()
        exit(128 + number)
      }
      source.resume()
      return source
    }
    defer { for source in sources { source.cancel() } }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      throw TrainingError(
        "'\(command.joined(separator: " "))' failed with status \(process.terminationStatus)")
    }
    do {
      return try JSONDecoder().decode(BenchmarkResult.self, from: data)
    } catch {
      throw TrainingError(
        "'\(command.joined(separator: " "))' printed no result: "
          + "\(String(decoding: data.prefix(200), as: UTF8.self))")
    }
  }

  private func launcher(ranks: Int, threads: Int, cores: Int) -> [String] {
    if let launcher = options.launcher {
      return launcher.replacingOccurrences(of: "{ranks}", with: "\(ranks)")
        .split(separator: " ").map(String.init)
    }
    // Open MPI counts physical cores, and asks to be told that more ranks than those are meant.
    var command = ["mpirun", "-n", "\(ranks)", "--oversubscribe"]
    command += ["--bind-to", ranks * threads <= cores && threads == 1 ? "core" : "none"]
    // Ranks that share a core must not spin while they wait for each other.
    if ranks * threads > cores { command += ["--mca", "mpi_yield_when_idle", "1"] }
    return command
  }

  private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path

  private func say(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
  }
}

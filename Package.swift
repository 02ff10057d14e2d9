// swift-tools-version: 6.1
import Foundation
import PackageDescription

// MARK: - Flags

// The kernels are written for AVX2 and FMA (the x86-64-v3 level): without the flag a SIMD8<Float>
// is two SSE registers and every fused multiply-add a call. `wgangp-dist doctor`, and `train` at
// its start, check that the processor has the level. Errno is never read after a square root.
#if arch(x86_64)
  let vectorFlags: [SwiftSetting] = [
    .unsafeFlags(["-Xcc", "-march=x86-64-v3", "-Xcc", "-fno-math-errno"])
  ]
#else
  let vectorFlags: [SwiftSetting] = [.unsafeFlags(["-Xcc", "-fno-math-errno"])]
#endif
// Debug builds optimize the kernels too: unoptimized SIMD code is some 100 times slower.
let debugSpeed: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]
let kernelFlags = vectorFlags + debugSpeed
// The hottest of them are compiled a second time for AVX-512 (x86-64-v4), in a module that is
// called only where the processor has it: nothing else may be in it.
#if arch(x86_64)
  let wideKernelFlags: [SwiftSetting] =
    [
      .define("AVX512"),
      .unsafeFlags(["-Xcc", "-march=x86-64-v4", "-Xcc", "-fno-math-errno"]),
    ] + debugSpeed
#else
  let wideKernelFlags = kernelFlags
#endif

// What `--version` tells: the commit, with a plus where files differ from it.
let commit = Context.gitInformation.map {
  $0.currentCommit.prefix(10) + ($0.hasUncommittedChanges ? "+" : "")
}
let versionFlags: [SwiftSetting] =
  commit.map { [.unsafeFlags(["-Xcc", "-DWGANGP_COMMIT=\"\($0)\""])] } ?? []

let package = Package(
  name: "wgangp-dist",
  products: [
    .executable(name: "wgangp-dist", targets: ["wgangp-dist"]),
    .library(name: "WGANGP", targets: ["WGANGP"]),
    .library(name: "WGANGPSampling", type: .dynamic, targets: ["WGANGPSampling"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
  ],
  targets: [
    // MARK: - System libraries

    .systemLibrary(name: "COpenMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    // No library: those that only some commands need are loaded by them (Base, SharedLibrary).
    // This one calls libcurl's functions of variable arguments.
    .systemLibrary(name: "CCurl"),
    // No library: instructions that Swift lacks.
    .systemLibrary(name: "CInstructions"),
    // No library: the commit that the program is built from.
    .systemLibrary(name: "CBuild"),

    // MARK: - Implementation

    .target(name: "KernelLayouts", swiftSettings: kernelFlags),
    .target(
      name: "VectorKernelsAVX2", dependencies: ["CInstructions", "KernelLayouts"],
      swiftSettings: kernelFlags),
    .target(
      name: "VectorKernelsAVX512", dependencies: ["CInstructions", "KernelLayouts"],
      swiftSettings: wideKernelFlags),
    // Memory, shapes, random numbers, threads and the processor: what everything else stands on.
    .target(name: "Base", swiftSettings: kernelFlags),
    .target(
      name: "Kernels",
      dependencies: [
        "Base", "CInstructions", "KernelLayouts", "VectorKernelsAVX2", "VectorKernelsAVX512",
      ],
      swiftSettings: kernelFlags),
    .target(name: "LinearAlgebra", dependencies: ["Base"]),
    .target(name: "Collectives", dependencies: ["COpenMPI", "Base", "Kernels"]),
    .target(name: "Configuration", dependencies: ["Base", "Storage", "Yams"]),
    .target(name: "Storage", dependencies: ["Base", "CZlib"]),
    // One 8-bit picture and its files, for Datasets to read and Reports to write.
    .target(name: "Pictures", dependencies: ["Base", "Storage", "CPNG"]),
    .target(name: "Networks", dependencies: ["Base", "Kernels", "Collectives", "Configuration"]),
    .target(
      name: "Datasets",
      dependencies: ["Base", "Storage", "Pictures", "CZlib", "CCurl"]),
    .target(
      name: "Reports",
      dependencies: [
        "EventMessages", .product(name: "SwiftProtobuf", package: "swift-protobuf"), "Base",
        "Storage", "Pictures",
      ],
      resources: [.embedInCode("Page/report.css"), .embedInCode("Page/report.js")]),
    .target(
      name: "Training",
      dependencies: [
        "Networks", "Collectives", "Base", "Kernels", "Configuration", "Storage", "Datasets",
      ]),
    // What is measured of samples: a file a score.
    .target(
      name: "Scores",
      dependencies: ["Base", "Collectives", "Configuration", "Datasets", "LinearAlgebra"],
      swiftSettings: kernelFlags),
    // Networks that are only evaluated, with what they do to images first.
    .target(
      name: "Features",
      dependencies: [
        "Training", "Scores", "Networks", "Datasets", "Collectives", "Base", "Configuration",
        "Storage",
      ]),
    // The default configuration is a link to the file in configs/, and part of the program.
    .target(
      name: "Recipe",
      dependencies: [
        "Features", "Training", "Scores", "Networks", "Datasets", "Collectives", "Base",
        "Configuration", "Storage",
      ],
      resources: [
        .embedInCode("Default/glyphs.yaml"), .embedInCode("Default/glyphs-classifier.yaml"),
        .embedInCode("Default/glyphs-network.yaml"),
        .embedInCode("Default/glyphs-network.safetensors"),
      ]),
    .target(
      name: "Sampling",
      dependencies: [
        "Recipe", "Training", "Scores", "Networks", "Datasets", "Collectives", "Base",
        "Configuration", "Storage", "Pictures", "Reports",
      ]),
    .target(
      name: "Verification",
      dependencies: [
        "Recipe", "Training", "Networks", "Collectives", "Base", "Configuration", "Storage",
      ]),
    .target(
      name: "Runs",
      dependencies: [
        "Recipe", "Training", "Scores", "Sampling", "Networks", "Datasets", "Collectives", "Base",
        "Configuration", "Storage", "Pictures", "Reports",
      ]),
    // Messages of other programs' files: made of their .proto by Sources/generate-messages.sh.
    .target(
      name: "ONNXMessages",
      dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["onnx.proto"]),
    .target(
      name: "EventMessages",
      dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["tensorboard.proto"]),
    // Weights of other programs in, and out.
    .target(
      name: "Conversion",
      dependencies: [
        "ONNXMessages", .product(name: "SwiftProtobuf", package: "swift-protobuf"), "Recipe",
        "Runs", "Sampling", "Training", "Networks", "Collectives", "Base",
        "Configuration", "Storage",
      ]),
    .target(
      name: "Benchmarks",
      dependencies: [
        "Recipe", "Training", "Networks", "Datasets", "Collectives", "Kernels", "Base",
        "LinearAlgebra", "Scores",
        "Configuration", "Pictures", "Reports", "Storage", "Runs",
      ]),
    // What other packages use: the only public names.
    .target(
      name: "WGANGP",
      dependencies: [
        "Runs", "Sampling", "Scores", "Conversion", "Collectives", "Kernels", "Base",
      ]),
    // What other languages use: functions of C.
    .target(
      name: "WGANGPSampling", dependencies: ["WGANGP"], exclude: ["wgangp_sampling.h"]),
    .executableTarget(
      name: "wgangp-dist",
      dependencies: [
        "Recipe", "Runs", "Sampling", "Scores", "Features", "Conversion", "Verification",
        "Benchmarks",
        "Training",
        "Networks",
        "Collectives", "Base", "Kernels", "LinearAlgebra", "Configuration", "Storage", "Datasets",
        "Pictures",
        "Reports",
        "CBuild",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: versionFlags),

    // MARK: - Tests

    .target(
      name: "TestSupport", dependencies: ["Base", "Kernels", "Collectives", "Storage"],
      path: "Tests/TestSupport"),
    .target(
      name: "RunSupport", dependencies: ["Recipe", "Training", "Storage", "TestSupport"],
      path: "Tests/RunSupport"),
    // What fuzzing reads files with.
    .target(
      name: "Readers",
      dependencies: [
        "Conversion", "Recipe", "Runs", "Verification", "Training", "Datasets", "Collectives",
        "Base",
        "Configuration", "Storage", "Pictures", "Reports", "TestSupport",
      ], path: "Tests/Readers"),
    .executableTarget(
      name: "read-damaged", dependencies: ["Readers", "Base", "TestSupport"],
      path: "Tests/ReadDamaged"),
    .testTarget(name: "TestSupportTests", dependencies: ["TestSupport"]),
    .testTarget(name: "BaseTests", dependencies: ["Base", "TestSupport"]),
    .testTarget(
      name: "KernelsTests",
      dependencies: [
        "Base", "Kernels", "KernelLayouts", "VectorKernelsAVX2", "VectorKernelsAVX512",
        "TestSupport",
      ]),
    .testTarget(name: "LinearAlgebraTests", dependencies: ["LinearAlgebra", "TestSupport"]),
    .testTarget(name: "CollectivesTests", dependencies: ["Collectives", "Base", "TestSupport"]),
    .testTarget(
      name: "ConfigurationTests", dependencies: ["Configuration", "Base", "TestSupport"]),
    .testTarget(
      name: "StorageTests", dependencies: ["Storage", "TestSupport"],
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "NetworksTests",
      dependencies: [
        "Networks", "Collectives", "Configuration", "Kernels", "Base", "TestSupport",
      ]),
    .testTarget(
      name: "DatasetsTests",
      dependencies: ["Datasets", "Pictures", "Storage", "Base", "TestSupport"],
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "ReportsTests",
      dependencies: [
        "Reports", "EventMessages", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        "Pictures", "TestSupport",
      ]),
    .testTarget(
      name: "TrainingTests", dependencies: ["Training", "Sampling", "RunSupport"],
      exclude: ["make_diff_augment.py", "Fixtures"]),
    .testTarget(name: "RecipeTests", dependencies: ["Recipe", "Base", "RunSupport"]),
    .testTarget(
      name: "ScoresTests", dependencies: ["Scores", "LinearAlgebra", "RunSupport"],
      exclude: ["hashed_data.py", "make_score_fixtures.py", "make_physics_fixtures.py"],
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "FeaturesTests",
      dependencies: [
        "Features", "Networks", "Scores", "Datasets", "Collectives", "Storage", "Configuration",
        "Base", "TestSupport",
      ],
      exclude: ["make_fixture.py"], resources: [.copy("Fixtures")]),
    .testTarget(
      name: "SamplingTests",
      dependencies: ["Sampling", "Runs", "Scores", "Pictures", "Base", "RunSupport"]),
    .testTarget(
      name: "VerificationTests", dependencies: ["Verification", "RunSupport"],
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "RunsTests",
      dependencies: [
        "Runs", "EventMessages", "Reports", "Pictures", "Sampling", "Scores", "Recipe",
        "RunSupport",
      ], exclude: ["events.py"]),
    .testTarget(
      name: "ConversionTests",
      dependencies: [
        "Conversion", "Features", "ONNXMessages",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"), "RunSupport",
      ],
      resources: [.copy("Fixtures")]),
    .testTarget(name: "WGANGPTests", dependencies: ["WGANGP", "RunSupport"]),
    .testTarget(name: "BenchmarksTests", dependencies: ["Benchmarks", "RunSupport"]),
    .testTarget(
      name: "SystemTests",
      dependencies: [
        "wgangp-dist", "read-damaged", "WGANGPSampling", "Recipe", "Storage", "Base", "TestSupport",
      ]),
  ]
)

// Only Tests/fuzz/run.sh builds it: libFuzzer brings the main function.
if ProcessInfo.processInfo.environment["WGANGP_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "fuzz", dependencies: ["Readers", "Base", "Storage"], path: "Tests/fuzz",
      exclude: ["run.sh"]))
}

// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "train-and-sample",
  dependencies: [.package(name: "wgangp-dist", path: "../..")],
  targets: [
    .executableTarget(
      name: "train-and-sample",
      dependencies: [.product(name: "WGANGP", package: "wgangp-dist")])
  ])

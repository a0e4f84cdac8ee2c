// swift-tools-version:6.2
import PackageDescription

// A package of its own: grpc-swift and its TLS libraries must not lengthen the main build. `run`
// builds it together with the C++ peers in `peers`.

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

let contracts = Target.Dependency.product(name: "Contracts", package: "sugang")
let framedRPC = Target.Dependency.product(name: "FramedRPC", package: "sugang")
let grpcCore = Target.Dependency.product(name: "GRPCCore", package: "grpc-swift-2")
let grpcNIO = Target.Dependency.product(
  name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")

let package = Package(
  name: "benchmarks",
  dependencies: [
    .package(name: "sugang", path: ".."),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
  ],
  targets: [
    .target(name: "BenchKit", dependencies: [nioCore, nioPosix], swiftSettings: settings),
    .executableTarget(
      name: "raw-nio-peer", dependencies: ["BenchKit", nioCore, nioPosix],
      swiftSettings: settings),
    .executableTarget(
      name: "framedrpc-peer", dependencies: ["BenchKit", contracts, framedRPC, nioCore, nioPosix],
      swiftSettings: settings),
    .executableTarget(
      name: "grpc-swift-peer", dependencies: ["BenchKit", grpcCore, grpcNIO, nioCore, nioPosix],
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)

// swift-tools-version:6.2
import PackageDescription

// The architecture on one screen. A context is a pair of targets, Core and Adaptors; no context
// depends on another: they meet in Contracts and are joined only in the executable `sugang`.

let shared: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]
/// What scripts/fuzz sets: the code under test counts the branches that libFuzzer steers by.
let fuzzing = Context.environment["SUGANG_FUZZ"] == "1"
let fuzzed: [SwiftSetting] = fuzzing ? [.unsafeFlags(["-sanitize=fuzzer"])] : []
/// Everything but the targets that wrap C: a raw pointer there is a compile error.
let safe: [SwiftSetting] = shared + [.strictMemorySafety()]

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
let configuration = Target.Dependency.product(
  name: "Configuration", package: "swift-configuration")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let grdbSQLite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(
  name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let lifecycle = Target.Dependency.product(
  name: "ServiceLifecycle", package: "swift-service-lifecycle")
let jwtKit = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let instrumentation = Target.Dependency.product(
  name: "Instrumentation", package: "swift-distributed-tracing")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let tracing = Target.Dependency.product(
  name: "Tracing", package: "swift-distributed-tracing")
let unixSignals = Target.Dependency.product(
  name: "UnixSignals", package: "swift-service-lifecycle")

/// What every adaptor may use: the wire, the event log, the store, the web.
let adaptorsUse: [Target.Dependency] = [
  "AdaptorSupport", "Contracts", "EventLog", "FramedRPC", "JSON", "RESTSupport", "Storage", logging,
]

/// One bounded context: a core that imports only the Kernel, adaptors around it, and its tests.
func context(_ name: String) -> [Target] {
  let core: Target.Dependency = .target(name: "\(name)Core")
  let adaptors: Target.Dependency = .target(name: "\(name)Adaptors")
  return [
    .target(
      name: "\(name)Core", dependencies: ["Kernel"], path: "Sources/\(name)/Core",
      swiftSettings: safe),
    .target(
      name: "\(name)Adaptors", dependencies: ["Kernel", core] + adaptorsUse,
      path: "Sources/\(name)/Adaptors", swiftSettings: safe),
    .testTarget(
      name: "\(name)Tests",
      dependencies: ["Kernel", core, adaptors, "AdaptorTestSupport", "HTTPClientKit"] + adaptorsUse,
      swiftSettings: safe),
  ]
}

let contexts = ["Course", "Enrollment", "Pay", "Point", "Gift", "Alert", "MyPage"]
let allAdaptors: [Target.Dependency] = contexts.map { .target(name: "\($0)Adaptors") }
let allCores: [Target.Dependency] = contexts.map { .target(name: "\($0)Core") }

let foundationTargets: [Target] = [
  .target(name: "Kernel", swiftSettings: safe),
  .target(name: "JSON", swiftSettings: safe + fuzzed),
  .target(name: "HTTPClientKit", dependencies: ["JSON", nioCore, nioPosix], swiftSettings: safe),
  .target(
    name: "RESTSupport",
    dependencies: [
      "JSON", "Kernel", "W3CTrace", httpTypes, hummingbird, hummingbirdCore, lifecycle, logging,
      metrics, nioCore, nioHTTP1, nioHTTPTypes, nioHTTPTypesHTTP1,
    ], swiftSettings: safe),
  .target(
    name: "Storage", dependencies: [crypto, grdb, grdbSQLite, logging], swiftSettings: shared),
  .target(
    name: "EventLog",
    dependencies: [
      "Contracts", "FramedRPC", "Kernel", "Storage", "W3CTrace", lifecycle, logging,
    ],
    swiftSettings: safe),
  .target(
    name: "AdaptorSupport",
    dependencies: ["Contracts", "EventLog", "FramedRPC", "Kernel", "Storage", "W3CTrace"],
    swiftSettings: safe),
  .testTarget(name: "KernelTests", dependencies: ["Kernel"], swiftSettings: safe),
  .testTarget(name: "JSONTests", dependencies: ["JSON"], swiftSettings: safe),
  .testTarget(
    name: "RESTSupportTests",
    dependencies: [
      "HTTPClientKit", "JSON", "Kernel", "RESTSupport", "TestSupport", "W3CTrace", httpTypes,
      hummingbird, lifecycle, logging, metrics, nioCore, nioEmbedded, nioHTTPTypes, nioPosix,
      .product(name: "MetricsTestKit", package: "swift-metrics"),
    ], swiftSettings: safe),
  .executableTarget(
    name: "storage-crash-writer", dependencies: ["Storage", logging],
    path: "Tests/StorageCrashWriter", swiftSettings: safe),
  .testTarget(
    name: "StorageTests", dependencies: ["Storage", "Supervisor", "storage-crash-writer", logging],
    swiftSettings: safe),
  .testTarget(
    name: "EventLogTests",
    dependencies: [
      "Contracts", "EventLog", "FramedRPC", "Kernel", "Storage", "TestSupport", "W3CTrace", logging,
      nioPosix,
    ], swiftSettings: safe),
]

let rpcTargets: [Target] = [
  .systemLibrary(
    name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
  .target(name: "CFramedRPC", dependencies: ["CProtobufC"]),
  .target(
    name: "FramedRPC",
    dependencies: ["CFramedRPC", "CProtobufC", "CRuntimeProtos", nioCore, nioPosix],
    swiftSettings: shared + fuzzed),
  // The messages that FramedRPC itself serves.
  .target(name: "CRuntimeProtos", dependencies: ["CFramedRPC", "CProtobufC"]),
  // Apart, so that who does without TLS does not build BoringSSL.
  .target(
    name: "FramedRPCTLS", dependencies: ["FramedRPC", nioCore, nioSSL, nioTLS],
    swiftSettings: shared),
  // For tests: faults in virtual time.
  .target(
    name: "FramedRPCTestKit", dependencies: ["FramedRPC", nioCore, nioEmbedded],
    swiftSettings: shared),
  // What FramedRPC itself does without: logs, metrics and traces of calls.
  .target(
    name: "FramedRPCObservability",
    dependencies: ["FramedRPC", "W3CTrace", instrumentation, logging, metrics, tracing],
    swiftSettings: shared),
  .target(name: "W3CTrace", swiftSettings: safe),
  .target(name: "PrometheusText", dependencies: [metrics], swiftSettings: safe),
  .target(name: "CProtos", dependencies: ["CFramedRPC", "CProtobufC"]),
  .target(name: "CDescriptorProtos", dependencies: ["CProtobufC"]),
  .target(
    name: "Contracts", dependencies: ["CFramedRPC", "CProtobufC", "CProtos", "FramedRPC", nioCore],
    swiftSettings: shared),
  .target(
    name: "FramedRPCJSON", dependencies: ["FramedRPC", "JSON"],
    swiftSettings: shared + fuzzed),
  .target(
    name: "FramedRPCConnect", dependencies: ["FramedRPC", "FramedRPCJSON", "JSON", nioCore],
    swiftSettings: safe),
  .target(
    name: "FramedRPCCodeGen", dependencies: ["CDescriptorProtos", "CProtobufC"],
    swiftSettings: shared),
  .executableTarget(
    name: "protoc-gen-framed-rpc", dependencies: ["FramedRPCCodeGen"], swiftSettings: shared),
  .testTarget(
    name: "FramedRPCTests",
    dependencies: [
      "CProtobufC", "Contracts", "FramedRPC", "FramedRPCTLS", nioCore, nioEmbedded, nioPosix,
      nioSSL,
    ], exclude: ["Certificates"], swiftSettings: shared),
  .testTarget(
    name: "FramedRPCTestKitTests",
    dependencies: ["Contracts", "FramedRPC", "FramedRPCTestKit", nioCore],
    swiftSettings: shared),
  .testTarget(
    name: "FramedRPCObservabilityTests",
    dependencies: [
      "Contracts", "FramedRPC", "FramedRPCObservability", "PrometheusText", "W3CTrace",
      instrumentation, logging, metrics, nioCore, nioPosix, tracing,
      .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
      .product(name: "MetricsTestKit", package: "swift-metrics"),
    ], swiftSettings: shared),
  .testTarget(
    name: "FramedRPCJSONTests",
    dependencies: ["Contracts", "FramedRPC", "FramedRPCJSON", "JSON", nioCore],
    swiftSettings: shared),
  .testTarget(
    name: "FramedRPCConnectTests",
    dependencies: [
      "Contracts", "FramedRPC", "FramedRPCConnect", "FramedRPCJSON", "JSON", nioCore, nioPosix,
    ], swiftSettings: safe),
  .testTarget(
    name: "FramedRPCCodeGenTests", dependencies: ["FramedRPCCodeGen"], swiftSettings: shared),
  // What scripts/interop lets the Python client talk to.
  .executableTarget(
    name: "framed-rpc-test-server", dependencies: ["Contracts", "FramedRPC", nioCore, nioPosix],
    path: "Tests/FramedRPCTestServer", swiftSettings: shared),
  // The tutorial in FramedRPC.docc, as a program.
  .executableTarget(
    name: "greeter", dependencies: ["Contracts", "FramedRPC", nioPosix, unixSignals],
    path: "Sources/Examples/Greeter", swiftSettings: safe),
  .testTarget(
    name: "GreeterTests", dependencies: ["Contracts", "FramedRPC", "greeter"],
    swiftSettings: safe),
]

let applicationTargets: [Target] = [
  // Apart, so that who takes tokens of nobody does not build the means to check them.
  .target(
    name: "AccessTokens", dependencies: ["JSON", "Kernel", crypto, jwtKit], swiftSettings: safe),
  .testTarget(
    name: "AccessTokensTests",
    dependencies: ["AccessTokens", "JSON", "Kernel", "TestSupport", crypto, cryptoExtras],
    swiftSettings: safe),
  .target(
    name: "Gateway",
    dependencies: [
      "AdaptorSupport", "Contracts", "FramedRPC", "FramedRPCConnect", "JSON", "Kernel",
      "RESTSupport", nioCore,
    ] + allAdaptors, swiftSettings: safe),
  .target(
    name: "SugangServices",
    dependencies: [
      "AccessTokens", "Contracts", "EventLog", "FramedRPC", "FramedRPCObservability",
      "FramedRPCTLS", "Gateway",
      "JSON", "Kernel", "PrometheusText", "RESTSupport", "Storage", "AdaptorSupport", lifecycle,
      logging, metrics, nioCore, nioPosix, unixSignals,
    ] + allAdaptors + allCores, swiftSettings: safe),
  // Wraps posix_spawn, waitid and flock.
  .target(
    name: "Supervisor", dependencies: ["Contracts", "FramedRPC", logging, nioCore, nioPosix],
    swiftSettings: shared),
  .testTarget(
    name: "SupervisorTests", dependencies: ["Supervisor", logging], swiftSettings: shared),
  .executableTarget(
    name: "sugang",
    dependencies: [
      "AccessTokens", "Contracts", "EventLog", "FramedRPC", "FramedRPCJSON", "FramedRPCTLS",
      "HTTPClientKit",
      "JSON", "Kernel", "PayCore", "Storage", "SugangServices", "Supervisor", argumentParser,
      configuration, lifecycle, logging, nioCore, nioPosix, unixSignals,
    ], swiftSettings: safe),
  .target(
    name: "TestSupport", path: "Tests/TestSupport", swiftSettings: safe),
  .target(
    name: "AdaptorTestSupport",
    dependencies: [
      "AdaptorSupport", "Contracts", "EventLog", "FramedRPC", "HTTPClientKit", "JSON", "Kernel",
      "RESTSupport", "Storage", "TestSupport", lifecycle, logging, nioPosix,
    ], path: "Tests/AdaptorTestSupport", swiftSettings: safe),
  .testTarget(
    name: "SugangServicesTests",
    dependencies: [
      "AccessTokens", "AdaptorSupport", "AdaptorTestSupport", "Contracts", "EventLog", "FramedRPC",
      "FramedRPCConnect", "Gateway", "HTTPClientKit", "JSON", "Kernel", "RESTSupport", "Storage",
      "SugangServices", "TestSupport", lifecycle, logging, nioCore, nioPosix,
    ], swiftSettings: safe),
  .testTarget(
    name: "SugangTests",
    dependencies: [
      "AdaptorSupport", "AdaptorTestSupport", "Contracts", "FramedRPC", "JSON", "Kernel", "Storage",
      "SugangServices", "TestSupport", "sugang", logging, nioCore, nioEmbedded,
    ], swiftSettings: safe),
  .testTarget(
    name: "SystemTests",
    dependencies: [
      "AccessTokens", "Contracts", "CourseAdaptors", "EnrollmentAdaptors", "EventLog", "FramedRPC",
      "GiftAdaptors", "HTTPClientKit", "JSON", "Kernel", "MyPageAdaptors", "PayAdaptors",
      "PointAdaptors", "Storage",
      "SugangServices", "SystemHarness", "TestSupport", "framed-rpc-test-server",
      "sugang", logging, nioPosix,
    ], swiftSettings: safe),
  // Real processes under a test's control.
  .target(
    name: "SystemHarness",
    dependencies: [
      "Contracts", "FramedRPC", "HTTPClientKit", "JSON", "Supervisor", "TestSupport", nioPosix,
    ],
    path: "Tests/SystemHarness", swiftSettings: safe),
  // What scripts/torture runs: the system under faults and load for minutes.
  .executableTarget(
    name: "torture",
    dependencies: [
      "Contracts", "FramedRPC", "HTTPClientKit", "JSON", "Kernel", "SystemHarness", "TestSupport",
      argumentParser, nioCore, nioPosix,
    ], path: "Tests/Torture", swiftSettings: safe),
]

/// The real services on one thread, under virtual time and a seeded schedule.
let simulationTargets: [Target] = [
  .target(
    name: "Simulation",
    dependencies: [
      "AdaptorSupport", "Contracts", "EventLog", "FramedRPC", "Kernel", "Storage",
      "SugangServices",
      "CourseAdaptors", "EnrollmentAdaptors", "PayAdaptors", "CourseCore", "EnrollmentCore",
      "PayCore", logging, nioCore,
    ], path: "Tests/Simulation", swiftSettings: shared),
  .executableTarget(
    name: "sugang-simulate", dependencies: ["Simulation"], path: "Tests/SimulationRunner",
    swiftSettings: shared),
  .testTarget(name: "SimulationTests", dependencies: ["Simulation"], swiftSettings: shared),
]

let fuzzTargets: [Target] = [
  .target(name: "CFuzzSupport", path: "Tests/fuzz/support"),
  .executableTarget(
    name: "framed-rpc-fuzz",
    dependencies: [
      "CFuzzSupport", "Contracts", "FramedRPC", "FramedRPCJSON", "JSON", nioCore, nioEmbedded,
    ], path: "Tests/fuzz/swift",
    swiftSettings: shared + fuzzed,
    linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]),
]

let package = Package(
  name: "sugang",
  products: [
    .executable(name: "sugang", targets: ["sugang"]),
    .library(name: "FramedRPC", targets: ["FramedRPC"]),
    .library(name: "FramedRPCTLS", targets: ["FramedRPCTLS"]),
    .library(name: "FramedRPCTestKit", targets: ["FramedRPCTestKit"]),
    .library(name: "FramedRPCObservability", targets: ["FramedRPCObservability", "W3CTrace"]),
    .library(name: "Contracts", targets: ["Contracts"]),
    .library(name: "SugangServices", targets: ["SugangServices"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: foundationTargets + rpcTargets + applicationTargets + simulationTargets
    + contexts.flatMap(context)
    + (fuzzing ? fuzzTargets : []),
  swiftLanguageModes: [.v6]
)

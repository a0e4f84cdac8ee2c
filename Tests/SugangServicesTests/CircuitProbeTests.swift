import Contracts
import FramedRPC
import Kernel
import Logging
import NIOCore
import Synchronization
import Testing

@testable import SugangServices

@Suite("Probing a dependency behind an open circuit")
struct CircuitProbeTests {
  @Test("users fail fast until the dependency answers for its health, then it is closed by itself")
  func closes() async throws {
    let server = Dependency()
    server.isHealthy = false
    let channel = GuardedChannel(
      server,
      breaker: CircuitBreakerPolicy(
        minimumCalls: 2, firstOpenTime: .milliseconds(1), maxOpenTime: .milliseconds(1), probes: 2))
    let user = channel.withoutProbing()
    for _ in 0..<2 {
      await #expect(throws: RPCError.self) { try await Self.ask(user) }
    }
    #expect(channel.circuit == .open)
    let asked = server.calls

    let loop = CircuitProbe.loop(to: "pay", channel, logger: Self.quiet)
    let running = Task { try await loop.run() }
    try await eventually { server.calls > asked }
    let error = await #expect(throws: RPCError.self) { try await Self.ask(user) }
    #expect(error?.reason == "circuit-open", "no user is the one who tries")

    server.isHealthy = true
    try await eventually { channel.circuit == .closed }
    try await Self.ask(user)

    running.cancel()
    try await running.value
  }

  private static func ask(_ channel: some RPCChannel) async throws {
    _ = try await FramedrpcV1.HealthServiceClient(channel).check(FramedrpcV1.CheckRequest())
  }

  private static let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }()
}

/// A service that answers every call for its health, or is gone.
private final class Dependency: RPCChannel {
  private let state = Mutex((isHealthy: true, calls: 0))

  let decodeLimits = DecodeLimits()

  var isHealthy: Bool {
    get { self.state.withLock { $0.isHealthy } }
    set { self.state.withLock { $0.isHealthy = newValue } }
  }

  var calls: Int { self.state.withLock { $0.calls } }

  func call(_ call: RPCCall) async throws -> ByteBuffer {
    let isHealthy = self.state.withLock { state in
      state.calls += 1
      return state.isHealthy
    }
    guard isHealthy else { throw RPCError(.unavailable, "gone") }
    return try FramedrpcV1.CheckResponse(status: .serving).encoded()
  }

  func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
    throw RPCError(.unimplemented, "health has no streams")
  }
}

import FramedRPC
import Logging
import NIOPosix
import ServiceLifecycle
import Testing

@testable import SugangServices

@Suite("The first contact with a dependency", .timeLimit(.minutes(3)))
struct FirstContactTests {
  @Test("a service is not ready before it has reached what it calls")
  func waits() async throws {
    let address = RPCAddress.inProcess("pay", in: InProcessNetwork())
    let client = RPCClient(address: address, group: Self.group)
    let contact = FirstContact(to: "pay", client, limit: .seconds(120), logger: Self.quiet)
    try await Self.running(contact) {
      await #expect(throws: RPCError.self) { try await client.methods() }
      #expect(contact.reasonsNotReady == ["pay has not been reached yet"])

      let server = try RPCServer(services: [], group: Self.group)
      _ = try await server.listen(on: address)
      try await eventually { contact.reasonsNotReady.isEmpty }
      _ = try await client.methods()
      return server
    }.shutdown()
  }

  @Test("a dependency that stays away keeps nobody from being ready, and ends nobody")
  func goesOn() async throws {
    let client = RPCClient(
      address: .inProcess("pay", in: InProcessNetwork()), group: Self.group)
    let contact = FirstContact(to: "pay", client, limit: .milliseconds(1), logger: Self.quiet)
    try await Self.running(contact) {
      try await eventually { contact.reasonsNotReady.isEmpty }
    }
  }

  @Test("a service that is told to stop waits for nobody")
  func stops() async throws {
    let client = RPCClient(
      address: .inProcess("pay", in: InProcessNetwork()), group: Self.group)
    let contact = FirstContact(to: "pay", client, limit: .seconds(3600), logger: Self.quiet)
    try await Self.running(contact) {}
  }

  /// From its start until it is told to stop.
  private static func running<Value>(
    _ contact: FirstContact, _ body: () async throws -> Value
  ) async throws -> Value {
    let group = ServiceGroup(services: [contact], logger: Self.quiet)
    let running = Task { try await group.run() }
    let value = try await body()
    await group.triggerGracefulShutdown()
    try await running.value
    return value
  }

  private static let group = MultiThreadedEventLoopGroup.singleton

  private static let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }()
}
